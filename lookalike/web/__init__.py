"""The web app: the Streamlit pages and the server that shows them."""

import os

# See lookalike/cli/__init__.py: numpy must not be imported before this.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")
