"""A visitor of the app without a browser: speaks Streamlit's own protocol, uploads photos, reads the products' ids.

Like a browser, it keeps one websocket for the page, and sends files and fetches pictures separately: the server cannot
tell the two apart. Made for Streamlit 1.67; everything that depends on its protocol is in this file.
"""

import contextlib
import http.client
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Protocol
from urllib.parse import urlsplit

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

# What a visitor gets when a server refuses, is gone or no longer answers.
CONNECTION_ERRORS = (OSError, EOFError, RuntimeError, http.client.HTTPException, WebSocketException)
COOKIE = "_streamlit_xsrf"
# The key of each card's button "More like this", before the product's id.
CARD_PREFIX, KEPT_PREFIX = "like-", "like-kept-"
CARDS = 5
# Seconds of silence after which a visitor gives up.
TIMEOUT = 60


class PhotoSource(Protocol):
    """Gives the bytes to upload."""

    def fresh(self, place: int) -> bytes: ...


@dataclass(frozen=True)
class Outcome:
    """The result of one upload.

    Attributes:
        place: the picture's place among the photos.
        start: when it was uploaded, in seconds of time.perf_counter().
        seconds: how long the answer took, None without one.
        products: the ids of the answer's products.
        problems: sentences, empty if all is well.
    """

    place: int
    start: float
    seconds: float | None = None
    products: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass
class Page:
    """What one run of the app drew, as far as it matters here."""

    products: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    uploader: str = ""
    buttons: dict[str, str] = field(default_factory=dict)

    def add(self, element: Element) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.problems.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format in (Alert.ERROR, Alert.WARNING):
            self.problems.append(element.alert.body)
        elif kind == "imgs":
            self.pictures += [image.url for image in element.imgs.imgs]
        elif kind == "file_uploader":
            self.uploader = element.file_uploader.id
        elif kind == "button":
            key = element.button.id.split("-", 2)[-1]
            self.buttons[key] = element.button.id
            if key.startswith(CARD_PREFIX) and not key.startswith(KEPT_PREFIX):
                self.products.append(key.removeprefix(CARD_PREFIX))


def visit(
    address: str, photos: PhotoSource, plan: Sequence[int], when_open: Callable[[], object] = lambda: None
) -> list[Outcome]:
    """Visit the app, upload the photos at the places of plan, and return an outcome for each."""
    outcomes: list[Outcome] = []
    try:
        with Visitor(address) as visitor:
            when_open()
            for place in plan:
                outcomes.append(_upload(visitor, photos, place))
    except CONNECTION_ERRORS as error:
        problem = f"{type(error).__name__}: {error}"
        outcomes += [Outcome(place, time.perf_counter(), problems=(problem,)) for place in plan[len(outcomes) :]]
    return outcomes


def _upload(visitor: "Visitor", photos: PhotoSource, place: int) -> Outcome:
    photo, start = photos.fresh(place), time.perf_counter()
    page = visitor.upload(photo)
    seconds = time.perf_counter() - start
    problems = page.problems + [f"no picture at {address}" for address in visitor.fetch_pictures()]
    if len(page.products) != CARDS:
        problems.append(f"{len(page.products)} cards instead of {CARDS}")
    return Outcome(place, start, seconds, tuple(page.products), tuple(problems))


