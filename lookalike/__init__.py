"""Lookalike: a photo in, the products of a catalogue that look most like it out."""

import os

# OpenBLAS lets its threads spin for 2^28 cycles after every product, longer than a network takes; they would hold
# the cores that the next query needs. 2^16 is enough; read when numpy is first imported.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")
