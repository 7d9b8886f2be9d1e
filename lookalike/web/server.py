"""The app's server, with its index loaded before the first visitor: what `lookalike serve` starts.

Its settings are in .streamlit/config.toml beside this file, where Streamlit finds them from whatever folder it is
started in. A STREAMLIT_… variable or an option of `streamlit run` counts more.

Plain `streamlit run app.py` runs the page, and so loads the index, only when somebody opens it. A health check
that waits for the index would wait forever.
"""

import gc
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

# The package that this file belongs to, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")  # see lookalike/cli/__init__.py

import streamlit as st
from starlette.formparsers import MultiPartParser

from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.serving import telemetry
from lookalike.serving.state import server_state
from lookalike.web import app as _pages  # noqa: F401 - with all that they import, for start_before_visitors

# Starlette puts larger parts into a file while they come in; photos are for memory only.
MultiPartParser.spool_max_size = MAX_PHOTO_BYTES + 1_000_000


@asynccontextmanager
async def start_before_visitors(app: st.App) -> AsyncIterator[dict[str, object]]:
    """Set up logs, start the health server and begin to load the index in its own thread."""
    # Streamlit collects garbage after every run of the page. Without the modules, that takes 20 ms instead of 150.
    # Here alone nothing of any visitor can be among what is never looked at again.
    gc.collect()
    gc.freeze()
    telemetry.set_up_logs()
    server_state().start_health_server()
    yield {}


app = st.App(Path(__file__).with_name("app.py"), lifespan=start_before_visitors)
