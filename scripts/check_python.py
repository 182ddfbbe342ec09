"""Refuse a Python that regml is not tested with, before anything is installed."""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "regml needs Python 3.11, 3.12 or 3.13; this is "
        + sys.version.split()[0]
        + ". Name another one: make PYTHON=python3.12 ..."
    )
