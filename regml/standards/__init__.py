"""Catalogues of clauses as data: another edition is another file and no code."""
