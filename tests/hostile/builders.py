"""Small writers of image files, for files that Pillow would only write correctly."""

import io
import struct
import zlib

from PIL import Image
from pillow_heif import register_heif_opener

register_heif_opener()
RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(size=(64, 48), left=RED, right=BLUE, mode="RGB"):
    """Return an image with one color in its left half and another in its right half."""
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(width, height, depth=8, color=2, data=b"", extra=(), interlace=0):
    """Return a PNG of these scan lines, filter bytes included, with extra chunks (name, content) before them."""
    header = struct.pack(">LLBBBBB", width, height, depth, color, 0, 0, interlace)
    parts = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(data, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(name, content):
    return struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content))


def with_chunks(content, *parts):
    """Return a PNG with more chunks after its header."""
    return content[:33] + b"".join(chunk(*part) for part in parts) + content[33:]


def with_segments(content, *parts):
    """Return a JPEG with more segments (marker, content) before its own."""
    return content[:2] + b"".join(segment(*part) for part in parts) + content[2:]


def segment(marker, content):
    return struct.pack(">BBH", 255, marker, len(content) + 2) + content


def jpeg_claiming(content, width, height):
    """Return a JPEG that claims another size than its data has."""
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2"):
        if (at := content.find(marker)) > 0:
            return content[: at + 5] + struct.pack(">HH", height, width) + content[at + 9 :]
    raise AssertionError("no frame")


def jpeg_with_scans(content, count):
    """Return a progressive JPEG with its last scan repeated count more times."""
    last = content.rfind(b"\xff\xda")
    return content[:-2] + content[last:-2] * count + b"\xff\xd9"


def exif_bomb(tags=5000, size=200_000):
    """Return EXIF in which every tag claims the same large block; the orientation comes first."""
    entries = [struct.pack("<HHLHH", 0x0112, 3, 1, 1, 0)]
    entries += [struct.pack("<HHLL", 0x9000 + number, 7, size, 8) for number in range(1, tags)]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(size + 12)


def tiff(tags, data=b"", next_page=0, order="<"):
    """Return a TIFF of one directory at byte 8, of tags (number, kind, count, value), followed by data."""
    entries = b"".join(struct.pack(order + "HHLL", *tag) for tag in sorted(tags))
    mark = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(order + "H", len(tags)) + entries + struct.pack(order + "L", next_page)
    return mark + struct.pack(order + "L", 8) + directory + data


def gray_tiff(width, height, data, compression=1, extra=(), **options):
    """Return a TIFF of 8-bit gray in one strip."""
    tags = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 277: 1, 278: height, 279: len(data)}
    count = len(tags) + 1 + len(extra)
    tags[273] = 8 + 2 + 12 * count + 4
    return tiff([(number, 4, 1, value) for number, value in tags.items()] + list(extra), data, **options)


def gif(width, height, blocks=b"", frame=None):
    """Return a GIF: a screen of that size, blocks, and a black picture of frame (left, top, width, height)."""
    start = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    picture = b"" if frame is None else b"," + struct.pack("<HHHHB", *frame, 0) + b"\x02\x02\x4c\x01\0"
    return start + blocks + picture + b";"


def gif_comment(content, block=255):
    """Return a comment extension in blocks of that size."""
    parts = (content[at : at + block] for at in range(0, len(content), block))
    return b"!\xfe" + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def webp(name, content):
    """Return a WebP of one chunk."""
    padded = name + struct.pack("<L", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + struct.pack("<L", 4 + len(padded)) + b"WEBP" + padded


def bmp(width, height, data=b"", bits=24, compression=0):
    """Return a BMP with the common 40-byte header and no palette."""
    start = struct.pack("<2sLHHL", b"BM", 54 + len(data), 0, 0, 54)
    return start + struct.pack("<LllHHLLllLL", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0) + data


def claiming(content, width, height):
    """Return a HEIF or AVIF whose ispe boxes claim another size."""
    at = content.find(b"ispe")
    while at > 0:
        content = content[: at + 8] + struct.pack(">LL", width, height) + content[at + 16 :]
        at = content.find(b"ispe", at + 4)
    return content
