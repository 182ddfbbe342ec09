"""Formats: bytes in, nouns out. A reader knows no rule."""
