"""Handing a version over: the gate, the signed record, the archive and its check."""
