"""A shop's own web server for one test, on an origin of its own: one page that the test sets, and pages of products."""

import contextlib
import http.server
import threading
from dataclasses import dataclass, field


@dataclass
class Shop:
    """Its address, the page at "/" if the test sets one, and headers of every answer.

    Any other page says in its title what was asked for, and in its text where the visitor came from.
    """

    address: str
    page: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self, path, referrer):
        if path == "/" and self.page:
            return self.page
        return f"<title>{path}</title><p id=referrer>{referrer}</p>"


@contextlib.contextmanager
def running_shop():
    """Give a Shop that answers until the block ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = shop.answer(self.path, self.headers.get("Referer", "")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            for name, value in shop.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        shop = Shop(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield shop
        server.shutdown()
