"""The app with its index loaded before the first visitor comes: streamlit run deploy/serve.py

Plain `streamlit run app.py` runs the page, and so loads the index, only when somebody opens it; a health
check that waits for the index would wait for ever.
"""

import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.formparsers import MultiPartParser

ROOT = Path(__file__).resolve().parents[1]
# Streamlit puts the folder of the script it is given, this one's, on the path.
sys.path.insert(0, str(ROOT))

from lookalike.serving import health_server, live_index, telemetry  # noqa: E402

# Starlette puts all that is larger than 1 MB into a file while it comes in; photos are for memory only.
MultiPartParser.spool_max_size = 21 * 2**20


@asynccontextmanager
async def opening(app):
    """Before the first visitor: logs, the health server, and the index in its own thread."""
    telemetry.set_up_logs()
    live = live_index.shared(os.environ.get("LOOKALIKE_INDEX", "."))
    health_server.start(lambda: live.current()[0])
    yield {}


app = st.App(ROOT / "app.py", lifespan=opening)
