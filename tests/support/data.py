"""Where the checkout and the real data are, and a skip with a reason where the real data is missing."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LOOKALIKE_TEST_DATA", ROOT.parent / "shared" / "data"))


def data(*parts: str) -> Path:
    """A path in the real data, or a skip with the reason."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the real data is not on this machine ({path})")
    return path


def real_images(count: int) -> list[Path]:
    """The first images of the real catalogue, or a skip with the reason."""
    return sorted(data("fashion-product-images", "images").iterdir())[:count]
