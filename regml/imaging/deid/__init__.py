"""De-identification: a hospital's DICOM in, pseudonymous DICOM out.

The Basic Application Level Confidentiality Profile of DICOM PS3.15 Annex E with the
options that :mod:`~regml.imaging.deid.params` switches, at every nesting level, and
nothing kept that neither the table nor our allow-list names.

- :mod:`~regml.imaging.deid.table` holds the table of the standard as data.
- :mod:`~regml.imaging.deid.profile` turns it and the options into one action per tag.
- :mod:`~regml.imaging.deid.vocabulary` holds the words that may stay in descriptions.
- :mod:`~regml.imaging.deid.keys` makes pseudonyms from a secret key.
- :mod:`~regml.imaging.deid.apply` works on one data set.
- :mod:`~regml.imaging.deid.residual` looks for what should be gone in the output bytes.
- :mod:`~regml.imaging.deid.stage` works on a whole export.
"""
