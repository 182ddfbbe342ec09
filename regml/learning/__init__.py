"""The only room with torch and MONAI: plan, train, infer, measure, validate.

- :mod:`regml.learning.plan` configures the network from the dataset's fingerprint.
- :mod:`regml.learning.train` trains it, the same bytes each time on one CPU.
- :mod:`regml.learning.inference` is what a device uses of it.
- :mod:`regml.learning.validate` measures it and judges the acceptance criteria.
"""

import os

# Threads of torch that wait for each other burn their core by default. On a machine
# that is busy with anything else a training step then takes ten times as long. OpenMP
# reads this only once, when torch is imported, so it has to be said before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
