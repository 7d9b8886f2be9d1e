import numpy as np
from PIL import Image, ImageDraw

from lookalike.tuning.augmentation import composite, cut_out, make_background


def product(background="white"):
    image = Image.new("RGB", (224, 224), background)
    ImageDraw.Draw(image).rectangle((60, 60, 160, 160), fill="navy")
    ImageDraw.Draw(image).rectangle((100, 100, 120, 120), fill="white")  # a print, not background
    return np.asarray(image)


def test_a_product_on_white_is_cut_out_with_its_own_white_parts():
    mask = cut_out(product())
    assert mask[60:161, 60:161].all() and mask.sum() == 101 * 101


def test_an_image_without_a_product_on_white_is_not_cut_out():
    assert cut_out(product("gray")) is None
    assert cut_out(np.full((224, 224, 3), 255, np.uint8)) is None


def test_a_composite_keeps_the_products_color_and_loses_the_white():
    pixels = product()
    image = composite(pixels, cut_out(pixels), np.random.default_rng(0))
    assert image.shape == (224, 224, 3) and image.dtype == np.uint8
    assert np.abs(image[90, 112].astype(int) - (0, 0, 128)).max() < 50
    assert (image[:10, :10] < 240).any()


def test_the_same_seed_makes_the_same_background():
    first, again = (make_background(64, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
