import numpy as np
from PIL import Image, ImageDraw

from lookalike.tuning.augmentation import background, composite, cut_out


def product(background="white"):
    image = Image.new("RGB", (224, 224), background)
    ImageDraw.Draw(image).rectangle((60, 60, 160, 160), fill="navy")
    ImageDraw.Draw(image).rectangle((100, 100, 120, 120), fill="white")  # a print, not background
    return np.asarray(image)


def test_a_product_on_white_is_cut_out_with_what_is_white_in_it():
    mask = cut_out(product())
    assert mask[60:161, 60:161].all() and mask.sum() == 101 * 101


def test_what_does_not_stand_on_white_is_left_alone():
    assert cut_out(product("gray")) is None
    assert cut_out(np.full((224, 224, 3), 255, np.uint8)) is None


def test_a_composed_product_keeps_its_color_and_loses_the_white():
    pixels = product()
    image = composite(pixels, cut_out(pixels), np.random.default_rng(0))
    assert image.shape == (224, 224, 3) and image.dtype == np.uint8
    assert np.abs(image[90, 112].astype(int) - (0, 0, 128)).max() < 50
    assert (image[:10, :10] < 240).any()


def test_the_same_seed_makes_the_same_background():
    first, again = (background(64, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
