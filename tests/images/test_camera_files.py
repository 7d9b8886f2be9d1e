"""Pictures as cameras and programs make them: each shows what a browser shows, or gets a sentence."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from lookalike.errors import ImageError
from lookalike.images import decoding
from tests.hostile.builders import BLUE, RED, chunk, encoded, halves, png, tiff

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
SRGB, VIDEO, PQ, HLG = 13, 1, 16, 18
BT709, BT2020, DISPLAY_P3 = 1, 9, 12
SIDE = 64


def shown(content):
    """Return the pixels that an image file shows, int (height, width, 3)."""
    return np.asarray(decoding.decode(content, SIDE), int)


def assert_halves(content, left=RED, right=BLUE, tolerance=2):
    pixels = shown(content)
    width = pixels.shape[1]
    for at, color in ((0, left), (width // 4, left), (3 * width // 4, right), (width - 1, right)):
        np.testing.assert_allclose(pixels[len(pixels) // 2, at], color, atol=tolerance)


# JPEGs without their end mark.


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}, {"subsampling": 0}])
@pytest.mark.parametrize("end", [b"", b"\xff", b"\0\0", bytes(4096)], ids=["none", "half", "zeros", "padded"])
def test_a_jpeg_without_its_end_mark_shows_its_picture(options, end):
    whole = encoded(halves((96, 64)), "JPEG", quality=95, **options)
    pixels = shown(whole[:-2] + end)
    np.testing.assert_array_equal(pixels, shown(whole))


def garment_on_white(size):
    """Return an image whose lower part is white: the data of its last rows are zeros for the most part."""
    image = Image.new("RGB", size, "white")
    image.paste(noise((size[0] // 2, size[1] // 3)), (size[0] // 4, 0))
    return image


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"restart_marker_rows": 1}, {"subsampling": 0}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_zeros_at_the_end_of_a_jpegs_data_belong_to_it(options, mode):
    ends = set()
    for width in range(80, 144, 2):
        whole = encoded(garment_on_white((width, 96)).convert(mode), "JPEG", **options)
        ends.add(whole[-3])
        for end in (b"", b"\0\0"):
            np.testing.assert_array_equal(shown(whole[:-2] + end), shown(whole))
    assert 0 in ends or options or mode == "L"


@pytest.mark.parametrize("end", [b"", b"\0\0", bytes(4096)], ids=["none", "zeros", "padded"])
def test_a_jpeg_that_is_cut_at_a_restart_mark_is_refused(end):
    whole = encoded(garment_on_white((200, 160)), "JPEG", restart_marker_rows=1)
    marks = [at for at in range(len(whole)) if whole[at] == 0xFF and 0xD0 <= whole[at + 1] <= 0xD7]
    assert len(marks) == 9
    for at in marks:
        for cut in (whole[:at], whole[: at + 2]):
            with pytest.raises(ImageError, match="ends too early"):
                shown(cut + end)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_of_two_jpegs_in_a_row_the_first_is_shown_without_its_end_mark_too(mode):
    first, second = (encoded(halves((96, 64), *sides).convert(mode), "JPEG") for sides in ((RED, BLUE), (BLUE, RED)))
    np.testing.assert_array_equal(shown(first[:-2] + second), shown(first))
    with pytest.raises(ImageError, match="is damaged and cannot be read"):
        shown(encoded(noise((96, 64)).convert(mode), "JPEG")[:-200] + second)


def noise(size):
    return Image.fromarray(np.random.default_rng(2).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


@pytest.mark.parametrize("end", [b"", b"\xff", bytes(4096)], ids=["none", "half", "zeros"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("percent", [50, 90, 98])
def test_a_cut_jpeg_is_refused_whatever_it_ends_with(progressive, percent, end):
    whole = encoded(noise((400, 300)), "JPEG", quality=90, progressive=progressive)
    cut = whole[: len(whole) * percent // 100].rstrip(b"\xff")
    with pytest.raises(ImageError, match="is damaged and cannot be read"):
        shown(cut + end)


def test_a_jpeg_that_lacks_its_last_bytes_is_refused():
    whole = encoded(noise((96, 64)), "JPEG", quality=95)
    for missing in range(3, 200):
        with pytest.raises(ImageError, match="ends too early"):
            shown(whole[:-missing])


def test_a_progressive_jpeg_that_lacks_a_scan_is_refused():
    whole = encoded(noise((96, 64)), "JPEG", progressive=True)
    starts = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]
    tables = [whole.rindex(b"\xff\xc4", 0, start) for start in starts[1:]]
    for end in (*starts[1:], *tables):
        with pytest.raises(ImageError, match="is damaged and cannot be read"):
            shown(whole[:end])


# Colors stated by code points.


def png_with_code_points(pixels, primaries, transfer, *others):
    height, width, _ = pixels.shape
    data = b"".join(b"\0" + row.tobytes() for row in pixels)
    return png(width, height, data=data, extra=[*others, (b"cICP", bytes([primaries, transfer, 0, 1]))])


def with_code_points(content, primaries, transfer):
    """Return a HEIF or AVIF whose color box has other code points."""
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]


def plain(color, size=(SIDE, SIDE)):
    return np.full((*size, 3), color, np.uint8)


# What Chromium 156 shows of 8-bit PNGs with these code points.
CODE_POINTS = [
    (BT709, SRGB, (99, 186, 59), (99, 186, 59)),
    (2, 2, (99, 186, 59), (99, 186, 59)),
    (BT709, VIDEO, (99, 186, 59), (90, 182, 48)),
    (BT709, PQ, (99, 186, 59), (52, 255, 15)),
    (BT709, HLG, (99, 186, 59), (84, 173, 49)),
    (BT2020, VIDEO, (99, 186, 59), (0, 191, 0)),
    (BT2020, SRGB, (99, 186, 59), (0, 194, 0)),
    (BT2020, PQ, (99, 186, 59), (0, 255, 0)),
    (BT2020, HLG, (99, 186, 59), (0, 181, 0)),
    (DISPLAY_P3, VIDEO, (99, 186, 59), (40, 185, 0)),
    (DISPLAY_P3, SRGB, (99, 186, 59), (58, 189, 20)),
    (DISPLAY_P3, HLG, (99, 186, 59), (31, 175, 0)),
    (DISPLAY_P3, SRGB, (211, 48, 39), (230, 10, 20)),
    (5, SRGB, (99, 186, 59), (93, 186, 63)),
    (6, SRGB, (99, 186, 59), (105, 184, 58)),
    (BT709, PQ, (136, 136, 136), (153, 153, 153)),
    (BT709, PQ, (187, 187, 187), (250, 250, 250)),
    (BT709, HLG, (170, 170, 170), (150, 150, 150)),
    (BT709, HLG, (221, 221, 221), (225, 225, 225)),
    (4, SRGB, (200, 40, 40), (237, 21, 18)),
    (8, SRGB, (40, 160, 60), (0, 164, 46)),
    (11, SRGB, (200, 40, 40), (213, 0, 27)),
    (11, 17, (40, 160, 60), (0, 157, 7)),
    (22, SRGB, (200, 40, 40), (202, 50, 39)),
    (BT709, 7, (200, 40, 40), (206, 58, 58)),
]


@pytest.mark.parametrize("primaries, transfer, stored, color", CODE_POINTS)
def test_code_points_are_heeded_in_a_png(primaries, transfer, stored, color):
    pixels = shown(png_with_code_points(plain(stored), primaries, transfer))
    np.testing.assert_allclose(pixels[5, 5], color, atol=2)


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("primaries, transfer, stored, color", CODE_POINTS)
def test_code_points_are_heeded_in_heic_and_avif(kind, primaries, transfer, stored, color):
    options = {"quality": 100, "subsampling": "4:4:4"} if kind == "AVIF" else {"quality": -1, "chroma": 444}
    content = encoded(Image.fromarray(plain(stored)), kind, **options)
    if transfer == VIDEO:  # there it stands for sRGB's
        color = {BT709: (99, 186, 59), BT2020: (0, 194, 0), DISPLAY_P3: (58, 189, 20)}[primaries]
    pixels = shown(with_code_points(content, primaries, transfer))
    np.testing.assert_allclose(pixels[5, 5], color, atol=9)


def test_unknown_and_cut_code_points_change_nothing():
    for parts in (bytes([77, 13, 0, 1]), bytes([9, 99, 0, 1]), b"", b"\x09"):
        content = png(2, 2, data=(b"\0" + bytes((9, 99, 199)) * 2) * 2, extra=[(b"cICP", parts)])
        np.testing.assert_array_equal(shown(content), plain((9, 99, 199), (2, 2)))


# What Chromium 156 shows of these gammas and primaries.
ADOBE_RGB = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
WIDE_GAMUT = (34570, 35850, 73470, 26530, 11520, 82640, 15660, 1770)
OF_SRGB = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
PLACE = (200, 40, 40)
GAMMAS = [
    ((45455,), PLACE),
    ((100_000,), (229, 110, 110)),
    ((50_000,), (206, 43, 43)),
    ((40_000,), (195, 25, 25)),
    ((0,), PLACE),
    ((45455, *OF_SRGB), (201, 35, 35)),
    ((45455, *ADOBE_RGB), (233, 35, 35)),
    ((45455, *WIDE_GAMUT), (255, 0, 30)),
    ((45455, *[30_000] * 8), PLACE),
    ((45455, *[0] * 8), PLACE),
]


def gamma_chunks(gamma):
    numbers = [struct.pack(">L", number) for number in gamma]
    return [(b"gAMA", numbers[0]), *([(b"cHRM", b"".join(numbers[1:]))] if numbers[1:] else [])]


def png_with_chunks(*chunks):
    return png(8, 8, data=(b"\0" + bytes(PLACE) * 8) * 8, extra=chunks)


@pytest.mark.parametrize("gamma, color", GAMMAS)
def test_the_gamma_of_a_png_is_heeded(gamma, color):
    np.testing.assert_allclose(shown(png_with_chunks(*gamma_chunks(gamma)))[5, 5], color, atol=3)


def test_a_gamma_gives_way_to_better_descriptions():
    gamma, srgb = gamma_chunks((100_000,)), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for better in ((b"sRGB", b"\0"), (b"cICP", bytes([1, 13, 0, 1])), (b"iCCP", b"x\0\0" + zlib.compress(srgb))):
        for chunks in ((better, *gamma), (*gamma, better)):
            np.testing.assert_array_equal(shown(png_with_chunks(*chunks))[5, 5], PLACE)
    for damaged in ((b"sRGB", b""), (b"cICP", b"\1"), (b"cHRM", b"\1\2")):
        np.testing.assert_allclose(shown(png_with_chunks(damaged, *gamma))[5, 5], (229, 110, 110), atol=1)
    np.testing.assert_array_equal(shown(png_with_chunks((b"gAMA", b"\0")))[5, 5], PLACE)


@pytest.mark.parametrize("points", [(2, 2), (2, 13), (77, 13), (12, 99)])
def test_a_profile_counts_where_a_pngs_code_points_say_nothing(points):
    profile = zlib.compress(bytes(200))
    content = png_with_chunks((b"cICP", bytes([*points, 0, 1])), (b"iCCP", b"x\0\0" + profile))
    np.testing.assert_array_equal(shown(content)[5, 5], PLACE)
    content = png_with_chunks((b"cICP", bytes([*points, 0, 1])), *gamma_chunks((100_000,)))
    np.testing.assert_allclose(shown(content)[5, 5], (229, 110, 110), atol=1)


def test_code_points_win_over_a_pngs_profile():
    profile = zlib.compress(bytes(200))
    content = png_with_code_points(plain((211, 48, 39)), DISPLAY_P3, SRGB, (b"iCCP", b"x\0\0" + profile))
    np.testing.assert_allclose(shown(content)[5, 5], (230, 10, 20), atol=2)


def test_transparent_pixels_stay_white_whatever_the_code_points_say():
    content = encoded(Image.new("RGBA", (32, 32), (9, 9, 9, 0)), "PNG")
    content = content[:33] + chunk(b"cICP", bytes([BT2020, PQ, 0, 1])) + content[33:]
    assert (shown(content) == 255).all()


# Transparency of 16 and of few bits.


def keyed_png(depth, color, pixel, key):
    """Return an 8 × 8 PNG of one pixel value (one number a channel), with a transparent color."""
    numbers = struct.pack(f">{len(pixel)}H", *pixel) * 8 if depth == 16 else bytes([pixel[0] * 0x11]) * 4
    return png(8, 8, depth, color, (b"\0" + numbers) * 8, [(b"tRNS", struct.pack(f">{len(key)}H", *key))])


KEYED = [
    (16, 0, [0x8000], [0x8000], WHITE),
    (16, 0, [0x8000], [0x8001], (128,) * 3),
    (16, 0, [0x8000], [0], (128,) * 3),
    (16, 2, [0, 0, 0], [0x8000] * 3, BLACK),
    (16, 2, [0x8000] * 3, [0x8000] * 3, WHITE),
    (16, 2, [0x8012, 0x12, 0], [0x8012, 0x12, 0], WHITE),
    (16, 2, [0x8012, 0x12, 0], [0x8013, 0x12, 0], (128, 0, 0)),
    (16, 2, [0x8012, 0x12, 0], [0x8012, 0x12, 1], (128, 0, 0)),
    (4, 0, [5], [5], WHITE),
    (4, 0, [5], [6], (85,) * 3),
]


@pytest.mark.parametrize("depth, color, pixel, key, expected", KEYED)
def test_exactly_the_transparent_color_is_transparent(depth, color, pixel, key, expected):
    assert (shown(keyed_png(depth, color, pixel, key)) == expected).all()


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_transparency_for_more_colors_than_a_palette_has_is_none(depth):
    palette = bytes(BLUE) * 2**depth
    for length, color in ((2**depth, WHITE), (2**depth + 1, BLUE), (300, BLUE)):
        extra = [(b"PLTE", palette), (b"tRNS", bytes(length))]
        assert (shown(png(8, 8, depth, 3, (b"\0" + bytes(depth)) * 8, extra)) == color).all()


# First pictures smaller than their canvas.


def gif_with_frame(place, transparency=None):
    """Return a red GIF picture at place (left, top, width, height) of a canvas of 64 × 64."""
    picture = Image.new("P", place[2:], 1)
    picture.putpalette([*BLUE, *RED] * 128)
    content = encoded(picture, "GIF", **({} if transparency is None else {"transparency": transparency}))
    at = content.index(b",", 13 + 3 * 2 ** ((content[10] & 7) + 1))
    placed = struct.pack("<HHHH", *place)
    return content[:6] + struct.pack("<HH", SIDE, SIDE) + content[10 : at + 1] + placed + content[at + 9 :]


def webp_with_frame(picture, at, background=b"\0\0\0\xff"):
    """Return an animated WebP of 64 × 64 whose first picture stands at that place, and which claims no transparency."""

    def part(name, content):
        return name + struct.pack("<L", len(content)) + content + b"\0" * (len(content) % 2)

    def three(*numbers):
        return b"".join(number.to_bytes(3, "little") for number in numbers)

    pixels = encoded(picture, "WEBP", lossless=True)[12:]
    pixels = pixels[18:] if pixels.startswith(b"VP8X") else pixels
    sides = [side - 1 for side in picture.size]
    frame = part(b"ANMF", three(at[0] // 2, at[1] // 2, *sides, 100) + b"\0" + pixels)
    canvas = part(b"VP8X", b"\2\0\0\0" + three(SIDE - 1, SIDE - 1))
    body = canvas + part(b"ANIM", background + b"\0\0") + 2 * frame
    return b"RIFF" + struct.pack("<L", 4 + len(body)) + b"WEBP" + body


SMALL_FRAMES = {
    "gif": gif_with_frame((10, 20, 30, 30)),
    "gif with an unused transparent color": gif_with_frame((10, 20, 30, 30), transparency=0),
    "webp": webp_with_frame(Image.new("RGB", (30, 30), RED), (10, 20)),
    "webp on green": webp_with_frame(Image.new("RGB", (30, 30), RED), (10, 20), b"\0\xff\0\xff"),
}


@pytest.mark.parametrize("name", SMALL_FRAMES)
def test_what_the_first_picture_leaves_of_its_canvas_is_white(name):
    expected = np.full((SIDE, SIDE, 3), 255)
    expected[20:50, 10:40] = RED
    np.testing.assert_array_equal(shown(SMALL_FRAMES[name]), expected)


def test_a_small_frame_of_a_large_canvas_stays_in_its_place():
    content = gif_with_frame((1000, 0, 2000, 3000))
    content = content[:6] + struct.pack("<HH", 6000, 3000) + content[10:]
    pixels = shown(content)
    width = pixels.shape[1]
    for part, color in ((0.1, WHITE), (0.2, RED), (0.45, RED), (0.6, WHITE)):
        np.testing.assert_array_equal(pixels[len(pixels) // 2, int(width * part)], color)


def test_transparency_within_an_animated_webp_is_seen_without_its_flag():
    content = webp_with_frame(Image.new("RGBA", (30, 30), (0, 0, 255, 128)), (10, 20))
    np.testing.assert_allclose(shown(content)[30, 20], (127, 127, 255), atol=1)


# TIFFs.


def planar_tiff(planes, bits, photometric=2, order="<", extra=None, strips=1):
    """Return an uncompressed TIFF of planes (n, height, width), each in strips of its own."""
    count, height, width = planes.shape
    rows = height // strips
    tags = {256: width, 257: height, 259: 1, 262: photometric, 277: count, 278: rows, 284: 2}
    if extra is not None:
        tags[338] = extra
    number = len(tags) + 3
    arrays = 8 + 2 + 12 * number + 4
    start = arrays + 2 * count + 8 * count * strips
    size = rows * width * bits // 8
    offsets = [start + size * at for at in range(count * strips)]
    listed = [(tag, 4, 1, value) for tag, value in tags.items()]
    listed += [
        (258, 3, count, arrays),
        (273, 4, count * strips, arrays + 2 * count),
        (279, 4, count * strips, arrays + 2 * count + 4 * count * strips),
    ]
    tables = struct.pack(f"{order}{count}H{2 * count * strips}L", *[bits] * count, *offsets, *[size] * count * strips)
    return tiff(listed, tables + planes.astype(f"{order}u{bits // 8}").tobytes(), order=order)


def planes_of(*colors, full=65535):
    """Return planes (n, 32, 32): the first color in the left half and the second one in the right."""
    left, right = (np.array(color)[:, None, None] * full for color in colors)
    return np.concatenate([np.broadcast_to(left, (len(left), 32, 16)), np.broadcast_to(right, (len(left), 32, 16))], 2)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("strips", [1, 4])
@pytest.mark.parametrize("extra", [None, 0, 2])
def test_planes_of_16_bits_show_their_colors(order, strips, extra):
    more = () if extra is None else (1,)
    planes = planes_of((1, 0, 0, *more), (0, 0, 1, *more))
    assert_halves(planar_tiff(planes, 16, order=order, extra=extra, strips=strips))


@pytest.mark.parametrize("photometric, color, full", [(5, (0, 1, 1, 0), 65535)])
def test_planes_that_cannot_be_read_are_refused(photometric, color, full):
    with pytest.raises(ImageError, match="is a kind of TIFF that cannot be read here. Save it as JPEG or PNG"):
        shown(planar_tiff(planes_of(color, color, full=full), 16, photometric))


def packed_tiff(data, bits, samples=1, photometric=1, extra=(), width=32):
    """Return an uncompressed little-endian TIFF of 32 rows in one strip, with the same bits for every sample."""
    tags = {256: width, 257: 32, 259: 1, 262: photometric, 277: samples, 278: 32, 279: len(data), **dict(extra)}
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    table = struct.pack(f"<{samples}H", *[bits] * samples) if samples > 2 else b""
    listed = [(tag, 4, 1, value) for tag, value in tags.items()]
    listed.append((258, 3, samples, start if table else bits * 0x10001 if samples == 2 else bits))
    listed.append((273, 4, 1, start + len(table)))
    return tiff(listed, table + data)


def test_gray_of_12_bits_keeps_its_brightness():
    middle, white = struct.pack("BBB", 0x80, 0x08, 0x00), b"\xff\xff\xff"
    assert_halves(packed_tiff((middle * 8 + white * 8) * 32, 12), (128,) * 3, WHITE)


def test_deep_gray_that_counts_darkness_is_turned_over():
    half, black = struct.pack("<H", 0x8000), b"\xff\xff"
    assert_halves(packed_tiff((half * 16 + black * 16) * 32, 16, photometric=0), (127,) * 3, BLACK)


def test_gray_of_32_bits_keeps_its_brightness():
    half, white = struct.pack("<L", 2**31), b"\xff" * 4
    assert_halves(packed_tiff((half * 16 + white * 16) * 32, 32), (128,) * 3, WHITE)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind, full", [("f4", 1.0), ("i2", 65535), ("i4", 65535)])
@pytest.mark.parametrize("compression", [1, 8], ids=["plain", "deflate"])
def test_the_order_of_bytes_changes_nothing(order, kind, full, compression):
    if kind == "i2":
        full = 32767
    data = np.tile([full / 4] * 16 + [full] * 16, (32, 1)).astype(order + kind).tobytes()
    data = zlib.compress(data) if compression == 8 else data
    bits = int(kind[1]) * 8
    tags = {256: 32, 257: 32, 259: compression, 262: 1, 277: 1, 278: 32, 279: len(data)}
    listed = [(tag, 4, 1, value) for tag, value in tags.items()]
    short = 65536 if order == ">" else 1  # such values are left-justified
    listed += [(258, 3, 1, bits * short), (339, 3, 1, (3 if kind == "f4" else 2) * short)]
    listed.append((273, 4, 1, 8 + 2 + 12 * (len(listed) + 1) + 4))
    pixels = shown(tiff(listed, data, order=order))
    brightest = 128 if kind == "i2" else 255
    np.testing.assert_allclose(pixels[5, [5, 25], 0], (brightest / 4, brightest), atol=1)


UNUSUAL_TIFFS = {
    "CMYK and transparency": packed_tiff(bytes(32 * 32 * 5), 8, 5, 5, [(338, 2)]),
    "gray of 16 bits and transparency": packed_tiff(bytes(32 * 32 * 4), 16, 2, 1, [(338, 2)]),
    "colors as fractions": packed_tiff(bytes(32 * 32 * 12), 32, 3, 2, [(339, 3)]),
    "gray of 10 bits": packed_tiff(bytes(32 * 40), 10),
    "a large one with the first byte first": b"MM\0+\0\x08\0\0" + struct.pack(">QQ", 16, 0) + bytes(99),
    "an unknown compression": packed_tiff(bytes(32 * 32), 8, extra=[(259, 34712)]),
}


@pytest.mark.parametrize("name", UNUSUAL_TIFFS)
def test_a_kind_of_tiff_that_cannot_be_read_is_not_called_damaged(name):
    with pytest.raises(ImageError, match=r"^The photo is a kind of TIFF that cannot be read here\. Save it as"):
        shown(UNUSUAL_TIFFS[name])


# Names.


def test_names_in_sentences_are_one_printable_line(tmp_path):
    path = tmp_path / "bad\x1b[2J\nforged.jpg"
    path.write_bytes(b"x")
    with pytest.raises(ImageError, match=r"^bad\\x1b\[2J\\nforged\.jpg is not an image"):
        decoding.decode(path, SIDE)


# The same in a browser.


def as_pngs(pixels):
    return [png_with_code_points(pixels, *points) for points in ((9, 1), (9, 16), (9, 18), (12, 13), (12, 18), (1, 16))]


def test_code_points_look_as_in_chromium(browser):
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    page = browser.new_page(viewport={"width": SIDE, "height": SIDE})
    for content in as_pngs(pixels):
        address = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        page.set_content(f'<body style="margin:0"><img src="{address}" style="display:block">')
        page.wait_for_function("document.images[0].complete")
        seen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), int)
        off = np.abs(shown(content) - seen)
        assert off.mean() < 0.7 and np.percentile(off, 99.5) <= 6, (off.mean(), off.max())
