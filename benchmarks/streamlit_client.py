"""A visitor of the app without a browser: Streamlit's own protocol, a photo in, the ids of the products out.

A browser, too, keeps one websocket for the page, and sends files and fetches pictures beside it: the server cannot
tell the two apart. Made for Streamlit 1.67; whatever is used of its protocol stands in this file.
"""

import contextlib
import http.client
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

# What a visitor meets where a server refuses, has gone, or answers no more.
LOST = (OSError, EOFError, RuntimeError, http.client.HTTPException, WebSocketException)
COOKIE = "_streamlit_xsrf"
# The key of every card's button "More like this", before the product's id.
CARD = "like-"
CARDS = 5
# Seconds of silence after which a visitor gives up.
PATIENCE = 60


@dataclass(frozen=True)
class Outcome:
    """One upload: its picture's place among the photos, when and how soon it was answered, and with what."""

    place: int
    start: float
    seconds: float | None = None
    products: tuple = ()
    problems: tuple = ()


@dataclass
class Page:
    """What one run of the app drew, as far as it matters here."""

    products: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    pictures: list = field(default_factory=list)
    uploader: str = ""

    def add(self, element):
        """Take note of a proto Element."""
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.problems.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format in (Alert.ERROR, Alert.WARNING):
            self.problems.append(element.alert.body)
        elif kind == "imgs":
            self.pictures += [image.url for image in element.imgs.imgs]
        elif kind == "file_uploader":
            self.uploader = element.file_uploader.id
        elif kind == "button" and (key := element.button.id.split("-", 2)[-1]).startswith(CARD):
            self.products.append(key.removeprefix(CARD))


def visit(address, photos, plan, when_open=lambda: None):
    """The Outcomes of one visit that asks the photos at the places of plan, as far as the server lets it."""
    outcomes = []
    try:
        with Visitor(address) as visitor:
            when_open()
            for place in plan:
                outcomes.append(_asked(visitor, photos, place))
    except LOST as error:
        problem = f"{type(error).__name__}: {error}"
        outcomes += [Outcome(place, time.perf_counter(), problems=(problem,)) for place in plan[len(outcomes) :]]
    return outcomes


def _asked(visitor, photos, place):
    photo, start = photos.fresh(place), time.perf_counter()
    page = visitor.ask(photo)
    seconds = time.perf_counter() - start
    problems = page.problems + [f"no picture at {address}" for address in visitor.fetch_pictures()]
    if len(page.products) != CARDS:
        problems.append(f"{len(page.products)} cards instead of {CARDS}")
    return Outcome(place, start, seconds, tuple(page.products), tuple(problems))


class Visitor:
    """One person with a session and cookies of their own, at http://host:port; raises one of LOST."""

    def __init__(self, address):
        self._place = urlsplit(address).netloc
        self._session, self._page_hash, self._cookie, self._seen = "", "", "", set()
        with contextlib.ExitStack() as opened:
            self._web = http.client.HTTPConnection(self._place, timeout=PATIENCE)
            opened.callback(self._web.close)
            self._cookie = self._first_cookie()
            self._stream = opened.enter_context(self._websocket())
            self.page = self._run()
            self._closing = opened.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._closing.close()

    def ask(self, photo, name="photo.jpg"):
        """Upload the bytes of a photo; the Page that answers them, once its run has ended."""
        where = self._place_for(name)
        self._put(where.upload_url, photo, name)
        self.page = self._run(where, name, len(photo))
        return self.page

    def fetch_pictures(self):
        """Fetch the pictures of the page that were on none before; the addresses of those not to be had."""
        new = [address for address in self.page.pictures if address.startswith("/") and address not in self._seen]
        self._seen.update(new)
        self._web.close()
        return [address for address in new if self._request("GET", address)[0] != 200]

    def _first_cookie(self):
        # The page, too, asks for the server's health before all else, and gets its cookie with the reply.
        _, headers, _ = self._request("GET", "/_stcore/health")
        cookies = [cookie.partition(";")[0] for cookie in headers.get_all("Set-Cookie", [])]
        return next((cookie for cookie in cookies if cookie.startswith(COOKIE + "=")), "")

    def _websocket(self):
        return connect(
            f"ws://{self._place}/_stcore/stream",
            origin=f"http://{self._place}",
            subprotocols=["streamlit", self._token or "none"],
            additional_headers={"Cookie": self._cookie},
            compression=None,
            max_size=None,
            proxy=None,
            open_timeout=PATIENCE,
        )

    @property
    def _token(self):
        return self._cookie.partition("=")[2]

    def _request(self, method, path, body=None, **headers):
        self._web.request(method, path, body, {"Cookie": self._cookie, **headers})
        reply = self._web.getresponse()
        return reply.status, reply.headers, reply.read()

    def _place_for(self, name):
        """Where the server wants a file: its proto FileURLs."""
        message = BackMsg()
        request = message.file_urls_request
        request.request_id, request.session_id = uuid.uuid4().hex, self._session
        request.file_names.append(name)
        self._stream.send(message.SerializeToString())
        while (reply := self._next()).WhichOneof("type") != "file_urls_response":
            pass
        return reply.file_urls_response.file_urls[0]

    def _put(self, path, photo, name):
        edge = uuid.uuid4().hex
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        body = f"{head}Content-Type: image/jpeg\r\n\r\n".encode() + photo + f"\r\n--{edge}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={edge}", "X-Xsrftoken": self._token}
        # The server ends a connection that was idle for seconds; a browser sees that and opens another, as we do.
        self._web.close()
        status, _, content = self._request("PUT", path, body, **headers)
        if status != 204:
            raise RuntimeError(f"the upload was refused with {status}: {content[:200].decode(errors='replace')}")

    def _run(self, where=None, name="", size=0):
        """Have the app run, with a file in its uploader if there is one; the Page that it drew."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self._page_hash
        if where:
            widget = message.rerun_script.widget_states.widgets.add(id=self.page.uploader)
            files = widget.file_uploader_state_value.uploaded_file_info
            files.add(file_id=where.file_id, name=name, size=size, file_urls=where)
        self._stream.send(message.SerializeToString())
        return self._drawn()

    def _drawn(self):
        page = Page()
        while True:
            message = self._next()
            kind = message.WhichOneof("type")
            if kind == "new_session":
                # A run that starts over draws everything again.
                page, self._session = Page(), message.new_session.initialize.session_id
            elif kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                page.add(message.delta.new_element)
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return page

    def _next(self):
        return ForwardMsg.FromString(self._stream.recv(timeout=PATIENCE))
