"""Read what an image file says about itself before any decoder runs, and strip its metadata.

Hostile files aim at metadata (texts that unpack to gigabytes, tags that all point at the same megabytes), and it
reveals where people live. Only two parts of it are needed: which way is up, and what the colors mean.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, product, takewhile

from lookalike.errors import ImageError
from lookalike.images.color_profiles import SRGB, VIDEO, CodePoints, Gamma, profile_from_jpeg, profile_from_png

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

# What the first box of a HEIF or AVIF says; a video's says something else.
IMAGE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"miaf")

# The sizes of a BMP's second header, of all versions.
BMP_HEADERS = [size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)]

MAX_PIXELS = 100_000_000

# An image with longer sides than this shows no product, and some decoders work line by line.
MAX_ASPECT = 100

# Far more than any encoder writes. Without these limits, a file of empty segments keeps a core busy for seconds.
MAX_PARTS, MAX_GIF_BLOCKS = 20_000, 500_000

# Encoders write about 10; a decoder visits every pixel for each scan, however few bytes the scan has.
MAX_SCANS = 100

PNG_PARTS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"

# How often pillow.py decodes a JPEG without its end mark, to find out whether it is cut.
MAX_UNENDED_DECODES = 6

# Flags of a WebP's extended header.
WEBP_ANIMATION, WEBP_ALPHA = 0x02, 0x10


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
        code_points: what its numbers mean, None if it does not say.
        gamma: the same as older PNGs say it, () if it does not.
        frame: left, upper, right and lower edge of a GIF's first picture; the rest of its canvas is empty.
        is_ended: False for a JPEG that lacks its end mark, which content has then been given; it may be cut.
    """

    kind: str
    content: bytes
    size: tuple[int, int] | None = None
    orientation: int = 1
    scans: int = 1
    profile: bytes = b""
    code_points: CodePoints | None = None
    gamma: Gamma = ()
    frame: tuple[int, int, int, int] | None = None
    is_ended: bool = True


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


def read_format(start: bytes) -> str | None:
    """Return the format of a file whose first 32 bytes these are, None if it is no image. Videos and texts are none."""
    kind = next((kind for signature, kind in SIGNATURES if signature.match(start)), None)
    if kind == "HEIF or AVIF":
        return kind if start[8:12] in IMAGE_BRANDS else None
    # A text may begin with BM too; in an image, four zeros and the size of a header follow.
    return None if kind == "BMP" and not (start[6:10] == bytes(4) and start[14:18] in BMP_HEADERS) else kind


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
    return ImageError(f"{name} is damaged and cannot be read ({text}). Try another file.")


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
    end = content.find(JPEG_END, at)
    # Another picture may follow one that lacks its end mark.
    next_start = content.find(JPEG_START, at, end if end >= 0 else None)
    is_ended = end >= 0 and next_start < 0
    if not is_ended:
        if next_start >= 0:
            content = content[:next_start]
        if not _has_all_scans(content, at - 2, components):
            raise ValueError("it ends too early")
        kept.append(content[at - 2 :])
        rest, scans = memoryview(JPEG_END), MAX_UNENDED_DECODES * scans
    content = b"".join([*kept, rest])
    return Header(kind, content, size, turn or 1, scans, profile_from_jpeg(profile), is_ended=is_ended)


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


def _has_all_scans(content: bytes, at: int, components: int) -> bool:
    """Return whether a JPEG's scans from there on hold all 64 coefficients of each component, to their last bit."""
    finished: set[tuple[int, int]] = set()
    scans = re.compile(rb"\xff\xda..([\1-\4])", re.DOTALL).finditer(content, at)
    for scan in islice(scans, MAX_SCANS):
        end = scan.end() + 2 * scan[1][0]
        first, last, bits = struct.unpack_from("3B", content, end)
        if bits & 15 == 0:
            coefficients = range(first, min(last, 63) + 1)
            finished.update(product(content[scan.end() : end : 2], coefficients))
    return len(finished) == 64 * components


def _read_png(kind: str, content: bytes) -> Header:
    kept, turn, at = [content[:8]], 1, 8
    profile: bytes | None = None
    code_points: CodePoints | None = None
    colors: dict[bytes, bytes] = {}
    palette = 0
    width, height = struct.unpack_from(">LL", content, 16)
    for _ in range(MAX_PARTS * 5):
        length, name = struct.unpack_from(">L4s", content, at)
        if name == b"PLTE":
            palette = length // 3
        # As in browsers: transparency for more colors than there are is none.
        if name in PNG_PARTS and not (name == b"tRNS" and content[25] == 3 and length > palette):
            kept.append(content[at : at + length + 12])
        elif name == b"eXIf":
            turn = read_orientation(content[at + 8 : at + 8 + length])
        elif name == b"iCCP" and profile is None:  # unpacking a thousand of them would take long
            profile = profile_from_png(content[at + 8 : at + 8 + length])
        elif name in (b"cICP", b"sRGB", b"gAMA", b"cHRM") and len(kept) == 2:  # they come before palette and picture
            colors.setdefault(name, content[at + 8 : at + 8 + length])
        at += length + 12
        if name == b"IEND":
            if content[25] == 3 and not palette:
                raise ValueError("it has no palette")
            size = width, height
            if len(points := colors.get(b"cICP", b"")) == 4 and points[3]:  # browsers ignore those of a limited range
                code_points = points[0], points[1]
            gamma = _read_png_gamma(colors)
            return Header(kind, b"".join(kept), size, turn, 1, profile or b"", code_points, gamma)
        if at >= len(content):
            break
    raise ValueError("it ends too early")


def _read_png_gamma(colors: Mapping[bytes, bytes]) -> Gamma:
    """Return the gamma in a PNG's chunks, () if it has none or says that it is sRGB."""
    gamma, primaries, intent = (colors.get(name, b"") for name in (b"gAMA", b"cHRM", b"sRGB"))
    if len(gamma) != 4 or (len(intent) == 1 and intent[0] < 4):
        return ()
    return struct.unpack(">9L" if len(primaries) == 32 else ">L", gamma + (primaries if len(primaries) == 32 else b""))


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
            right, lower = left + across, top + down
            size, frame = (max(width, right), max(height, lower)), (left, top, right, lower)
            return Header(kind, b"".join(kept), size, frame=frame)
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
    name, profile = content[12:16], b""
    if name == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        if content[20] & WEBP_ANIMATION:
            # So that what the first picture leaves of the canvas is transparent, and not black.
            content = content[:20] + bytes([content[20] | WEBP_ALPHA]) + content[21:]
        if content[30:34] == b"ICCP":
            (length,) = struct.unpack_from("<L", content, 34)
            profile = content[38 : 38 + length]
    elif name == b"VP8L":
        (bits,) = struct.unpack_from("<L", content, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    return Header(kind, content, (width, height), profile=profile)


def _read_boxes(kind: str, content: bytes) -> Header:
    """Read the code points of a HEIF or AVIF: those of the first box that has any, which is the picture's."""
    found = re.search(rb"\0\0\0\x13colrnclx(....)", content, re.DOTALL)
    if found is None:
        return Header(kind, content)
    primaries, transfer = struct.unpack(">HH", found[1])
    # Encoders of video name its transfer function for pictures whose numbers are sRGB's, as browsers know.
    return Header(kind, content, code_points=(primaries, SRGB if transfer in VIDEO else transfer))


READERS = {"JPEG": _read_jpeg, "PNG": _read_png, "GIF": _read_gif, "WEBP": _read_webp, "HEIF or AVIF": _read_boxes}
