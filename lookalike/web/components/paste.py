"""Photos that Streamlit's own uploader does not take: pasted or dropped anywhere, or from a phone's own camera."""

import base64
import binascii
from collections.abc import Mapping

from lookalike.web.components import load_component


def paste(
    words: Mapping[str, str], max_photos: int, max_bytes: int, accept: str, key: str, listens: bool = False
) -> list[bytes]:
    """Draw a button to paste a photo and, on a phone, one for its camera; or listen to the whole page instead.

    Return the photos sent by what the visitor just did: at most max_photos, of at most max_bytes bytes together. accept
    is what Streamlit's uploader offers to choose from, as HTML's accept. words are the texts label, camera, sending,
    too_large, nothing, by_keyboard and by_file.
    """
    data = {"max_photos": max_photos, "max_bytes": max_bytes, "accept": accept, "listens": listens, **words}
    sent = load_component("paste")(key=key, data=data, on_photos_change=lambda: None)
    return decode_photos(sent.photos, max_photos, max_bytes)


def decode_photos(sent: object, max_photos: int, max_bytes: int) -> list[bytes]:
    """Return the photos that are sent as data: URLs, without those that are none: a browser may send anything."""
    urls = sent[:max_photos] if isinstance(sent, list) else []
    photos = [photo for photo in (decode_data_url(url, max_bytes) for url in urls) if photo]
    return photos if sum(map(len, photos)) <= max_bytes else []


def decode_data_url(url: object, max_bytes: int) -> bytes | None:
    """Return the bytes of a data: URL, None if it is not one or is too large: a browser may send anything."""
    # Base64 makes four characters of three bytes; the media type before them is short.
    if not isinstance(url, str) or len(url) > max_bytes * 4 // 3 + 200:
        return None
    head, _, body = url.partition(",")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else None
    except binascii.Error:
        return None
