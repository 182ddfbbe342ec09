"""The only room with torch and MONAI: plan, train, infer, measure, validate.

- :mod:`regml.learning.plan` configures the network from the dataset's fingerprint.
- :mod:`regml.learning.train` trains it, the same bytes each time on one CPU.
- :mod:`regml.learning.inference` is what a device uses of it.
- :mod:`regml.learning.validate` measures it and judges the acceptance criteria.
"""
