import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.embedding import color


def picture(garment, background="white", side=224):
    image = Image.new("RGB", (side, side), background)
    ImageDraw.Draw(image).rectangle((64, 64, 159, 159), fill=garment)
    return np.asarray(image)[None]


@pytest.fixture
def middle():
    """Garment scores that match the rectangle in picture."""
    scores = np.zeros((1, 14, 14), np.float32)
    scores[0, 4:10, 4:10] = 1
    return scores


def test_a_vector_has_norm_1_and_shares_add_up_to_1(middle):
    pixels = picture((10, 200, 60))
    assert color.color_vectors(pixels, middle).shape == (1, len(color.ANCHORS))
    np.testing.assert_allclose(np.linalg.norm(color.color_vectors(pixels, middle), axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(color.color_shares(pixels, middle).sum(), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["red", "navy blue", "olive", "black", "pink", "teal", "mustard"])
def test_an_anchors_own_color_gets_its_name(middle, name):
    vector = color.color_vectors(picture(color.ANCHORS[name]), middle)[0]
    assert color.color_names(vector)[0] == name


def test_the_background_does_not_count(middle):
    on_white, on_red = (color.color_vectors(picture("navy", scene), middle)[0] for scene in ("white", "red"))
    assert on_white @ on_red > 0.99
    red = color.color_vectors(picture("red", "navy"), middle)[0]
    assert on_white @ red < 0.1


def test_two_colors_get_two_names(middle):
    image = picture("white").copy()
    image[0, 64:112, 64:160], image[0, 112:160, 64:160] = color.ANCHORS["red"], color.ANCHORS["black"]
    assert set(color.color_names(color.color_vectors(image, middle)[0])[:2]) == {"red", "black"}


def test_similar_colors_are_nearer_than_different_ones(middle):
    navy, blue, yellow = (
        color.color_vectors(picture(rgb), middle)[0] for rgb in ((28, 34, 72), (40, 50, 100), (248, 220, 56))
    )
    assert navy @ blue > navy @ yellow


def test_an_image_without_a_garment_still_gets_a_vector():
    vector = color.color_vectors(picture("red"), np.zeros((1, 14, 14), np.float32))
    np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-5)


def test_lab_is_cielab():
    np.testing.assert_allclose(color.to_lab([255, 255, 255]), [100, 0, 0], atol=0.1)
    np.testing.assert_allclose(color.to_lab([255, 0, 0]), [53.2, 80.1, 67.2], atol=0.2)
    np.testing.assert_allclose(color.to_lab([0, 0, 0]), [0, 0, 0], atol=0.1)
