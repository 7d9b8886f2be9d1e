"""A small server beside the app: /healthz says whether a visitor would be answered, /metrics how it goes.

Streamlit's own health check is green as soon as its server listens, index or not; and what it serves is
on the open internet, where numbers about a shop do not belong. So this one has a port of its own, on
loopback unless LOOKALIKE_METRICS_ADDRESS says otherwise, and only where LOOKALIKE_METRICS_PORT is set.
"""

import json
import logging
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import exposition

from lookalike.errors import LookalikeError
from lookalike.serving import telemetry
from lookalike.serving.live_index import describe

LOOPBACK = "127.0.0.1"

LOADING = "The index is being loaded."

# Seconds between two looks at the index on disk.
INTERVAL = 5.0

_lock = threading.Lock()

_servers = []


class Watch:
    """Calls load again and again in a thread of its own, so that no visitor is the first; knows how it went."""

    def __init__(self, load):
        self._load, self._answer = load, (False, {"reason": LOADING})
        threading.Thread(target=self._keep_loaded, name="index", daemon=True).start()

    def health(self):
        """(True, what is served) or (False, why nothing is), as a dict; waits for nothing."""
        return self._answer

    def _keep_loaded(self):
        while True:
            try:
                self._answer = True, describe(self._load())
            except LookalikeError as error:
                self._answer = False, {"reason": str(error)}
            except Exception as error:
                telemetry.failed(error)
                self._answer = False, {"reason": f"The index cannot be loaded ({type(error).__name__})."}
            time.sleep(INTERVAL)


class Server(ThreadingHTTPServer):
    """Answers for a watch; a thread a question, none of which keeps the process alive."""

    daemon_threads = True
    watch = None


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of two addresses; nobody's address is logged, and nobody may take their time."""

    timeout = 10
    server_version, sys_version = "lookalike", ""

    def do_GET(self):
        """/healthz: JSON with 200 or 503; /metrics: what Prometheus reads; anything else: 404."""
        path = self.path.partition("?")[0]
        if path == "/healthz":
            fine, answer = self.server.watch.health()
            self._send(200 if fine else 503, "application/json", json.dumps({"ok": fine, **answer}).encode())
        elif path == "/metrics":
            self._send(200, exposition.CONTENT_TYPE_LATEST, exposition.generate_latest(telemetry.REGISTRY))
        else:
            self._send(404, "text/plain", b"There are /healthz and /metrics.\n")

    do_HEAD = do_GET

    def _send(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format, *args):
        """Nothing: a probe every few seconds is no news, and its line would hold an address."""


def start(load, port=None, address=None):
    """Serve /healthz and /metrics, and call load, which gives the recommender, now and every few seconds.

    The first call of a process starts it, the others change nothing. Gives (address, port), or None where
    LOOKALIKE_METRICS_PORT is not set or the port cannot be had.
    """
    port = os.environ.get("LOOKALIKE_METRICS_PORT", "") if port is None else port
    if port == "":
        return None
    with _lock:
        if not _servers:
            _servers.append(_started(load, port, address or os.environ.get("LOOKALIKE_METRICS_ADDRESS") or LOOPBACK))
    return _servers[0] and _servers[0].server_address[:2]


def _started(load, port, address):
    """A running server, or None: the app goes on without, and whoever asks for its health gets no answer."""
    try:
        server = Server((address, int(port)), Handler)
    except (OSError, ValueError, OverflowError) as error:
        telemetry.log("health-server-failed", logging.ERROR, error=type(error).__name__, port=str(port))
        return None
    server.watch = Watch(load)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    telemetry.log("health-server", port=server.server_address[1])
    return server
