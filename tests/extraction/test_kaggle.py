import pytest

from lookalike.errors import CatalogueError
from lookalike.extraction.kaggle import FULL, SMALL, fetch_catalogue, find_catalogue


def tree(root, *files):
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_the_layout_of_the_small_data_set(tmp_path):
    tree(tmp_path, "images/1.jpg", "styles.csv", "myntradataset/images/1.jpg", "myntradataset/styles.csv")
    found = find_catalogue(tmp_path)
    assert (found.images, found.styles) == (tmp_path / "images", tmp_path / "styles.csv")


def test_the_layout_of_the_full_data_set(tmp_path):
    nested = "fashion-dataset/fashion-dataset"
    tree(tmp_path, "fashion-dataset/images/1.jpg", "fashion-dataset/styles.csv", "fashion-dataset/styles/1.json")
    tree(tmp_path, f"{nested}/images/1.jpg", f"{nested}/styles.csv", "fashion-dataset/images.csv")
    found = find_catalogue(tmp_path)
    assert found.images == tmp_path / "fashion-dataset" / "images"
    assert found.styles == tmp_path / "fashion-dataset" / "styles.csv"


def test_images_with_attributes_win_over_images_without(tmp_path):
    tree(tmp_path, "images/1.jpg", "deep/er/images/1.jpg", "deep/er/styles.csv")
    assert find_catalogue(tmp_path).images == tmp_path / "deep" / "er" / "images"


def test_the_small_data_set_is_the_default_and_the_full_one_comes_on_request(tmp_path):
    asked = []

    def download(handle):
        asked.append(handle)
        return tree(tmp_path, "images/1.jpg")

    assert fetch_catalogue(download=download).styles is None
    fetch_catalogue(full=True, download=download)
    assert asked == [SMALL, FULL]


def test_failures_get_one_sentence(tmp_path):
    def offline(handle):
        raise ConnectionError("no route")

    with pytest.raises(CatalogueError, match="could not be downloaded .*no route.* python -m lookalike index"):
        fetch_catalogue(download=offline)
    with pytest.raises(CatalogueError, match="no folder named images"):
        find_catalogue(tmp_path)
