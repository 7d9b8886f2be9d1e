"""Files that must be refused, each with one sentence: bombs, lies, truncated files, and files that are no image."""

import struct
import zlib
from random import Random

from PIL import Image

from tests.hostile.builders import (
    bmp,
    chunk,
    claiming,
    encoded,
    gif,
    gif_comment,
    gray_tiff,
    halves,
    jpeg_claiming,
    jpeg_with_scans,
    png,
    segment,
    tiff,
    webp,
    with_chunks,
    with_segments,
)
from tests.hostile.works import KINDS

NO_IMAGE, EMPTY = "is not an image. Use a JPEG", "is empty. Choose an image file"
DAMAGED, PIXELS = "is damaged and cannot be read .*Try another file", "pixels; the limit is 100 megapixels. Save it"
ASPECT = "the limit is 100 times as long as wide. Crop it"
UNUSUAL_TIFF = "is a kind of TIFF that cannot be read here. Save it as JPEG or PNG"
FAILED = "damaged and cannot be read|made its decoder fail|needs too much memory|takes longer than"


def refused():
    """Yield (name, content, pattern for the sentence)."""
    for group in (nothing, others, cut, too_large, shapes, jpegs, pngs, gifs, tiffs, containers, bitmaps):
        for name, content, sentence in group():
            yield f"{group.__name__}-{name}", content, sentence


def nothing():
    for suffix in KINDS:
        yield f"empty.{suffix}", b"", EMPTY
    yield "zeros.jpg", bytes(10_000), NO_IMAGE
    yield "ones.png", b"\xff" * 10_000, NO_IMAGE
    yield "one-byte.jpg", b"\xff", NO_IMAGE


def others():
    """Other formats, some of which Pillow would open, under an image's name."""
    texts = {
        "text": b"not a picture", "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "zip": b"PK\3\4" + bytes(99),
        "html": b"<!doctype html><script>alert(1)</script>", "pdf": b"%PDF-1.7\n", "elf": b"\x7fELF" + bytes(99),
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "psd": b"8BPS\0\1" + bytes(99),
        "pickle": b"\x80\x04cos\nsystem\n(S'id'\ntR.", "gzip": b"\x1f\x8b\x08" + bytes(99),
        "xbm": b"#define a_width 9\n",
        "wmf": b"\xd7\xcd\xc6\x9a" + bytes(99), "fits": b"SIMPLE  =", "dicom": bytes(128) + b"DICM",
    }  # fmt: skip
    for kind in ("PPM", "ICO", "PCX", "TGA", "SGI", "JPEG2000", "DDS", "ICNS"):
        texts[kind.lower()] = encoded(Image.new("RGB", (16, 16)), kind)
    for number, (name, content) in enumerate(texts.items()):
        yield f"{name}.{list(KINDS)[number % len(KINDS)]}", content, NO_IMAGE


def cut():
    for suffix, kind in KINDS.items():
        whole = encoded(Image.frombytes("RGB", (96, 96), Random(1).randbytes(3 * 96 * 96)), kind)
        for percent in (1, 20, 60, 90):
            content = whole[: max(20, len(whole) * percent // 100)]
            yield f"{percent}.{suffix}", content, FAILED


def too_large():
    yield "bits.png", png(20_000, 20_000, 1, 0, bytes(2501) * 20_000), PIXELS
    yield "in-disguise.jpg", png(20_000, 20_000, 1, 0, bytes(2501) * 20_000), PIXELS
    yield "claim.png", png(2**31 - 1, 2**31 - 1), PIXELS
    yield "claim.gif", gif(65_535, 65_535, frame=(0, 0, 65_535, 65_535)), PIXELS
    yield "frame.gif", gif(8, 8, frame=(0, 0, 65_535, 65_535)), PIXELS
    yield "offset.gif", gif(8, 8, frame=(65_000, 65_000, 500, 500)), PIXELS
    yield "claim.jpg", jpeg_claiming(encoded(halves(), "JPEG"), 65_000, 65_000), PIXELS
    yield "canvas.webp", webp(b"VP8X", b"\x02\0\0\0" + b"\xff\x3f\0" * 2 + bytes(40)), PIXELS
    yield "huge-canvas.webp", webp(b"VP8X", b"\x02\0\0\0" + b"\xff\xff\xff" * 2 + bytes(40)), PIXELS
    yield "lossless.webp", webp(b"VP8L", b"\x2f\xfe\xff\xfe\x0f" + bytes(40)), PIXELS
    yield "lossy.webp", webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(40)), PIXELS
    yield "deflate.tif", gray_tiff(20_000, 20_000, zlib.compress(bytes(20_000 * 200), 9), 8), PIXELS
    yield "in-disguise.png", gray_tiff(20_000, 20_000, b"", 5), PIXELS
    yield "claim.tif", gray_tiff(2**31 - 1, 2**31 - 1, bytes(99)), PIXELS
    yield "claim.bmp", bmp(30_000, 30_000), PIXELS
    yield "upside-down.bmp", bmp(30_000, -30_000), PIXELS
    yield "claim.avif", claiming(encoded(halves(), "AVIF"), 16_000, 16_000), f"{PIXELS}|{FAILED}"
    yield "claim.heic", claiming(encoded(halves(), "HEIF"), 30_000, 30_000), f"{PIXELS}|{FAILED}"


def shapes():
    for suffix in ("png", "jpg", "tif", "bmp", "gif"):
        yield f"column.{suffix}", encoded(Image.new("L", (1, 60_000)), KINDS[suffix]), ASPECT
        yield f"row.{suffix}", encoded(Image.new("L", (60_000, 1)), KINDS[suffix]), ASPECT
    yield "row.webp", encoded(Image.new("L", (16_383, 1)), "WEBP"), ASPECT
    for width, height in ((0, 0), (0, 9), (9, 0)):
        yield f"{width}x{height}.png", png(width, height), FAILED
        yield f"{width}x{height}.gif", gif(width, height, frame=(0, 0, width, height)), FAILED
        yield f"{width}x{height}.jpg", jpeg_claiming(encoded(halves(), "JPEG"), width, height), FAILED
        yield f"{width}x{height}.bmp", bmp(width, height), FAILED
        yield f"{width}x{height}.tif", gray_tiff(width, height, b""), FAILED


def jpegs():
    picture, start = encoded(halves(), "JPEG"), b"\xff\xd8"
    stepwise = encoded(halves((64, 64)), "JPEG", progressive=True)
    yield "scans.jpg", jpeg_with_scans(stepwise, 500), "it has 5.. scans, and 100 is the limit"
    yield "segments.jpg", start + segment(0xEB, b"") * 40_000, DAMAGED
    yield "restarts.jpg", start + b"\xff\xd0" * 40_000, DAMAGED
    yield "fill.jpg", start + b"\xff" * 300_000, DAMAGED
    yield "no-frame.jpg", start + picture[picture.index(b"\xff\xda") :], DAMAGED
    yield "no-scan.jpg", picture[: picture.index(b"\xff\xda")] + b"\xff\xd9", DAMAGED
    yield "no-tables.jpg", start + picture[picture.index(b"\xff\xc0") :], FAILED
    yield "twelve-bits.jpg", picture.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), DAMAGED
    yield "short-segment.jpg", start + b"\xff\xe1\0\0" + picture[2:], FAILED
    yield "exif-only.jpg", with_segments(start + b"\xff\xd9", (0xE1, b"Exif\0\0II*\0")), DAMAGED


