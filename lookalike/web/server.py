"""The app's server, with its index loaded before the first visitor: what `lookalike serve` starts.

Plain `streamlit run app.py` runs the page, and so loads the index, only when somebody opens it. A health check
that waits for the index would wait forever.
"""

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")  # see lookalike/cli/__init__.py

import streamlit as st
from starlette.formparsers import MultiPartParser

from lookalike.errors import LookalikeError
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.serving import telemetry
from lookalike.serving.state import server_state

# Starlette puts larger parts into a file while they come in; photos are for memory only.
MultiPartParser.spool_max_size = MAX_PHOTO_BYTES + 1_000_000


@asynccontextmanager
async def start_before_visitors(app: st.App) -> AsyncIterator[dict[str, object]]:
    """Set up logs, start the health server and begin to load the index in its own thread."""
    telemetry.set_up_logs()
    server_state().start_health_server()
    threading.Thread(target=load_index, name="load-index", daemon=True).start()
    yield {}


def load_index() -> None:
    """Load the index of the settings. If that fails, the page tells visitors why, and the log tells the operator."""
    state = server_state()
    with suppress(LookalikeError):
        state.live(state.settings.index).current()


app = st.App(Path(__file__).with_name("app.py"), lifespan=start_before_visitors)
