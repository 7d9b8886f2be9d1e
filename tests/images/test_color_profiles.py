"""Color profiles: photos come out as in LittleCMS; invalid or hostile profiles change nothing."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from lookalike.images import color_profiles, decoding, sandbox
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


def point(*numbers):
    return b"XYZ " + bytes(4) + fixed(numbers)


def profile(matrix, like):
    """Build a display profile as ICC.1:2010 describes it, of three primaries and one curve."""
    points = zip((b"rXYZ", b"gXYZ", b"bXYZ"), np.array(matrix).T)
    tags = {name: point(*numbers) for name, numbers in points}
    return profile_of(b"RGB ", b"XYZ ", tags | {name: curve(like) for name in (b"rTRC", b"gTRC", b"bTRC")})


def gray_profile(like):
    return profile_of(b"GRAY", b"XYZ ", {b"kTRC": curve(like)})


def table_profile(space, to_lab, steps=9):
    """Build a profile of a table, which maps values from 0 to 1 (…, channels) to Lab (…, 3)."""
    channels = {b"CMYK": 4, b"RGB ": 3}[space]
    axes = np.meshgrid(*[np.linspace(0, 1, steps)] * channels, indexing="ij")
    lab = (to_lab(np.stack(axes, axis=-1)) + [0, 128, 128]) / [100, 255, 255] * 65280
    ramp = struct.pack(">2H", 0, 65535)
    table = b"mft2" + bytes(4) + bytes([channels, 3, steps, 0]) + fixed([1, 0, 0, 0, 1, 0, 0, 0, 1])
    table += struct.pack(">HH", 2, 2) + ramp * channels + lab.clip(0, 65535).astype(">u2").tobytes() + ramp * 3
    return profile_of(space, b"Lab ", {b"A2B0": table}, device=b"prtr")


def ink_to_lab(values):
    """Describe a printer: less light with each ink, and the hues of cyan, magenta and yellow."""
    cyan, magenta, yellow, black = np.moveaxis(values, -1, 0)
    light = 100 * (1 - 0.35 * cyan) * (1 - 0.45 * magenta) * (1 - 0.08 * yellow) * (1 - 0.85 * black)
    red = (70 * magenta - 30 * cyan - 5 * yellow) * (1 - black)
    gold = (85 * yellow - 45 * cyan - 5 * magenta) * (1 - black)
    return np.stack([light, red, gold], axis=-1)


def scan_to_lab(values):
    """Describe a scanner."""
    red, green, blue = np.moveaxis(values, -1, 0)
    return np.stack([100 * values.mean(axis=-1), 80 * (red - green), 80 * (green - blue)], axis=-1)


def profile_of(space, connection, tags, device=b"mntr"):
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"x\0",
        b"wtpt": point(0.9642, 1.0, 0.8249),
        **tags,
    }
    head, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        head += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    whole = 128 + len(head) + len(body)
    start = (
        struct.pack(">I", whole)
        + bytes(4)
        + b"\x02\x40\0\0"
        + device
        + space
        + connection
        + bytes(12)
        + b"acsp"
        + bytes(24)
    )
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


KINDS = {
    "CMYK": ("CMYK", table_profile(b"CMYK", ink_to_lab)),
    "gray": ("L", gray_profile(1.0)),
    "a scanner's table": ("RGB", table_profile(b"RGB ", scan_to_lab)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_profiles_of_printers_scanners_and_gray_are_heeded(kind):
    mode, content = KINDS[kind]
    image = colors(300).resize((16, 16), 0)
    image = Image.fromarray(np.asarray(image.convert("RGBA")), "CMYK") if mode == "CMYK" else image.convert(mode)
    srgb = ImageCms.createProfile("sRGB")
    opened = ImageCms.ImageCmsProfile(io.BytesIO(content))
    expected = ImageCms.profileToProfile(image, opened, srgb, ImageCms.Intent.PERCEPTUAL, outputMode="RGB")
    photo = encoded(image, "TIFF", icc_profile=content)
    found = np.asarray(decoding.decode(photo, 64), int)
    assert np.abs(found - np.asarray(image.convert("RGB"), int)).mean() > 5, "the profile changes nothing"
    np.testing.assert_array_equal(found, np.asarray(expected, int))


# What Chromium 156 shows of these.
SHOWN = [
    (Image.new("L", (16, 16), 128), gray_profile(1.0), (188,) * 3),
    (Image.new("LA", (16, 16), (128, 255)), gray_profile(1.0), (188,) * 3),
    (Image.new("RGB", (16, 16), (9, 99, 199)), gray_profile(1.0), (9, 99, 199)),
    (Image.new("RGB", (16, 16), (9, 99, 199)), KINDS["CMYK"][1], (9, 99, 199)),
    (Image.new("RGBA", (16, 16), (200, 60, 50, 0)), profile(DISPLAY_P3, SRGB_CURVE), (255, 255, 255)),
]


@pytest.mark.parametrize("image, content, color", SHOWN)
def test_a_profile_counts_where_it_fits_the_image(image, content, color):
    found = decoding.decode(encoded(image, "PNG", icc_profile=content), 64)
    np.testing.assert_allclose(found.getpixel((5, 5)), color, atol=1)


def test_cmyk_with_a_profile_for_rgb_is_shown_as_without():
    image = Image.new("CMYK", (16, 16), (200, 9, 30, 60))
    with_profile = encoded(image, "JPEG", icc_profile=profile(DISPLAY_P3, 2.2), quality=95)
    assert (
        decoding.decode(with_profile, 64).tobytes() == decoding.decode(encoded(image, "JPEG", quality=95), 64).tobytes()
    )


@pytest.fixture
def requests(monkeypatch):
    """The names of the images that this process has its sandbox decode; it knows no profile yet."""
    asked = []

    class Counted(sandbox.Worker):
        def ask(self, content, size, name):
            asked.append(name)
            return super().ask(content, size, name)

    pool = sandbox.Sandbox(start=Counted)
    monkeypatch.setattr(sandbox, "_shared", pool)
    monkeypatch.setattr(decoding, "_srgb_profiles", set())
    yield asked
    pool.close()


def test_profiles_are_read_where_a_crash_does_no_harm_and_srgbs_own_but_once(requests):
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        for number, content in enumerate((own, own, profile(DISPLAY_P3, 2.2), profile(DISPLAY_P3, 2.2), None)):
            options = {"icc_profile": content} if content else {}
            decoding.decode(encoded(colors(6000), kind, **options), 64, f"{kind} {number}")
    assert requests == ["JPEG 0", "JPEG 2", "JPEG 3", "PNG 2", "PNG 3", "WEBP 2", "WEBP 3"]


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
    bomb = b"k\0\0" + zlib.compress(bytes(200_000), 9)
    start = time.perf_counter()
    for content in (with_chunks(image, *[(b"iCCP", bomb)] * 90_000), image):
        assert decoding.load_pixels(content, 32).shape == (32, 32, 3)
    assert time.perf_counter() - start < 5