class Visitor:
    """A person with a session and cookies of their own, at http://host:port; raises one of CONNECTION_ERRORS."""

    def __init__(self, address: str, query: str = "") -> None:
        self._host, self._query = urlsplit(address).netloc, query
        self._session = self._page_hash = self._cookie = ""
        self._fetched: set[str] = set()
        with contextlib.ExitStack() as opened:
            self._web = http.client.HTTPConnection(self._host, timeout=TIMEOUT)
            opened.callback(self._web.close)
            self._cookie = self._first_cookie()
            self._stream = opened.enter_context(self._websocket())
            self._send_run()
            self.page = self._read_page()
            self._closing = opened.pop_all()

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def upload(self, photo: bytes, name: str = "photo.jpg") -> Page:
        """Upload the bytes of a photo, and return the page that answers it once its run has ended."""
        where = self._request_upload(name)
        self._put(where.upload_url, photo, name)
        self._send_run(where, name, len(photo))
        self.page = self._read_page()
        return self.page

    def upload_while_a_run_begins(self, photo: bytes, name: str = "photo.jpg") -> Page:
        """Upload a photo as upload does, but let a run begin right after the question where to send it."""
        self._send_upload_request(name)
        self._send_run()
        where = self._read_upload_address()
        self._put(where.upload_url, photo, name)
        self._send_run(where, name, len(photo))
        self.page = self._read_page()
        if not self.page.products:  # that was the run before
            self.page = self._read_page()
        return self.page

    def open(self, query: str) -> Page:
        """Go to the address with these query parameters, as the browser's Back does."""
        self._query = query
        self._send_run(is_history_step=True)
        self.page = self._read_page()
        return self.page

    def open_in_a_hurry(self, queries: Sequence[str], pause: float) -> Page:
        """Go to addresses one after another, each after a pause in seconds, without waiting for what they show.

        Return the page of the last one.
        """
        for query in queries:
            self._query = query
            self._send_run(is_history_step=True)
            time.sleep(pause)
        return self.open(queries[-1])

    def press(self, key: str) -> Page:
        """Press the button of the page with that key."""
        self._send_run(button=self.page.buttons[key])
        self.page = self._read_page()
        return self.page

    def fetch_pictures(self) -> list[str]:
        """Fetch the page's pictures that no earlier page had; return the addresses of those that are not there."""
        new = [address for address in self.page.pictures if address.startswith("/") and address not in self._fetched]
        self._fetched.update(new)
        self._web.close()
        return [address for address in new if self._request("GET", address)[0] != 200]

    def _first_cookie(self) -> str:
        # The page in a browser, too, first asks for the server's health, and gets its cookie with the reply.
        _, headers, _ = self._request("GET", "/_stcore/health")
        cookies = [cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie", [])]
        return next((cookie for cookie in cookies if cookie.startswith(COOKIE + "=")), "")

    def _websocket(self) -> ClientConnection:
        return connect(
            f"ws://{self._host}/_stcore/stream",
            origin=f"http://{self._host}",
            subprotocols=["streamlit", self._token or "none"],
            additional_headers={"Cookie": self._cookie},
            compression=None,
            max_size=None,
            proxy=None,
            open_timeout=TIMEOUT,
        )

    @property
    def _token(self) -> str:
        return self._cookie.partition("=")[2]

    def _request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Message, bytes]:
        self._web.request(method, path, body, {"Cookie": self._cookie, **headers})
        reply = self._web.getresponse()
        return reply.status, reply.headers, reply.read()

    def _request_upload(self, name: str) -> FileURLs:
        """Return where the server wants a file."""
        self._send_upload_request(name)
        return self._read_upload_address()

    def _send_upload_request(self, name: str) -> None:
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = uuid.uuid4().hex, self._session
        request.file_names.append(name)
        self._stream.send(message.SerializeToString())

    def _read_upload_address(self) -> FileURLs:
        while (reply := self._next()).WhichOneof("type") != "file_urls_response":
            pass
        return reply.file_urls_response.file_urls[0]

    def _put(self, path: str, photo: bytes, name: str) -> None:
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + photo + f"\r\n--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}", "X-Xsrftoken": self._token}
        # The server closes a connection that was idle for seconds. A browser sees that and opens another; so do we.
        self._web.close()
        status, _, content = self._request("PUT", path, body, **headers)
        if status != 204:
            raise RuntimeError(f"the upload was refused with {status}: {content[:200].decode(errors='replace')}")

    def _send_run(
        self,
        where: FileURLs | None = None,
        name: str = "",
        size: int = 0,
        button: str = "",
        is_history_step: bool = False,
    ) -> None:
        """Have the app run, with a file in its uploader or a button pressed; _read_page gives what it draws."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self._page_hash
        message.rerun_script.query_string = self._query
        message.rerun_script.is_history_navigation = is_history_step
        if button:
            message.rerun_script.widget_states.widgets.add(id=button).trigger_value = True
        if where:
            widget = message.rerun_script.widget_states.widgets.add(id=self.page.uploader)
            files = widget.file_uploader_state_value.uploaded_file_info
            files.add(file_id=where.file_id, name=name, size=size, file_urls=where)
        self._stream.send(message.SerializeToString())

    def _read_page(self) -> Page:
        page = Page()
        while True:
            message = self._next()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                # A run that starts over draws everything again.
                page, self._session = Page(), message.new_session.initialize.session_id
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                page.add(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return page

    def _next(self) -> ForwardMsg:
        return ForwardMsg.FromString(self._stream.recv(timeout=TIMEOUT))
