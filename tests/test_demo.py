"""The demo catalogue: enough products, small enough, and just what its script draws."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from lookalike.attributes import read_styles

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


def test_its_script_draws_it_again(tmp_path):
    subprocess.run([sys.executable, "demo/draw.py", "--output", tmp_path], cwd=ROOT, check=True)
    assert (tmp_path / "styles.csv").read_bytes() == (ROOT / "styles.csv").read_bytes()
    drawn = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert drawn == sorted(path.name for path in (ROOT / "images").iterdir())
    for name in drawn:
        # Another processor's vector units may round a shade differently.
        shades = [np.asarray(Image.open(folder / "images" / name), dtype=float) for folder in (tmp_path, ROOT)]
        assert np.abs(shades[0] - shades[1]).mean() < 1, name
