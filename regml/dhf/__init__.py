"""The Design History File: documents and pages built from what really happened.

``plan`` says which documents there are, ``context`` computes what they say, ``render``
lays it out as Markdown, ``portal`` makes a page per item and record, and ``write``
turns all of it into HTML, PDF and DOCX.
"""
