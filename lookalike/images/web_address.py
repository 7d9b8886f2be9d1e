"""A web address as a visitor typed it, parsed once: what is checked is exactly what is requested."""

import ipaddress
import re
import string
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from lookalike.errors import ImageError

MAX_LENGTH = 2000
PORTS = {"http": 80, "https": 443}
# What to do next, wherever an address does not lead to a picture.
ADVICE = "Save the picture and upload it instead."

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_PASTE_AGAIN = f"Copy the picture's address again and paste it whole. Or: {ADVICE}"


class FetchError(ImageError):
    """A picture at a web address that cannot be had.

    Attributes:
        reason: why, in one sentence; the message adds what a visitor can do.
        is_temporary: whether the same address may well answer later.
    """

    def __init__(self, reason: str, advice: str = ADVICE, is_temporary: bool = False) -> None:
        super().__init__(f"{reason} {advice}")
        self.reason, self.is_temporary = reason, is_temporary


_INCOMPLETE = "That is not a complete web address."


@dataclass(frozen=True)
class WebAddress:
    """An http or https address in plain ASCII: host without brackets, path with its query, no fragment."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The host as HTTP names it: brackets around IPv6, and the port unless it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def join(self, location: str) -> "WebAddress":
        """Return the address that a redirect from here to location, a header's text, leads to; raises FetchError."""
        # http.client reads headers as latin-1, so this restores the very bytes that the server sent.
        ascii_location = quote(location, safe=string.punctuation, encoding="iso-8859-1", errors="replace")
        try:
            joined = urljoin(f"{self.scheme}://{self.host_header}{self.path}", ascii_location)
        except ValueError:
            raise FetchError(_INCOMPLETE, _PASTE_AGAIN) from None
        return parse_address(joined)


def parse_address(text: str) -> WebAddress:
    """Return the WebAddress in a text; raises FetchError for anything else, for a user name and another scheme."""
    if len(text) > MAX_LENGTH:
        raise FetchError(f"The address has {len(text):,} characters; the limit is {MAX_LENGTH:,}.")
    try:
        return _parse(text.strip())
    except ValueError:  # from urlsplit, the IDNA codec, ipaddress or quote
        raise FetchError(_INCOMPLETE, _PASTE_AGAIN) from None


def _parse(text: str) -> WebAddress:
    # urlsplit drops line breaks and tabs, and browsers read \ as /: nothing may be read in two ways.
    if _CONTROL.search(text):
        raise ValueError
    parts = urlsplit(text)
    if parts.scheme not in PORTS:
        raise FetchError(
            "The address does not begin with https:// or http://.",
            f"Open the picture itself and copy its address. Or: {ADVICE}",
        )
    if "@" in parts.netloc:
        raise FetchError("The address holds a user name, or an @ before its path, which is not sent.")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    path = _quote(parts.path or "/") + (f"?{_quote(parts.query)}" if parts.query else "")
    return WebAddress(parts.scheme, _ascii_host(parts.hostname or ""), port, path)


def _ascii_host(name: str) -> str:
    """Return the host in ASCII; raises ValueError. IPv4 in any spelling is left to the resolver, as names are."""
    if ":" in name:
        if "%" in name:
            raise ValueError  # fe80::1%eth0 picks one of this machine's own networks
        return ipaddress.IPv6Address(name).compressed
    # Certificates do not name a final dot.
    host = name.encode("idna").decode("ascii").lower().removesuffix(".")
    if not _HOST.fullmatch(host):
        raise ValueError
    return host


def _quote(text: str) -> str:
    return quote(text, safe="%/?:@!$&'()*+,;=~[]|")
