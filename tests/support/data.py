"""Where the checkout and the real data are, and a skip with a reason where the real data is missing."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LOOKALIKE_TEST_DATA", ROOT.parent / "shared" / "data"))

# The only reason why a test of the browser may be skipped in tests/scale.
NO_REAL_DATA = "the real data is not on this machine"


def data(*parts: str) -> Path:
    """A path in the real data, or a skip with the reason."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{NO_REAL_DATA} ({path})")
    return path


def real_images(count: int) -> list[Path]:
    """The first images of the real catalogue, or a skip with the reason."""
    return sorted(data("fashion-product-images", "images").iterdir())[:count]
