"""Fetch the picture at a web address that a visitor typed in, from the public web only, and keep nothing of it."""

import http.client
import re
import ssl
import time

from lookalike.errors import ImageError
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.serving.guarded_connection import STRICT, Policy, TimedStream, connect, unreachable
from lookalike.serving.web_address import ADVICE, WebAddress, parse_address

MAX_HEAD_BYTES = 64_000
MAX_REDIRECTS = 3

_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 64 * 1024
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)


def fetch_image(address: str, policy: Policy = STRICT) -> bytes:
    """Return the bytes at an http or https address, at most MAX_PHOTO_BYTES and within policy.seconds in all.

    It connects only to public addresses, redirects included; see Policy. Whether the bytes are an image is for the
    decoder to judge. Raises ImageError with a sentence to show.
    """
    target, deadline = parse_address(address), time.monotonic() + policy.seconds
    for _ in range(MAX_REDIRECTS + 1):
        found = _visit(target, policy, deadline)
        if isinstance(found, bytes):
            return found
        target = found
    raise ImageError(f"The address redirects more than {MAX_REDIRECTS} times. {ADVICE}")


def _visit(target: WebAddress, policy: Policy, deadline: float) -> bytes | WebAddress:
    """Return the picture's bytes, or the address that the server redirects to; raises only ImageError."""
    try:
        with connect(target, policy, deadline, MAX_HEAD_BYTES) as stream:
            response = _request(stream, target)
            if response.status in _REDIRECTS:
                return target.join(response.headers.get("Location", ""))
            _check_head(response, target.host)
            body = _read_body(response, stream, target.host)
            _check_body(body, target.host)
            return body
    except TimeoutError:
        raise ImageError(f"{target.host} took longer than {policy.seconds:g} seconds. {ADVICE}") from None
    except ssl.SSLCertVerificationError:
        raise ImageError(f"{target.host} cannot prove its identity: its certificate is invalid. {ADVICE}") from None
    except (ConnectionError, http.client.IncompleteRead):
        raise _incomplete(target.host) from None
    except (ssl.SSLError, http.client.HTTPException, ValueError):
        raise ImageError(f"{target.host} did not answer as a web server does. {ADVICE}") from None
    except OSError:
        raise unreachable(target.host) from None


def _request(stream: TimedStream, target: WebAddress) -> http.client.HTTPResponse:
    """Send the request and read the response's head. parse_address lets no spaces or line breaks into the request."""
    lines = (
        f"GET {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        "User-Agent: Lookalike",
        "Accept: image/avif,image/webp,image/*;q=0.8,*/*;q=0.5",
        # A compressed body could grow without limit; pictures are compressed already.
        "Accept-Encoding: identity",
        "Connection: close",
    )
    stream.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
    response = http.client.HTTPResponse(stream, method="GET")  # type: ignore[arg-type] # it calls only makefile
    response.begin()
    return response


def _check_head(response: http.client.HTTPResponse, host: str) -> None:
    if response.status in (404, 410):
        raise ImageError(f"{host} has nothing at that address. Copy the picture's address again. Or: {ADVICE}")
    if response.status in (401, 402, 403, 429, 451):
        raise ImageError(f"{host} does not give this picture to other sites. {ADVICE}")
    if response.status != 200:
        raise ImageError(f"{host} answered with the error {response.status}. Try again later. Or: {ADVICE}")
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise ImageError(f"{host} sends the picture compressed, which is not supported. {ADVICE}")
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
    """Raise ImageError for an empty body and for a page, whatever the content type says."""
    if not body:
        raise ImageError(f"{host} sent nothing. Copy the picture's address again. Or: {ADVICE}")
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<") and _PAGE.search(start):
        raise ImageError(
            "That is the address of a page, not of a picture. Open the picture itself and copy its address. "
            f"Or: {ADVICE}"
        )


def _too_large(host: str) -> ImageError:
    return ImageError(f"The picture at {host} has more than {MAX_PHOTO_BYTES // 1_000_000} MB, the limit. {ADVICE}")


def _incomplete(host: str) -> ImageError:
    return ImageError(f"{host} stopped before it had sent the whole picture. Try again. Or: {ADVICE}")
