"""The demo catalogue: varied enough, small enough, and its table matches its pictures."""

import re

import pytest

from lookalike.images.discovery import find_images
from lookalike.index.attributes import COLOR_COLUMN, TYPE_COLUMN, read_styles
from tests.support.data import ROOT

KAGGLE_COLUMNS = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"
PICTURES = sorted((ROOT / "images").glob("*.jpg"))


@pytest.fixture(scope="module")
def styles():
    return read_styles(ROOT / "styles.csv")


def test_it_is_large_and_varied_enough_and_small_enough(styles):
    assert len(PICTURES) >= 200 and sum(path.stat().st_size for path in PICTURES) <= 3_000_000
    assert len({product[TYPE_COLUMN] for product in styles.values()}) >= 12
    assert len({product[COLOR_COLUMN] for product in styles.values()}) >= 12


def test_images_and_attributes_belong_together(styles):
    assert {path.stem for path in PICTURES} == set(styles)
    assert (ROOT / "styles.csv").read_text(encoding="utf-8").splitlines()[0] == KAGGLE_COLUMNS


def test_only_the_pictures_are_products_and_the_readme_counts_them():
    assert find_images(ROOT / "images") == PICTURES
    text = (ROOT / "images" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"(\d+) pictures", text)[1] == str(len(PICTURES))
