"""A real web server on this machine for one test, as rude as the test wants it."""

import contextlib
import io
import socket
import threading
from dataclasses import replace

import pytest
from PIL import Image

from lookalike.errors import ImageError
from lookalike.images.guarded_connection import STRICT
from lookalike.images.web_fetch import fetch_image


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (40, 60), "red").save(buffer, "PNG")
    return buffer.getvalue()


def answer(body, *headers, status="200 OK"):
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "", "")).encode("latin-1") + body


class Server:
    """Answers every connection with bytes or a function(connection, stopped), and keeps the heads of the requests."""

    def __init__(self, respond, context=None, ip="127.0.0.1"):
        self.respond, self.context, self.ip, self.requests = respond, context, ip, []
        self.listening = socket.create_server((ip, 0), family=socket.AF_INET6 if ":" in ip else socket.AF_INET)
        self.port = self.listening.getsockname()[1]
        self.stopped = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def policy(self):
        """The strict policy, with an exception for this server."""
        return replace(STRICT, exceptions=frozenset({(self.ip, self.port)}))

    def url(self, path="/photo.png", host="127.0.0.1", scheme="http"):
        return f"{scheme}://{host}:{self.port}{path}"

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.listening.accept()[0]
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with contextlib.suppress(OSError), connection:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (piece := connection.recv(4096)):
                    return
                head += piece
            self.requests.append(head.decode("latin-1"))
            if callable(self.respond):
                self.respond(connection, self.stopped)
            else:
                connection.sendall(self.respond)

    def stop(self):
        self.stopped.set()
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)  # wakes up the accepting thread
        self.listening.close()


def servers():
    """Give a function that starts a Server (bytes or function, TLS context, IP), and stop all servers at the end."""
    started = []

    def start(*arguments):
        started.append(Server(*arguments))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def refused(address, sentence, policy=STRICT):
    with pytest.raises(ImageError, match=sentence) as caught:
        fetch_image(address, policy)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def only_numbers(host, port):
    if host != "127.0.0.1":
        raise socket.gaierror(socket.EAI_NONAME, "no such host")
    return [host]


def endless(start, piece=b"\xff" * 65536, pause=0.0):
    def respond(connection, stopped):
        connection.sendall(start)
        while not stopped.wait(pause):
            connection.sendall(piece)

    return respond
