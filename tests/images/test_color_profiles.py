"""Color profiles: photos come out as in LittleCMS; invalid or hostile profiles change nothing."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from lookalike.images import color_profiles, decoding
from tests.hostile.builders import encoded, with_chunks

# Primaries adapted to D50, as the profiles of these names have them (columns red, green, blue).
DISPLAY_P3 = [[0.51512, 0.29198, 0.1571], [0.2412, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
ADOBE_RGB = [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
SRGB_CURVE = (3, [2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
GAMMAS = {
    "parametric": (0, [2.2]),
    "one number": 2.2,
    "a table": (np.linspace(0, 1, 1024) ** 2.2 * 65535).round().astype(int),
}


def fixed(numbers):
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def curve(like):
    if isinstance(like, tuple):
        return b"para" + bytes(4) + struct.pack(">HH", like[0], 0) + fixed(like[1])
    if isinstance(like, float):
        return b"curv" + bytes(4) + struct.pack(">IH", 1, round(like * 256))
    return b"curv" + bytes(4) + struct.pack(f">I{len(like)}H", len(like), *like)


def profile(matrix, like):
    """Build a display profile as ICC.1:2010 describes it, of three primaries and one curve."""
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78)}
    tags |= {b"cprt": b"text" + bytes(4) + b"x\0"}
    points = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt"), (*np.array(matrix).T, [0.9642, 1.0, 0.8249])))
    tags |= {name: b"XYZ " + bytes(4) + fixed(point) for name, point in points.items()}
    tags |= {name: curve(like) for name in (b"rTRC", b"gTRC", b"bTRC")}
    head, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        head += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    whole = 128 + len(head) + len(body)
    start = struct.pack(">I", whole) + bytes(4) + b"\x02\x40\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(24)
    return (start + bytes(4) + fixed([0.9642, 1.0, 0.8249])).ljust(128, b"\0") + head + body


def colors(count=60_000):
    pixels = np.random.default_rng(0).integers(0, 256, (count // 300, 300, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def convert_with_littlecms(image, content):
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, io.BytesIO(content), srgb, ImageCms.Intent.RELATIVE_COLORIMETRIC)


@pytest.mark.parametrize(
    "content",
    [profile(DISPLAY_P3, SRGB_CURVE), *(profile(ADOBE_RGB, gamma) for gamma in GAMMAS.values())],
    ids=["Display P3", *(f"Adobe RGB, {kind}" for kind in GAMMAS)],
)
def test_colors_are_the_same_as_in_littlecms(content):
    image = colors()
    found = np.asarray(color_profiles.convert_to_srgb(image, content), int)
    expected = np.asarray(convert_with_littlecms(image, content), int)
    assert np.abs(found - np.asarray(image, int)).mean() > 3, "the profile changes nothing"
    off = np.abs(found - expected)
    assert off.mean() < 0.5 and np.percentile(off, 99) <= 4, (off.mean(), np.percentile(off, 99), off.max())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF"])
def test_a_phone_photo_keeps_its_colors_in_every_format(kind):
    content, dull = profile(DISPLAY_P3, SRGB_CURVE), (200, 60, 50)
    quality = {} if kind in ("PNG", "TIFF") else {"quality": 95}
    photo = encoded(Image.new("RGB", (64, 64), dull), kind, icc_profile=content, **quality)
    expected = convert_with_littlecms(Image.new("RGB", (1, 1), dull), content).getpixel((0, 0))
    seen = decoding.load_pixels(photo, 32)[16, 16].astype(int)
    assert expected[0] > 210 and np.abs(seen - expected).max() <= 4, (seen, expected)


def test_no_profile_and_srgbs_own_change_nothing():
    image = colors()
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert all(color_profiles.convert_to_srgb(image, content) is image for content in (None, b"", own))


def test_an_invalid_profile_changes_nothing():
    image, sound = colors(), profile(DISPLAY_P3, SRGB_CURVE)
    other = [
        b"\xff" * 500,
        sound[:100],
        sound[:140],
        sound[:-60],
        sound.replace(b"RGB XYZ ", b"CMYKLab "),
        sound.replace(b"acsp", b"xxxx"),
        sound.replace(b"rTRC", b"xxxx"),
        sound.replace(b"para\0\0\0\0\0\3", b"para\0\0\0\0\0\7"),
        sound.ljust(color_profiles.MAX_PROFILE_BYTES + 1, b"\0"),
        profile(np.zeros((3, 3)), SRGB_CURVE),
        profile(DISPLAY_P3, (0, [-3.0])),
        sound[:128] + struct.pack(">I", 2**32 - 1) + sound[132:200],
    ]
    for number, content in enumerate(other):
        assert color_profiles.convert_to_srgb(image, content) is image, number


def test_a_randomly_damaged_profile_raises_nothing():
    image, sound, rng = Image.new("RGB", (8, 8), "red"), profile(DISPLAY_P3, SRGB_CURVE), np.random.default_rng(1)
    for _ in range(300):
        content = bytearray(sound)
        for place in rng.integers(0, len(content), 4):
            content[place] = rng.integers(0, 256)
        assert color_profiles.convert_to_srgb(image, bytes(content)).size == (8, 8)


def test_thousands_of_profiles_in_one_file_cost_no_time():
    image = encoded(Image.new("RGB", (64, 64), (200, 60, 50)), "PNG", icc_profile=profile(DISPLAY_P3, SRGB_CURVE))
    bomb = b"k\0\0" + zlib.compress(bytes(2 * color_profiles.MAX_PROFILE_BYTES), 9)
    start = time.perf_counter()
    for content in (with_chunks(image, *[(b"iCCP", bomb)] * 90_000), image):
        assert decoding.load_pixels(content, 32).shape == (32, 32, 3)
    assert time.perf_counter() - start < 5
