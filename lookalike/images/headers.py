"""What an image file says of itself, read before any decoder is, and the file without its metadata.

Metadata is where hostile files aim (texts that unpack to gigabytes, tags that all point at the same
megabytes) and where people's places are; nothing of it is needed but which way is up and which colors are meant.
"""

import re
import struct
from dataclasses import dataclass
from itertools import takewhile

from lookalike.images.color_profiles import from_jpeg, from_png

# A catalogue may hold any of these; every other format Pillow knows is refused by content, whatever
# the file is called, because rarely used decoders are where hostile files aim.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")

# Far more than any encoder writes; without them a file of empty segments keeps a core busy for seconds.
MAX_PARTS, MAX_GIF_BLOCKS = 20_000, 500_000

SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"....ftyp", re.DOTALL), "HEIF or AVIF"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"II\*\0|MM\0\*|II\+\0|MM\0\+"), "TIFF"),
)

# Pictures are written in 10 or so; a decoder goes over every pixel for each, however few bytes a scan has.
MAX_SCANS = 100

PNG_PARTS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


@dataclass(frozen=True)
class Header:
    """A file's kind, its bytes without metadata, its size in pixels (None where only a decoder can tell),
    its EXIF orientation (1 to 8), how many times a decoder goes over all pixels, and its color profile, b"" where
    there is none or only a decoder can tell."""

    kind: str
    content: bytes
    size: tuple | None = None
    orientation: int = 1
    scans: int = 1
    profile: bytes = b""


def read_header(content):
    """The Header of an image file's bytes, None where they are of no known kind; raises ValueError on damage."""
    kind = next((kind for signature, kind in SIGNATURES if signature.match(content)), None)
    try:
        return READERS.get(kind, Header)(kind, content) if kind else None
    except (struct.error, IndexError):
        raise ValueError("it ends too early") from None


def orientation(exif):
    """The orientation, 1 to 8, in a block of EXIF; 1 where there is none or the block is damaged."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(bytes(exif[:2]))
    try:
        (start,) = struct.unpack_from(order + "L", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for place in range(start + 2, start + 2 + 12 * min(count, 1000), 12):
            tag, kind, _, value = struct.unpack_from(order + "HHLH", exif, place)
            if tag == 0x0112 and kind == 3:
                return value if 1 <= value <= 8 else 1
    except (struct.error, TypeError):
        pass
    return 1


def _jpeg(kind, content):
    """Keeps what makes pixels, and of the rest JFIF and Adobe, which say how colors are stored."""
    kept, turn, size, at, components, profile = [b"\xff\xd8"], None, None, 2, 0, {}
    for _ in range(MAX_PARTS):
        marker, at = _jpeg_marker(content, at)
        if marker == 0xDA:
            break
        (length,) = struct.unpack_from(">H", content, at)
        if length < 2:
            raise ValueError("it has a part of no length")
        part = content[at - 2 : at + length]
        at += length
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            kind = "JPEG" if marker <= 0xC2 else "unusual JPEG"
            progressive, components = marker == 0xC2, part[9]
            size = struct.unpack_from(">HH", part, 5)[::-1]
        if marker == 0xE1 and part[4:10] == b"Exif\0\0" and turn is None:
            turn = orientation(part[4:])
        if marker == 0xE2 and part[4:16] == b"ICC_PROFILE\0":
            profile.setdefault(part[16], part[18:])  # numbered parts, in any order
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or part[4:9] in (b"JFIF\0", b"Adobe"):
            kept.append(part)
    if marker != 0xDA or size is None:
        raise ValueError("it has no picture")
    rest = memoryview(content)[at - 2 :]
    scans = _jpeg_scans(content, at - 2) if progressive or content[at + 2] < components else 1
    return Header(kind, b"".join([*kept, rest]), size, turn or 1, scans, from_jpeg(profile))


def _jpeg_marker(content, at):
    """The next marker that has a length, and where that length stands."""
    for _ in range(MAX_PARTS):
        at = content.index(b"\xff", at) + 1
        while content[at] == 0xFF:
            at += 1
        marker, at = content[at], at + 1
        if marker == 0xD9:
            break
        if marker not in (0, 1, 0xD8) and not 0xD0 <= marker <= 0xD7:
            return marker, at
    raise ValueError("it has no picture")


def _jpeg_scans(content, at):
    """How many scans there are up to the end of the picture; a video may follow it."""
    scans = content.count(b"\xff\xda", at)
    if scans > MAX_SCANS:
        markers = (found[0][1] for found in re.compile(rb"\xff[^\0\xff\xd0-\xd7]").finditer(content, at))
        scans = sum(marker == 0xDA for marker in takewhile(lambda marker: marker != 0xD9, markers))
    if scans > MAX_SCANS:
        raise ValueError(f"it has {scans} scans, and {MAX_SCANS} is the limit")
    return scans


def _png(kind, content):
    kept, turn, at, profile = [content[:8]], 1, 8, None
    size = struct.unpack_from(">LL", content, 16)
    for _ in range(MAX_PARTS * 5):
        length, name = struct.unpack_from(">L4s", content, at)
        if name in PNG_PARTS:
            kept.append(content[at : at + length + 12])
        elif name == b"eXIf":
            turn = orientation(content[at + 8 : at + 8 + length])
        elif name == b"iCCP" and profile is None:  # unpacking a thousand would take its time
            profile = from_png(content[at + 8 : at + 8 + length])
        at += length + 12
        if name == b"IEND":
            if content[25] == 3 and b"PLTE" not in (part[4:8] for part in kept):
                raise ValueError("it has no palette")
            return Header(kind, b"".join(kept), size, turn, profile=profile or b"")
        if at >= len(content):
            break
    raise ValueError("it ends too early")


def _gif(kind, content):
    """Keeps the first picture alone: screen, palette, transparency."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    at = 13 + _palette_bytes(flags)
    kept, control = [content[:at]], b""
    for _ in range(MAX_PARTS):
        found = re.compile(rb"[!,;]").search(content, at)
        if not found or found[0] == b";":
            break
        start, at = found.start(), found.end()
        if found[0] == b",":
            left, top, across, down, flags = struct.unpack_from("<HHHHB", content, at)
            end = _gif_blocks_end(content, at + 10 + _palette_bytes(flags))
            kept += [control, content[start:end], b";"]
            return Header(kind, b"".join(kept), (max(width, left + across), max(height, top + down)))
        at = _gif_blocks_end(content, at + 1)
        if content[start + 1] == 0xF9:
            control = content[start:at]
    raise ValueError("it has no picture")


def _palette_bytes(flags):
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks_end(content, at):
    """Where a chain of blocks ends; a file that is cut within one ends it, which the decoder will notice."""
    for _ in range(MAX_GIF_BLOCKS):
        if at >= len(content):
            return at
        length, at = content[at], at + content[at] + 1
        if not length:
            return at
    raise ValueError("it has too many blocks")


def _webp(kind, content):
    name = content[12:16]
    if name == b"VP8X":
        size = tuple(int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif name == b"VP8L":
        (bits,) = struct.unpack_from("<L", content, 21)
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        size = tuple(side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    return Header(kind, content, size)


READERS = {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp}
