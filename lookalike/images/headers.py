"""Read what an image file says about itself before any decoder runs, and strip its metadata.

Hostile files aim at metadata (texts that unpack to gigabytes, tags that all point at the same megabytes), and it
reveals where people live. Only two parts of it are needed: which way is up, and what the colors mean.
"""

import re
import struct
from dataclasses import dataclass
from itertools import takewhile

from lookalike.errors import ImageError
from lookalike.images.color_profiles import profile_from_jpeg, profile_from_png

# A catalogue may hold any of these. Every other format that Pillow knows is refused by its content, whatever the
# file is called, because hostile files aim at rarely used decoders.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")

SIGNATURES = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"....ftyp", re.DOTALL), "HEIF or AVIF"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"II\*\0|MM\0\*|II\+\0|MM\0\+"), "TIFF"),
)

MAX_PIXELS = 100_000_000

# An image with longer sides than this shows no product, and some decoders work line by line.
MAX_ASPECT = 100

# Far more than any encoder writes. Without these limits, a file of empty segments keeps a core busy for seconds.
MAX_PARTS, MAX_GIF_BLOCKS = 20_000, 500_000

# Encoders write about 10; a decoder visits every pixel for each scan, however few bytes the scan has.
MAX_SCANS = 100

PNG_PARTS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


@dataclass(frozen=True)
class Header:
    """What a file says about itself.

    Attributes:
        kind: the name of its format.
        content: its bytes without metadata.
        size: width and height in pixels, None if only a decoder can tell.
        orientation: the EXIF orientation, 1 to 8.
        scans: how many times a decoder visits every pixel.
        profile: its color profile, b"" if it has none or only a decoder can tell.
    """

    kind: str
    content: bytes
    size: tuple[int, int] | None = None
    orientation: int = 1
    scans: int = 1
    profile: bytes = b""


def require_header(content: bytes, name: str) -> Header:
    """Return the Header of an image file's bytes; raises ImageError if they are no image, damaged or too large."""
    try:
        header = read_header(content)
    except ValueError as error:
        raise damage_error(name, error) from None
    if header is None:
        raise ImageError(f"{name} is not an image. Use a JPEG, PNG, WebP, HEIC or AVIF file.")
    if header.size:
        check_size(header.size, name)
    return header


def read_header(content: bytes) -> Header | None:
    """Return the Header of an image file's bytes, None if their format is unknown; raises ValueError on damage."""
    kind = next((kind for signature, kind in SIGNATURES if signature.match(content)), None)
    try:
        return READERS.get(kind, Header)(kind, content) if kind else None
    except (struct.error, IndexError):
        raise ValueError("it ends too early") from None


def check_size(size: tuple[int, int], name: str) -> None:
    """Raise ImageError if an image of that width and height may not be decoded."""
    width, height = size
    if not width * height > 0:
        raise damage_error(name, "it has no pixels")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width} × {height} pixels; the limit is {MAX_PIXELS // 1_000_000} megapixels. "
            "Save it smaller and try again."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"{name} has {width} × {height} pixels; the limit is {MAX_ASPECT} times as long as wide. "
            "Crop it to the garment and try again."
        )


def damage_error(name: str, reason: object) -> ImageError:
    """Return the ImageError for a damaged file; the reason is cut to one short printable line."""
    text = (str(reason) or type(reason).__name__).splitlines()[0][:120].rstrip(".")
    # A decoder may quote the file, and terminals act on control characters.
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    return ImageError(f"{name} is damaged and cannot be read ({printable}). Try another file.")


