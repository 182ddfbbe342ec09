"""Outlines drawn by readers: found, checked against their images, brought together."""
