"""A small server beside the app: /healthz says whether a visitor would be answered, /metrics shows how it goes.

Streamlit's own health check is green as soon as its server listens, index or not; and what it serves is on the open
internet, where numbers about a shop do not belong. So this one has a port of its own, on loopback by default.
"""

import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lookalike.errors import LookalikeError
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.serving.live_index import Description, describe

LOOPBACK = "127.0.0.1"
LOADING = "The index is being loaded."
ANSWERS_FAIL = "Most answers of the last minute failed. The log and lookalike_errors_total say why."
# Seconds between two looks at the index on disk.
INTERVAL = 5.0


class HealthServer(ThreadingHTTPServer):
    """Answers with one thread for each question, and calls load in another, so that no visitor waits for the index.

    load returns the recommender. It is called at once and every interval seconds. Raises OSError if the address is
    taken, OverflowError if the port is not one, RuntimeError if the machine has no thread left.
    """

    daemon_threads = True

    def __init__(
        self, load: Callable[[], Recommender], port: int, address: str = LOOPBACK, interval: float = INTERVAL
    ) -> None:
        super().__init__((address, port), _Handler)
        self._load, self._interval = load, interval
        self._health: tuple[bool, Description | dict[str, str]] = (False, {"reason": LOADING})
        self._closed = threading.Event()
        try:
            threading.Thread(target=self._keep_loaded, name="index", daemon=True).start()
            threading.Thread(target=self.serve_forever, name="health", daemon=True).start()
        except RuntimeError:
            self._closed.set()
            self.server_close()
            raise

    def health(self) -> tuple[bool, Description | dict[str, str]]:
        """Return (True, what is served) or (False, why nothing is), without waiting."""
        if self._health[0] and telemetry.answers_fail():
            return False, {"reason": ANSWERS_FAIL}
        return self._health

    def close(self) -> None:
        """Stop answering and loading, and free the port."""
        self._closed.set()
        self.shutdown()
        self.server_close()

    def _keep_loaded(self) -> None:
        while True:
            try:
                self._health = True, describe(self._load())
            except LookalikeError as error:
                self._health = False, {"reason": str(error)}
            except Exception as error:
                self._health = False, {"reason": f"The index cannot be loaded ({type(error).__name__})."}
                with suppress(MemoryError):  # which must not end this thread
                    telemetry.failed(error)
            if self._closed.wait(self._interval):
                return


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD of two addresses. It logs nobody's address, and drops whoever takes too long."""

    server: HealthServer
    timeout = 10
    server_version, sys_version = "lookalike", ""

    def do_GET(self) -> None:
        """/healthz: JSON with 200 or 503; /metrics: what Prometheus reads; anything else: 404."""
        path = self.path.partition("?")[0]
        if path == "/healthz":
            ok, answer = self.server.health()
            self._send(200 if ok else 503, "application/json", json.dumps({"ok": ok, **answer}).encode())
        elif path == "/metrics":
            self._send(200, telemetry.METRICS_TYPE, telemetry.metrics())
        else:
            self._send(404, "text/plain", b"There are /healthz and /metrics.\n")

    do_HEAD = do_GET

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: a probe every few seconds is no news, and its line would hold an address."""


def start_health_server(
    load: Callable[[], Recommender], port: str, address: str = LOOPBACK, interval: float = INTERVAL
) -> HealthServer | None:
    """Return a running HealthServer, or None if the port is not one or cannot be had, which the log tells.

    The app goes on without it, and whoever asks for its health gets no answer.
    """
    try:
        server = HealthServer(load, int(port), address, interval)
    except (OSError, ValueError, OverflowError, RuntimeError) as error:  # RuntimeError: no thread is left
        telemetry.log("health-server-failed", logging.ERROR, error=type(error).__name__, port=port)
        return None
    telemetry.log("health-server", port=server.server_port)
    return server
