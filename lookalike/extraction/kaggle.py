"""Fetch the Kaggle catalogue "Fashion Product Images" and find its images and attributes."""

import os
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import CatalogueError
from lookalike.index.attributes import find_styles

SMALL = "paramaggarwal/fashion-product-images-small"

FULL = "paramaggarwal/fashion-product-images-dataset"


@dataclass(frozen=True)
class Catalogue:
    """Where a downloaded catalogue has its images, and its styles.csv or None."""

    images: Path
    styles: Path | None


def fetch_catalogue(full=False, download=None):
    """Download the data set (0.6 GB, or 15 GB when full) with kagglehub, or find it in its cache.

    download takes the data set's name and returns a folder. Raises CatalogueError.
    """
    handle = FULL if full else SMALL
    try:
        return find_catalogue((download or _kagglehub)(handle))
    except CatalogueError:
        raise
    except Exception as error:  # kagglehub passes on what requests, the disk and the server raise
        raise CatalogueError(
            f"{handle} could not be downloaded ({type(error).__name__}: {error}). Check the connection, or download it "
            "in a browser and run: python extract_features.py --images DIR"
        ) from None


def find_catalogue(folder):
    """The Catalogue in a downloaded folder: the shallowest folder named images with styles.csv beside it.

    The archives hold the same images twice, at two depths. Raises CatalogueError.
    """
    found = sorted(
        (Path(parent, "images") for parent, folders, _ in os.walk(folder) if "images" in folders),
        key=lambda images: (find_styles(images) is None, len(images.parts), images.as_posix()),
    )
    if not found:
        raise CatalogueError(f"There is no folder named images in {folder}; it is not the catalogue expected.")
    return Catalogue(found[0], find_styles(found[0]))


def _kagglehub(handle):
    import kagglehub

    return kagglehub.dataset_download(handle)
