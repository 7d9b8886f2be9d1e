"""A bucket at an s3:// address: as much of S3's protocol as listing and reading objects needs."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

OBJECT = "<Contents><Key>{}</Key><Size>{}</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>"


@contextmanager
def serve_bucket(objects):
    """Serve objects, a dict from key to bytes, and yield the address of the bucket."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            parts = urlsplit(self.path)
            key = parts.path.removeprefix("/shop").removeprefix("/")
            if key:
                return self.answer(objects.get(key))
            prefix = parse_qs(parts.query).get("prefix", [""])[0]
            found = "".join(
                OBJECT.format(escape(key), len(body)) for key, body in objects.items() if key.startswith(prefix)
            )
            return self.answer(f"<ListBucketResult>{found}</ListBucketResult>".encode())

        def do_HEAD(self):
            self.do_GET()

        def answer(self, body):
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.send_header("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    access = "scheme=http&region=us-east-1&allow_bucket_creation=false"
    try:
        yield f"s3://key:secret@shop/images?{access}&endpoint_override=127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
