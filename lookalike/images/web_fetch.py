"""Fetch the picture at a web address, from the public web only, and keep nothing of it."""

import http.client
import re
import ssl
import time
from dataclasses import dataclass

from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.images.guarded_connection import STRICT, Policy, TimedStream, connect, unreachable
from lookalike.images.web_address import ADVICE, FetchError, WebAddress, parse_address

MAX_HEAD_BYTES = 64_000
MAX_REDIRECTS = 3

_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 64 * 1024
_COPY_AGAIN = f"Copy the picture's address again. Or: {ADVICE}"
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Version:
    """What a server says of the version of a picture that it gave, for asking whether there is a newer one."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Fetched:
    """A picture's bytes and their version."""

    content: bytes
    version: Version


def fetch_image(address: str, policy: Policy = STRICT) -> bytes:
    """Return the bytes at an http or https address, at most MAX_PHOTO_BYTES and within policy.seconds in all.

    It connects only to public addresses, redirects included; see Policy. Whether the bytes are an image is for the
    decoder to judge. Raises FetchError with a sentence to show.
    """
    fetched = fetch_newer(address, Version(), policy)
    return fetched.content if fetched else b""  # there is no earlier version, so it is never None


def fetch_newer(address: str, known: Version, policy: Policy = STRICT) -> Fetched | None:
    """Return what fetch_image does with its version, or None if the server says that the known one is the newest."""
    target, deadline = parse_address(address), time.monotonic() + policy.seconds
    for _ in range(MAX_REDIRECTS + 1):
        found = _visit(target, known, policy, deadline)
        if not isinstance(found, WebAddress):
            return found
        target = found
    raise FetchError(f"The address redirects more than {MAX_REDIRECTS} times.")


def _visit(target: WebAddress, known: Version, policy: Policy, deadline: float) -> Fetched | WebAddress | None:
    """Return the picture, the address that the server redirects to, or None if it is the known one; or FetchError."""
    try:
        with connect(target, policy, deadline, MAX_HEAD_BYTES) as stream:
            response = _request(stream, target, known)
            if response.status in _REDIRECTS:
                return target.join(response.headers.get("Location", ""))
            if response.status == 304 and known != Version():
                return None
            _check_head(response, target.host)
            body = _read_body(response, stream, target.host)
            _check_body(body, target.host)
            return Fetched(body, _version(response))
    except TimeoutError:
        raise FetchError(f"{target.host} took longer than {policy.seconds:g} seconds.", is_temporary=True) from None
    except ssl.SSLCertVerificationError:
        raise FetchError(f"{target.host} cannot prove its identity: its certificate is invalid.") from None
    except (ConnectionError, http.client.IncompleteRead):
        raise _incomplete(target.host) from None
    except (ssl.SSLError, http.client.HTTPException, ValueError):
        raise FetchError(f"{target.host} did not answer as a web server does.") from None
    except OSError:
        raise unreachable(target.host) from None


def _request(stream: TimedStream, target: WebAddress, known: Version) -> http.client.HTTPResponse:
    """Send the request and read the response's head. parse_address lets no spaces or line breaks into the request."""
    lines = [
        f"GET {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        "User-Agent: Lookalike",
        "Accept: image/avif,image/webp,image/*;q=0.8,*/*;q=0.5",
        # A compressed body could grow without limit; pictures are compressed already.
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if known.etag:
        lines.append(f"If-None-Match: {known.etag}")
    if known.last_modified:
        lines.append(f"If-Modified-Since: {known.last_modified}")
    stream.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
    response = http.client.HTTPResponse(stream, method="GET")  # type: ignore[arg-type] # it calls only makefile
    response.begin()
    return response


def _version(response: http.client.HTTPResponse) -> Version:
    """Return the version that a response names; a header that could not be sent back as it is counts as none."""
    etag, modified = (response.headers.get(name, "").strip() for name in ("ETag", "Last-Modified"))
    return Version(*(text if text.isascii() and text.isprintable() else "" for text in (etag, modified)))


def _check_head(response: http.client.HTTPResponse, host: str) -> None:
    if response.status in (404, 410):
        raise FetchError(f"{host} has nothing at that address.", _COPY_AGAIN)
    if response.status in (401, 402, 403, 429, 451):
        raise FetchError(f"{host} does not give this picture to other sites.", is_temporary=response.status == 429)
    if response.status != 200:
        reason = f"{host} answered with the error {response.status}."
        raise FetchError(reason, f"Try again later. Or: {ADVICE}", is_temporary=response.status >= 500)
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise FetchError(f"{host} sends the picture compressed, which is not supported.")
    if (response.length or 0) > MAX_PHOTO_BYTES:
        raise _too_large(host)


def _read_body(response: http.client.HTTPResponse, stream: TimedStream, host: str) -> bytes:
    announced, body = response.length, bytearray()
    stream.grant(2 * _PIECE)
    while piece := response.read(_PIECE):
        body += piece
        # A quarter more, for chunked transfer. A server that sends every byte as its own chunk only keeps us busy.
        stream.grant(len(piece) * 5 // 4)
        if len(body) > MAX_PHOTO_BYTES:
            raise _too_large(host)
    # http.client itself does not report this.
    if announced is not None and len(body) < announced:
        raise _incomplete(host)
    return bytes(body)


def _check_body(body: bytes, host: str) -> None:
    """Raise FetchError for an empty body and for a page, whatever the content type says."""
    if not body:
        raise FetchError(f"{host} sent nothing.", _COPY_AGAIN)
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<") and _PAGE.search(start):
        raise FetchError(
            "That is the address of a page, not of a picture.",
            f"Open the picture itself and copy its address. Or: {ADVICE}",
        )


def _too_large(host: str) -> FetchError:
    return FetchError(f"The picture at {host} has more than {MAX_PHOTO_BYTES // 1_000_000} MB, the limit.")


def _incomplete(host: str) -> FetchError:
    reason = f"{host} stopped before it had sent the whole picture."
    return FetchError(reason, f"Try again. Or: {ADVICE}", is_temporary=True)
