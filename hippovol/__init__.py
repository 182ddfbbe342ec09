"""HippoVol: volumes of the hippocampus from T1-weighted MR images of adults.

The fictional device that regml ships as its worked example. One street::

    input -> gate -> preparation -> model -> volumetry -> quality -> report

:func:`hippovol.app.analyse` walks it once; ``python -m hippovol`` is the same for
people and scripts. Nothing here trains, and nothing writes the name of a patient.
"""

DEVICE = "HippoVol"
"""Trade name, as printed on every report."""

__version__ = "1.0.0"
"""Version of the device's own code."""
