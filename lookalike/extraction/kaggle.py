"""Fetch the Kaggle catalogue "Fashion Product Images" and find its images and attributes."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import INDEX_COMMAND, CatalogueError
from lookalike.index.attributes import find_styles
from lookalike.types import StrPath

SMALL = "paramaggarwal/fashion-product-images-small"
FULL = "paramaggarwal/fashion-product-images-dataset"


@dataclass(frozen=True)
class KaggleCatalogue:
    """Where a downloaded catalogue has its images, and its styles.csv or None."""

    images: Path
    styles: Path | None


def fetch_catalogue(full: bool = False, download: Callable[[str], StrPath] | None = None) -> KaggleCatalogue:
    """Download the data set (0.6 GB, or 15 GB when full) with kagglehub, or find it in kagglehub's cache.

    download takes the data set's name and returns a folder. Raises CatalogueError.
    """
    handle = FULL if full else SMALL
    try:
        return find_catalogue((download or _download_from_kaggle)(handle))
    except CatalogueError:
        raise
    except Exception as error:  # kagglehub passes on the errors of requests, the disk and the server
        raise CatalogueError(
            f"{handle} could not be downloaded ({type(error).__name__}: {error}). Check the connection, or download it "
            f"in a browser and run: {INDEX_COMMAND} --images DIR"
        ) from None


def find_catalogue(folder: StrPath) -> KaggleCatalogue:
    """Return the catalogue in a downloaded folder: the shallowest folder named images with a styles.csv beside it.

    The archives hold the same images twice, at two depths. Raises CatalogueError.
    """
    found = sorted(
        (Path(parent, "images") for parent, folders, _ in os.walk(folder) if "images" in folders),
        key=lambda images: (find_styles(images) is None, len(images.parts), images.as_posix()),
    )
    if not found:
        raise CatalogueError(f"There is no folder named images in {folder}; this is not the expected catalogue.")
    return KaggleCatalogue(found[0], find_styles(found[0]))


def _download_from_kaggle(handle: str) -> str:
    import kagglehub

    folder: str = kagglehub.dataset_download(handle)
    return folder
