"""Fetch the picture at a web address that a shopper typed in, from the public web alone, and keep nothing of it."""

import http.client
import re
import ssl
import time

from lookalike.errors import ImageError
from lookalike.serving.guarded_connection import STRICT, connect, unreachable
from lookalike.serving.web_address import ADVICE, parse

MAX_BYTES = 20_000_000

MAX_HEAD_BYTES = 64_000

MAX_REDIRECTS = 3

_REDIRECTS = (301, 302, 303, 307, 308)

_PIECE = 64 * 1024

_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)


def fetch_image(address, policy=STRICT):
    """The bytes at an http or https address (text), at most MAX_BYTES and within policy.seconds in all.

    Only public addresses are connected to, redirects included; see Policy. Whether the bytes are an image is
    for images.py to judge. Raises ImageError with a sentence to show.
    """
    target, ends = parse(address), time.monotonic() + policy.seconds
    for _ in range(MAX_REDIRECTS + 1):
        found = _visit(target, policy, ends)
        if isinstance(found, bytes):
            return found
        target = found
    raise ImageError(f"The address leads on to others more than {MAX_REDIRECTS} times. {ADVICE}")


def _visit(target, policy, ends):
    """The picture's bytes, or the WebAddress that the server redirects to; raises ImageError alone."""
    try:
        with connect(target, policy, ends, MAX_HEAD_BYTES) as stream:
            response = _ask(stream, target)
            if response.status in _REDIRECTS:
                return target.join(response.headers.get("Location", ""))
            _check_head(response, target.host)
            return _check_body(_read(response, stream, target.host), target.host)
    except TimeoutError:
        raise ImageError(f"{target.host} took longer than {policy.seconds:g} seconds. {ADVICE}") from None
    except ssl.SSLCertVerificationError:
        raise ImageError(f"{target.host} cannot prove that it is that site: its certificate is bad. {ADVICE}") from None
    except (ConnectionError, http.client.IncompleteRead):
        raise _cut_off(target.host) from None
    except (ssl.SSLError, http.client.HTTPException, ValueError):
        raise ImageError(f"{target.host} gave an answer that is not a web server's. {ADVICE}") from None
    except OSError:
        raise unreachable(target.host) from None


def _ask(stream, target):
    """Send the request and read the response's head. parse lets neither spaces nor line breaks into either."""
    lines = (
        f"GET {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        "User-Agent: Lookalike",
        "Accept: image/avif,image/webp,image/*;q=0.8,*/*;q=0.5",
        # A compressed body could grow without limit when unpacked; pictures are compressed by themselves.
        "Accept-Encoding: identity",
        "Connection: close",
    )
    stream.sendall("\r\n".join((*lines, "", "")).encode("ascii"))
    response = http.client.HTTPResponse(stream, method="GET")
    response.begin()
    return response


def _check_head(response, host):
    if response.status in (404, 410):
        raise ImageError(f"{host} has nothing at that address. Copy the picture's address again. Or: {ADVICE}")
    if response.status in (401, 402, 403, 429, 451):
        raise ImageError(f"{host} does not hand its picture out to other sites. {ADVICE}")
    if response.status != 200:
        raise ImageError(f"{host} answered with the error {response.status}. Try again later. Or: {ADVICE}")
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise ImageError(f"{host} sends the picture packed, which is not unpacked here. {ADVICE}")
    if (response.length or 0) > MAX_BYTES:
        raise _too_large(host)


def _read(response, stream, host):
    announced, body = response.length, bytearray()
    stream.grant(2 * _PIECE)
    while piece := response.read(_PIECE):
        body += piece
        # A quarter more, for chunked transfer: a server that wraps every byte for itself only keeps us busy.
        stream.grant(len(piece) * 5 // 4)
        if len(body) > MAX_BYTES:
            raise _too_large(host)
    # http.client itself is silent about this.
    if announced is not None and len(body) < announced:
        raise _cut_off(host)
    return bytes(body)


def _check_body(body, host):
    """The body itself where it may be an image; judged by what it is, whatever its content type says."""
    if not body:
        raise ImageError(f"{host} sent nothing. Copy the picture's address again. Or: {ADVICE}")
    start = body[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<") and _PAGE.search(start):
        raise ImageError(
            "That is the address of a page, not of a picture. Open the picture itself and copy its address. "
            f"Or: {ADVICE}"
        )
    return body


def _too_large(host):
    return ImageError(f"The picture at {host} has more than {MAX_BYTES // 1_000_000} MB, the limit. {ADVICE}")


def _cut_off(host):
    return ImageError(f"{host} broke off before the picture was whole. Try again. Or: {ADVICE}")
