"""The API alone, without the page: what `lookalike serve --api` starts, as uvicorn's factory create."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from lookalike.errors import LookalikeError
from lookalike.serving import telemetry
from lookalike.serving.state import server_state
from lookalike.web.api.application import create_api
from lookalike.web.security_headers import SecurityHeaders
from lookalike.web.upload_memory import keep_uploads_in_memory


def create() -> FastAPI:
    """Return the API of this process's settings, which loads the index as soon as it starts."""
    telemetry.set_up_logs()
    keep_uploads_in_memory()
    state = server_state()
    api = create_api(state)
    api.add_middleware(SecurityHeaders, frame_ancestors=state.settings.frame_ancestors)

    def load_index() -> None:
        with suppress(LookalikeError):
            state.live(state.settings.index).current()

    @asynccontextmanager
    async def start_before_askers(_: FastAPI) -> AsyncIterator[None]:
        state.start_health_server()
        state.start_clicks()
        threading.Thread(target=load_index, name="load-index", daemon=True).start()
        yield
        state.flush_clicks()

    api.router.lifespan_context = start_before_askers
    return api
