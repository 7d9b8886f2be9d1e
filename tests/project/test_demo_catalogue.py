"""The demo catalogue: varied enough, small enough, and its table matches its pictures."""

import pytest

from lookalike.index.attributes import read_styles
from tests.support.data import ROOT

KAGGLE_COLUMNS = "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName"


@pytest.fixture(scope="module")
def styles():
    return read_styles(ROOT / "styles.csv")


def test_it_is_large_and_varied_enough_and_small_enough(styles):
    files = sorted((ROOT / "images").iterdir())
    assert len(files) >= 200 and sum(file.stat().st_size for file in files) <= 3_000_000
    assert len({product["articleType"] for product in styles.values()}) >= 12
    assert len({product["baseColour"] for product in styles.values()}) >= 12


def test_images_and_attributes_belong_together(styles):
    assert {path.stem for path in (ROOT / "images").iterdir()} == set(styles)
    assert (ROOT / "styles.csv").read_text(encoding="utf-8").splitlines()[0] == KAGGLE_COLUMNS
