"""Rims of a frame are cut off a photo; a product's own ground stays."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.images.decoding import decode
from lookalike.images.rims import cut_rims, find_content
from tests.support.data import ROOT

WIDTH, HEIGHT = 300, 400


@pytest.fixture
def photo():
    """Noise in a wide range of colors, dark and bright, as in a photo."""
    coarse = np.random.default_rng(3).integers(30, 225, (20, 15, 3), np.uint8)
    return Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def framed(photo, left=0, top=0, right=0, bottom=0, color="black"):
    image = Image.new("RGB", (photo.width + left + right, photo.height + top + bottom), color)
    image.paste(photo, (left, top))
    return image


def is_near(box, expected, pixels=4):
    return max(abs(ours - right) for ours, right in zip(box, expected)) <= pixels


def as_jpeg(image, quality=85):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.mark.parametrize("color", ["black", "white", "#777", "#20304f"])
@pytest.mark.parametrize(
    "rims",
    [
        {"left": 200, "right": 200},
        {"top": 120, "bottom": 120},
        {"top": 60, "bottom": 160},
        {"left": 100, "top": 100, "right": 100, "bottom": 100},
        {"left": 32, "top": 32, "right": 32, "bottom": 32},
    ],
    ids=["bars at the sides", "bars above and below", "unequal bars", "wide border", "narrow border"],
)
@pytest.mark.parametrize("quality", [60, 95])
def test_bars_and_borders_of_one_color_are_cut_off(photo, color, rims, quality):
    image = decode(as_jpeg(framed(photo, **rims, color=color), quality), 512)
    assert is_near(image.size, photo.size, pixels=8)


def test_each_side_may_have_its_own_color(photo):
    image = framed(photo, top=80, bottom=80)
    ImageDraw.Draw(image).rectangle((0, 0, image.width, 79), "white")
    assert is_near(find_content(image), (0, 80, WIDTH, 80 + HEIGHT))


def screenshot(photo, ground, ink, margin=0):
    """A phone's screen: clock and battery, the app's name, the photo, a caption, the bar that goes home."""
    width = 540 - 2 * margin
    height = round(photo.height * width / photo.width)
    screen = Image.new("RGB", (540, 1140), ground)
    draw = ImageDraw.Draw(screen)
    draw.text((30, 14), "9:41", fill=ink, font_size=20)
    draw.rectangle((470, 17, 505, 31), fill=ink)
    draw.text((30, 80), "street_style", fill=ink, font_size=26)
    screen.paste(photo.resize((width, height)), (margin, 150))
    draw.text((30, 150 + height + 30), "Liked by many people", fill=ink, font_size=22)
    draw.rounded_rectangle((200, 1120, 340, 1126), 3, fill=ink)
    return screen, (margin, 150, margin + width, 150 + height)


@pytest.mark.parametrize("colors", [("black", "white"), ("white", "black"), ("#121212", "#dddddd")])
@pytest.mark.parametrize("margin", [0, 24])
def test_a_screenshot_is_reduced_to_its_photo(photo, colors, margin):
    screen, box = screenshot(photo, *colors, margin)
    assert is_near(find_content(screen), box, pixels=6)


def test_a_screenshot_shown_between_bars_is_reduced_to_its_photo(photo):
    screen, box = screenshot(photo, "white", "black")
    image = framed(screen, left=400, right=400)
    assert is_near(find_content(image), (box[0] + 400, box[1], box[2] + 400, box[3]), pixels=9)


@pytest.mark.parametrize("colors", [("black", "white"), ("white", "black")])
def test_icons_and_comments_below_a_photo_are_cut_off(photo, colors):
    ground, ink = colors
    screen, box = screenshot(photo, ground, ink)
    draw, below = ImageDraw.Draw(screen), box[3]
    draw.rectangle((0, below, *screen.size), ground)
    for left in (20, 80, 140, 490):
        draw.ellipse((left, below + 15, left + 35, below + 50), outline=ink, width=3)
    for line in range(5):
        draw.text((30, below + 60 + 30 * line), "How well this dress suits you!", fill=ink, font_size=22)
    for left in range(45, 540, 100):
        draw.ellipse((left, 1080, left + 30, 1110), outline=ink, width=3)
    assert is_near(find_content(screen), box, pixels=6)


@pytest.mark.parametrize("turned", [False, True], ids=["top to bottom", "left to right"])
@pytest.mark.parametrize("colors", [((250, 220, 230), (150, 160, 250)), ((10, 10, 10), (90, 60, 60))])
def test_a_border_may_change_its_color_from_one_side_to_the_other(photo, colors, turned):
    size = (WIDTH + 200, HEIGHT + 200)
    image = Image.new("RGB", (1, 2))
    image.putdata(colors)
    image = (image.transpose(Image.Transpose.TRANSPOSE) if turned else image).resize(size, Image.Resampling.BILINEAR)
    image.paste(photo, (100, 100))
    assert is_near(decode(as_jpeg(image), 512).size, photo.size, pixels=8)


@pytest.mark.parametrize("color", ["white", "black", "#2b1a3d"])
def test_writing_may_cross_the_edge_of_a_bar(photo, color):
    ink = "black" if color == "white" else "white"
    image = framed(photo, top=150, bottom=150, color=color)
    draw = ImageDraw.Draw(image)
    draw.text((20, 100), "where is", fill=ink, font_size=60)
    draw.text((40, HEIGHT + 130), "this from?", fill=ink, font_size=50)
    assert is_near(find_content(image), (0, 150, WIDTH, 150 + HEIGHT), pixels=6)


def test_writing_beside_a_photo_is_cut_off_with_the_bar(photo):
    image = framed(photo, left=220, right=220)
    draw = ImageDraw.Draw(image)
    draw.text((20, 30), "OUTFIT OF THE DAY", fill="white", font_size=24)
    draw.text((20, 340), "0:12 / 3:44", fill="white", font_size=20)
    assert is_near(find_content(image), (220, 0, 220 + WIDTH, HEIGHT), pixels=6)


def test_a_photo_without_rims_is_not_touched(photo):
    assert cut_rims(photo) is photo


def test_a_rim_on_one_side_alone_is_not_cut_off(photo):
    image = framed(photo, bottom=150)
    assert cut_rims(image) is image


def test_soft_edges_are_no_rims(photo):
    mask = Image.new("L", (WIDTH + 200, HEIGHT + 200))
    mask.paste(255, (100, 100, WIDTH + 100, HEIGHT + 100))
    image = Image.new("RGB", mask.size, "white")
    image.paste(
        framed(photo, 100, 100, 100, 100), mask=mask.resize((10, 12)).resize(mask.size, Image.Resampling.BICUBIC)
    )
    assert cut_rims(image) is image


@pytest.mark.parametrize("ground", ["white", "#eeeeee", "black"])
def test_a_garment_on_a_plain_ground_is_not_touched(photo, ground):
    image = Image.new("RGB", (600, 800), ground)
    garment = Image.new("L", image.size)
    ImageDraw.Draw(garment).polygon(
        [
            (180, 120),
            (420, 120),
            (560, 260),
            (470, 330),
            (430, 280),
            (430, 700),
            (170, 700),
            (170, 280),
            (130, 330),
            (40, 260),
        ],
        fill=255,
    )
    image.paste(photo.resize(image.size), mask=garment)
    assert cut_rims(image) is image


def test_a_wallet_on_white_is_not_touched(photo):
    image = Image.new("RGB", (600, 600), "white")
    image.paste(photo.resize((460, 220)), (70, 250))
    assert cut_rims(image) is image


def test_a_bag_with_its_handle_on_white_is_not_touched(photo):
    image = Image.new("RGB", (600, 600), "white")
    ImageDraw.Draw(image).arc((200, 40, 400, 400), 180, 360, "black", 14)
    image.paste(photo.resize((400, 330)), (100, 200))
    assert cut_rims(image) is image


def test_what_is_left_of_any_image_is_a_part_of_it():
    rng = np.random.default_rng(0)
    for _ in range(300):
        width, height = rng.integers(100, 400, 2).tolist()
        image = Image.new("RGB", (width, height), tuple(rng.integers(0, 256, 3).tolist()))
        for _ in range(rng.integers(1, 7)):
            left, right = sorted(rng.integers(0, width, 2).tolist())
            top, bottom = sorted(rng.integers(0, height, 2).tolist())
            color = tuple(rng.integers(0, 256, 3).tolist())
            ImageDraw.Draw(image).rectangle((left, top, right, bottom), color)
        left, top, right, bottom = find_content(image)
        assert 0 <= left < right <= width and 0 <= top < bottom <= height


def test_an_image_of_one_color_or_of_few_pixels_is_not_touched(photo):
    for image in (
        Image.new("RGB", (400, 300), "red"),
        Image.new("RGB", (1, 1)),
        photo.resize((60, 80)),
        photo.resize((3, 900)),
    ):
        assert cut_rims(image) is image


def test_products_of_the_demo_are_not_touched():
    touched = [
        path.name
        for path in sorted((ROOT / "images").glob("*.jpg"))
        if cut_rims(image := Image.open(path)) is not image
    ]
    assert touched == []


def test_a_large_image_is_cut_as_a_small_one(photo):
    image = framed(photo.resize((3000, 4000)), left=1500, right=1500)
    assert is_near(find_content(image), (1500, 0, 4500, 4000), pixels=40)


def test_bars_change_nothing_of_what_is_found(photo, embedder):
    plain, barred = (
        embedder.vectors(np.asarray(decode(as_jpeg(image, 95), 224).resize((embedder.size,) * 2))[None], [0.75])[
            "look"
        ][0]
        for image in (photo, framed(photo, left=200, right=200))
    )
    assert plain @ barred > 0.95
