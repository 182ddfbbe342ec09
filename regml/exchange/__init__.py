"""Interchange: items from other tools, and our items for other tools.

A reader turns a foreign file into :class:`~regml.exchange.foreign.Reading`; a mapping
says what becomes what; :func:`~regml.exchange.convert.convert` makes items of it and
remarks on everything that has no place. A writer turns items into one file.
"""
