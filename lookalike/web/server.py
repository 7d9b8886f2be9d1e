"""The app's server, with its index loaded before the first visitor: what `lookalike serve` starts.

Its settings are in .streamlit/config.toml beside this file, where Streamlit finds them from whatever folder it is
started in. A STREAMLIT_… variable or an option of `streamlit run` counts more.

Plain `streamlit run app.py` runs the page, and so loads the index, only when somebody opens it. A health check
that waits for the index would wait forever.
"""

import gc
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

# The package that this file belongs to, installed or not.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")  # see lookalike/cli/__init__.py

import streamlit as st
from starlette.middleware import Middleware

from lookalike.errors import LookalikeError
from lookalike.serving import telemetry
from lookalike.serving.state import server_state
from lookalike.web import app as pages  # with all that they import, for start_before_visitors
from lookalike.web.click_redirect import ClickRedirect
from lookalike.web.compressed_static import CompressedStatic
from lookalike.web.first_page import SCRIPTS, FirstPage
from lookalike.web.login_return import LoginReturn
from lookalike.web.security_headers import SecurityHeaders
from lookalike.web.small_fonts import Fonts
from lookalike.web.upload_memory import keep_uploads_in_memory

keep_uploads_in_memory()


@asynccontextmanager
async def start_before_visitors(app: st.App) -> AsyncIterator[dict[str, object]]:
    """Set up logs, start the health server and begin to load the index in its own thread."""
    # Garbage is collected while visitors wait. Without the modules, that takes 20 ms instead of 150.
    # Here alone nothing of any visitor can be among what is never looked at again.
    gc.collect()
    gc.freeze()
    telemetry.set_up_logs()
    server_state().start_health_server()
    server_state().start_clicks()
    threading.Thread(target=load_index, name="load-index", daemon=True).start()
    yield {}
    server_state().flush_clicks()


def load_index() -> None:
    """Load the index of the settings. If that fails, the page tells visitors why, and the log tells the operator."""
    state = server_state()
    with suppress(LookalikeError):
        state.live(state.settings.index).current()


middleware = [
    Middleware(SecurityHeaders, frame_ancestors=server_state().settings.frame_ancestors, scripts=SCRIPTS),
    Middleware(CompressedStatic),
    Middleware(Fonts),
    Middleware(FirstPage, style=pages.STYLE.read_text(encoding="utf-8")),
]
if server_state().settings.staff_page == "login":
    middleware.append(Middleware(LoginReturn))
if server_state().settings.clicks_in:
    middleware.append(Middleware(ClickRedirect, state=server_state()))
if server_state().settings.api:
    from lookalike.web.api.application import create_api
    from lookalike.web.api.beside import ApiBeside

    middleware.append(Middleware(ApiBeside, api=create_api(server_state())))
app = st.App(Path(__file__).with_name("app.py"), lifespan=start_before_visitors, middleware=middleware)