def pngs():
    picture = encoded(halves(), "PNG")
    yield "bad-sum.png", picture.replace(b"IDAT", b"IDAU", 1), FAILED
    yield "chunks.png", with_chunks(picture[:33], *[(b"aaAa", b"")] * 101_000), DAMAGED
    yield "no-end.png", picture[:33] + chunk(b"IDAT", b""), DAMAGED
    yield "no-data.png", png(64, 64)[:33] + chunk(b"IEND", b""), DAMAGED
    yield "too-little.png", png(64, 64, data=b"\0"), DAMAGED
    yield "no-palette.png", png(4, 4, 8, 3, bytes(20)), DAMAGED
    yield "odd-depth.png", png(4, 4, 7, 3, bytes(20)), DAMAGED
    yield "filter.png", png(4, 4, 8, 0, b"\x09\0\0\0\0" * 4), DAMAGED
    yield "long-chunk.png", picture[:33] + struct.pack(">L", 2**31 - 1) + b"IDAT" + bytes(99), DAMAGED


def gifs():
    yield "no-picture.gif", gif(8, 8), DAMAGED
    yield "comments.gif", gif(8, 8, gif_comment(bytes(9)) * 30_000), DAMAGED
    yield "blocks.gif", gif(8, 8, gif_comment(b"\1" * 600_000, 1)), DAMAGED
    yield "endless.gif", gif(8, 8)[:-1] + b"!\xfe" + b"\xff" * 50_000, DAMAGED


def tiffs():
    yield (
        "strips.tif",
        tiff(
            [
                (256, 4, 1, 9),
                (257, 4, 1, 300_000),
                (258, 4, 1, 8),
                (262, 4, 1, 1),
                (273, 4, 300_000, 8),
                (279, 4, 300_000, 8),
            ],
            bytes(1_200_000),
        ),
        f"{ASPECT}|{FAILED}",
    )
    yield "small-tiles.tif", gray_tiff(9_000, 9_000, bytes(99), extra=[(322, 4, 1, 1), (323, 4, 1, 1)]), FAILED
    yield "unknown.tif", gray_tiff(8, 8, b"\x80" * 64, 9999), UNUSUAL_TIFF
    yield "no-size.tif", tiff([(258, 4, 1, 8)]), FAILED
    yield "far-away.tif", b"II*\0\xff\xff\xff\xff" + bytes(99), FAILED
    yield "tags.tif", tiff([(number, 7, 60_000, 8) for number in range(5_000)], bytes(99_999)), FAILED
    yield "deflate-garbage.tif", gray_tiff(5_000, 5_000, bytes(999), 8), FAILED


def containers():
    picture, video = encoded(halves(), "HEIF"), b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(99)
    yield "video.heic", video, f"{NO_IMAGE}|{FAILED}"
    yield "boxes.avif", b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + b"\0\0\0\x08free" * 9_999, FAILED
    yield "nested.heic", picture[:24] + b"\0\0\0\x08meta" * 9_999, FAILED
    yield "nothing.heic", picture[:24] + bytes(500), FAILED
    yield "swapped.avif", picture.replace(b"hvcC", b"av1C").replace(b"hvc1", b"av01"), FAILED
    yield "garbage.webp", webp(b"VP8 ", b"\x10\0\0\x9d\x01\x2a\x40\0\x40\0" + b"\x55" * 40), FAILED


def bitmaps():
    yield "missing.bmp", bmp(64, 64), FAILED
    yield "long-lines.bmp", bmp(2_000, 2_000, b"\1\0" * 99, 8, 1), FAILED
    yield "odd-bits.bmp", bmp(8, 8, bytes(999), 77), FAILED
    yield "header.bmp", b"BM" + b"\xff" * 60, FAILED
