"""The terminal: one module a group of commands, `main` puts them together."""

import os

# OpenBLAS threads spin for 2^28 cycles after every product, longer than a network takes, and so hold the cores that
# the next query needs. 2^16 is enough. OpenBLAS reads this when numpy is first imported, which is below.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")
