"""Where a photo on the command line comes from: a file, standard input, or a web address."""

import http.client
import re
import sys
import urllib.request

from lookalike.errors import ImageError
from lookalike.images.decoding import MAX_FILE_BYTES, ImageSource

MAX_SECONDS_WITHOUT_DATA = 15


def read_photo(photo: str) -> ImageSource:
    """Return the bytes of standard input for -, those at an http or https address, and any other photo as its path.

    At most one byte more than the limit is read: the decoder refuses what is too large. Raises ImageError.
    """
    if photo == "-":
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1) if sys.stdin else b""
    if re.match("https?://", photo, re.IGNORECASE):
        return _download(photo)
    return photo


def _download(address: str) -> bytes:
    """Return the bytes at an address. Whoever types a command may ask any server, unlike a visitor of the app."""
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "Lookalike"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=MAX_SECONDS_WITHOUT_DATA) as answer:  # noqa: S310 # nosec B310
            content: bytes = answer.read(MAX_FILE_BYTES + 1)
            return content
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ImageError(
            f"{address} cannot be fetched ({error}). Check the address, or save the picture and give its file."
        ) from None