def read_orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8, in a block of EXIF; 1 if it has none or is damaged."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(bytes(exif[:2]))
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "L", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for place in range(start + 2, start + 2 + 12 * min(count, 1000), 12):
            tag, kind, _, value = struct.unpack_from(order + "HHLH", exif, place)
            if tag == 0x0112 and kind == 3:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _read_jpeg(kind: str, content: bytes) -> Header:
    """Keep what makes pixels, plus the JFIF and Adobe segments, which say how colors are stored."""
    kept, at, progressive, components = [b"\xff\xd8"], 2, False, 0
    turn: int | None = None
    size: tuple[int, int] | None = None
    profile: dict[int, bytes] = {}
    for _ in range(MAX_PARTS):
        marker, at = _next_jpeg_segment(content, at)
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
            height, width = struct.unpack_from(">HH", part, 5)
            size = width, height
        if marker == 0xE1 and part[4:10] == b"Exif\0\0" and turn is None:
            turn = read_orientation(part[4:])
        if marker == 0xE2 and part[4:16] == b"ICC_PROFILE\0":
            profile.setdefault(part[16], part[18:])  # numbered parts, in any order
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or part[4:9] in (b"JFIF\0", b"Adobe"):
            kept.append(part)
    if marker != 0xDA or size is None:
        raise ValueError("it has no picture")
    scans = _count_jpeg_scans(content, at - 2) if progressive or content[at + 2] < components else 1
    rest = memoryview(content)[at - 2 :]
    return Header(kind, b"".join([*kept, rest]), size, turn or 1, scans, profile_from_jpeg(profile))


def _next_jpeg_segment(content: bytes, at: int) -> tuple[int, int]:
    """Return the next marker that has a length, and where that length stands."""
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


def _count_jpeg_scans(content: bytes, at: int) -> int:
    """Count the scans up to the end of the picture; a video may follow it."""
    scans = content.count(b"\xff\xda", at)
    if scans > MAX_SCANS:
        markers = (found[0][1] for found in re.compile(rb"\xff[^\0\xff\xd0-\xd7]").finditer(content, at))
        scans = sum(marker == 0xDA for marker in takewhile(lambda marker: marker != 0xD9, markers))
    if scans > MAX_SCANS:
        raise ValueError(f"it has {scans} scans, and {MAX_SCANS} is the limit")
    return scans


def _read_png(kind: str, content: bytes) -> Header:
    kept, turn, at = [content[:8]], 1, 8
    profile: bytes | None = None
    width, height = struct.unpack_from(">LL", content, 16)
    for _ in range(MAX_PARTS * 5):
        length, name = struct.unpack_from(">L4s", content, at)
        if name in PNG_PARTS:
            kept.append(content[at : at + length + 12])
        elif name == b"eXIf":
            turn = read_orientation(content[at + 8 : at + 8 + length])
        elif name == b"iCCP" and profile is None:  # unpacking a thousand of them would take long
            profile = profile_from_png(content[at + 8 : at + 8 + length])
        at += length + 12
        if name == b"IEND":
            if content[25] == 3 and b"PLTE" not in (part[4:8] for part in kept):
                raise ValueError("it has no palette")
            return Header(kind, b"".join(kept), (width, height), turn, profile=profile or b"")
        if at >= len(content):
            break
    raise ValueError("it ends too early")


def _read_gif(kind: str, content: bytes) -> Header:
    """Keep the first picture alone: screen, palette, transparency."""
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    at = 13 + _gif_palette_bytes(flags)
    kept, control = [content[:at]], b""
    for _ in range(MAX_PARTS):
        found = re.compile(rb"[!,;]").search(content, at)
        if not found or found[0] == b";":
            break
        start, at = found.start(), found.end()
        if found[0] == b",":
            left, top, across, down, flags = struct.unpack_from("<HHHHB", content, at)
            end = _end_of_gif_blocks(content, at + 10 + _gif_palette_bytes(flags))
            kept += [control, content[start:end], b";"]
            return Header(kind, b"".join(kept), (max(width, left + across), max(height, top + down)))
        at = _end_of_gif_blocks(content, at + 1)
        if content[start + 1] == 0xF9:
            control = content[start:at]
    raise ValueError("it has no picture")


def _gif_palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_gif_blocks(content: bytes, at: int) -> int:
    """Return where a chain of blocks ends. A file that is cut within a block ends it; the decoder will notice."""
    for _ in range(MAX_GIF_BLOCKS):
        if at >= len(content):
            return at
        length, at = content[at], at + content[at] + 1
        if not length:
            return at
    raise ValueError("it has too many blocks")


def _read_webp(kind: str, content: bytes) -> Header:
    name = content[12:16]
    if name == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif name == b"VP8L":
        (bits,) = struct.unpack_from("<L", content, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    return Header(kind, content, (width, height))


READERS = {"JPEG": _read_jpeg, "PNG": _read_png, "GIF": _read_gif, "WEBP": _read_webp}
