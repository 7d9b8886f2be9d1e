"""Odd files that must work: they show red on the left and blue on the right, or gray, or white, or black."""

import zlib

from PIL import Image

from tests.hostile.builders import (
    chunk,
    encoded,
    exif_bomb,
    gif_comment,
    gray_tiff,
    halves,
    png,
    with_chunks,
    with_segments,
)

KINDS = {
    "jpg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "heic": "HEIF", "gif": "GIF", "bmp": "BMP",
    "tif": "TIFF",
}  # fmt: skip
UNDO = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
GRAY, WHITE, BLACK = (128,) * 3, (255,) * 3, (0,) * 3
TEXT = b"GPS 52.5200 N 13.4050 E"


def works():
    """Yield (name, content, colors): the left and the right color, or one for both."""
    sides = ((255, 0, 0), (0, 0, 255))
    for group in (plain, disguised, turned, jpegs, pngs, animations, metadata, tiffs, bitmaps):
        for name, content, *colors in group():
            yield f"{group.__name__}-{name}", content, colors[0] if colors else sides


def plain():
    for suffix, kind in KINDS.items():
        yield f"ordinary.{suffix}", encoded(halves(), kind)
        yield f"tiny.{suffix}", encoded(Image.new("RGB", (16, 16), GRAY), kind), (GRAY,)


def disguised():
    kinds = list(KINDS.items())
    for (suffix, _), (_, kind) in zip(kinds, kinds[1:] + kinds[:1]):
        yield f"{kind}.{suffix}", encoded(halves(), kind)
    yield "gif-and-zip.gif", encoded(halves(), "GIF") + b"PK\x05\x06" + bytes(18)
    yield "php.jpg", with_segments(encoded(halves(), "JPEG"), (0xFE, b"<?php system($_GET['c']); ?>"))


def turned():
    for turn in range(1, 9):
        stored = halves().transpose(Image.Transpose(UNDO[turn])) if turn > 1 else halves()
        exif = Image.Exif()
        exif[274], exif[0x010E] = turn, TEXT.decode()
        exif.get_ifd(0x8825)[1] = "N"
        yield f"{turn}.jpg", encoded(stored, "JPEG", exif=exif, quality=95)
        if turn in (3, 6, 8):
            yield f"{turn}.png", encoded(stored, "PNG", exif=exif)
            yield f"{turn}.webp", encoded(stored, "WEBP", exif=exif, lossless=True)
            yield f"{turn}.tif", encoded(stored, "TIFF", tiffinfo={274: turn})
            yield f"{turn}-lzw.tif", encoded(stored, "TIFF", tiffinfo={274: turn}, compression="tiff_lzw")
            yield f"{turn}.avif", encoded(stored, "AVIF", exif=exif)


def jpegs():
    for number, sampling in enumerate(("4:4:4", "4:2:2", "4:2:0")):
        yield f"sampling-{number}.jpg", encoded(halves(), "JPEG", subsampling=sampling)
    yield "progressive.jpg", encoded(halves((400, 300)), "JPEG", progressive=True)
    yield "optimized.jpg", encoded(halves(), "JPEG", optimize=True)
    yield "restarts.jpg", encoded(halves(), "JPEG", restart_marker_blocks=1)
    yield "rgb.jpg", encoded(halves(), "JPEG", keep_rgb=True)
    yield "gray.jpg", encoded(Image.new("L", (64, 64), 128), "JPEG"), (GRAY,)
    cmyk = encoded(Image.new("CMYK", (64, 64), (0, 0, 0, 127)), "JPEG")
    yield "cmyk-adobe.jpg", cmyk, (GRAY,)
    yield "odd.jpg", encoded(halves((67, 53)), "JPEG")
    yield "one.jpg", encoded(Image.new("RGB", (1, 1), GRAY), "JPEG"), (GRAY,)
    yield "hundred-to-one.jpg", encoded(halves((1600, 16)), "JPEG")
    yield "video-after.jpg", encoded(halves(), "JPEG", progressive=True) + b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 900
    yield "garbage-after.jpg", encoded(halves(), "JPEG") + bytes(range(256)) * 40
    yield "fill-bytes.jpg", encoded(halves(), "JPEG").replace(b"\xff\xdb", b"\xff" * 50 + b"\xdb", 1)


def pngs():
    for mode, color, shown in (
        ("1", 1, WHITE), ("L", 128, GRAY), ("LA", (128, 255), GRAY), ("LA", (0, 0), WHITE), ("I;16", 128 * 257, GRAY),
        ("RGBA", (9, 9, 9, 0), WHITE), ("RGBA", (0, 0, 0, 127), GRAY), ("RGBA", (128, 128, 128, 255), GRAY),
    ):  # fmt: skip
        yield (
            f"{mode.replace(';', '')}-{shown[0]}-{color}.png",
            encoded(Image.new(mode, (32, 32), color), "PNG"),
            (shown,),
        )
    yield "palette.png", encoded(halves().quantize(4), "PNG")
    see_through = Image.new("P", (32, 32), 0)
    see_through.putpalette([10, 20, 30] * 256)
    yield "palette-transparent.png", encoded(see_through, "PNG", transparency=0), (WHITE,)
    yield "palette-alphas.png", encoded(see_through, "PNG", transparency=bytes(256)), (WHITE,)
    yield "rgb-16.png", png(2, 2, 16, data=(b"\0" + b"\x80\0" * 6) * 2), (GRAY,)
    yield "rgba-16.png", png(2, 2, 16, 6, data=(b"\0" + b"\0\0" * 8) * 2), (WHITE,)
    yield "gray-key.png", png(2, 2, 8, 0, (b"\0" + bytes(2)) * 2, [(b"tRNS", b"\0\0")]), (WHITE,)
    yield "interlaced.png", png(1, 1, 8, 0, b"\0\x80", interlace=1), (GRAY,)
    yield "large-transparent.png", encoded(Image.new("LA", (4200, 4200), (0, 0)), "PNG"), (WHITE,)
    yield "garbage-after.png", encoded(halves(), "PNG") + b"garbage" * 999


