"""The nouns people write and runs leave: frozen, without any I/O."""