def animations():
    frames = [halves(), halves(left=(9, 9, 9)), halves(right=(9, 99, 9))]
    for suffix, options in {
        "gif": {},
        "webp": {"lossless": True},
        "png": {},
        "avif": {},
        "tif": {},
        "heic": {},
    }.items():
        yield f"first.{suffix}", encoded(frames[0], KINDS[suffix], save_all=True, append_images=frames[1:], **options)
    many = [Image.new("L", (9, 9), number % 250) for number in range(600)]
    yield "pages.tif", encoded(halves(), "TIFF", save_all=True, append_images=many[:200])
    yield "frames.gif", encoded(halves(), "GIF", save_all=True, append_images=many)
    yield "loop.tif", gray_tiff(8, 8, b"\x80" * 64, next_page=8), (GRAY,)


def metadata():
    jpeg, image, bomb = encoded(halves(), "JPEG"), encoded(halves(), "PNG"), zlib.compress(bytes(50_000_000), 9)
    blocks = [exif_bomb()[at : at + 65_000] for at in range(0, 260_000, 65_000)]
    yield "exif-bomb.jpg", with_segments(jpeg, *((0xE1, b"Exif\0\0" + block) for block in blocks))
    yield "exif-nonsense.jpg", with_segments(jpeg, (0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"))
    yield (
        "exif-odd-turn.jpg",
        with_segments(jpeg, (0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\xff\xff\0\0")),
    )
    yield "icc.jpg", with_segments(jpeg, *((0xE2, b"ICC_PROFILE\0\1\xff" + bytes(65_000)) for _ in range(9)))
    yield "xmp.jpg", with_segments(jpeg, (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b"<x>" * 20_000))
    yield "multi-picture.jpg", with_segments(jpeg, (0xE2, b"MPF\0II*\0\x08\0\0\0" + b"\xff" * 400))
    yield "comments.jpg", with_segments(jpeg, *[(0xFE, TEXT * 99)] * 50)
    yield "segments.jpg", with_segments(jpeg, *[(0xEB, b"x")] * 9_999)
    yield "ztxt-bomb.png", with_chunks(image, (b"zTXt", b"k\0\0" + bomb))
    yield "itxt-bomb.png", with_chunks(image, *[(b"iTXt", b"k\0\1\0\0\0" + bomb)] * 20)
    yield "iccp-bomb.png", with_chunks(image, (b"iCCP", b"k\0\0" + bomb))
    yield "long-text.png", with_chunks(image, (b"tEXt", b"workflow\0" + b"x" * 1_200_000))
    yield "texts.png", with_chunks(image, *[(b"tEXt", b"place\0" + TEXT)] * 4_999)
    yield "text-after.png", image[:-12] + chunk(b"zTXt", b"k\0\0" + bomb) + image[-12:]
    yield "exif-bomb.png", with_chunks(image, (b"eXIf", exif_bomb()))
    yield "exif-bomb.webp", encoded(halves(), "WEBP", lossless=True, exif=exif_bomb(), xmp=b"x" * 99_999)
    yield "exif-bomb.avif", encoded(halves(), "AVIF", exif=b"Exif\0\0" + exif_bomb())
    yield "exif-bomb.heic", encoded(halves(), "HEIF", exif=b"Exif\0\0" + exif_bomb())
    picture = encoded(halves(), "GIF")
    at = picture.index(b",", 13 + 3 * 2 ** ((picture[10] & 7) + 1))
    yield "comment.gif", picture[:at] + gif_comment(TEXT * 40_000) + picture[at:]


def tiffs():
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        options = {"quality": 95} if compression == "jpeg" else {}
        yield f"{compression}.tif", encoded(halves(), "TIFF", compression=compression, **options)
    yield "group4.tif", encoded(Image.new("1", (64, 64), 1), "TIFF", compression="group4"), (WHITE,)
    yield "cmyk.tif", encoded(Image.new("CMYK", (64, 64), (0, 0, 0, 127)), "TIFF"), (GRAY,)
    yield "deep.tif", encoded(Image.new("I;16", (64, 64), 128 * 257), "TIFF"), (GRAY,)
    yield "float.tif", encoded(Image.new("F", (64, 64), 0.5), "TIFF"), (GRAY,)
    yield "float-255.tif", encoded(Image.new("F", (64, 64), 128.0), "TIFF"), (GRAY,)
    yield "not-a-number.tif", encoded(Image.new("F", (64, 64), float("nan")), "TIFF"), (BLACK,)
    yield "big-endian.tif", gray_tiff(8, 8, b"\x80" * 64, order=">"), (GRAY,)
    yield "big.tif", encoded(halves(), "TIFF", big_tiff=True)


def bitmaps():
    for mode, color, shown in (("1", 1, WHITE), ("L", 128, GRAY), ("RGB", GRAY, GRAY), ("RGBA", (*GRAY, 255), GRAY)):
        yield f"{mode}.bmp", encoded(Image.new(mode, (32, 32), color), "BMP"), (shown,)
    yield "palette.bmp", encoded(halves().quantize(4), "BMP")
