"""Damaged and hostile files of our own kind: each is refused with one sentence, whatever it claims."""

import os
import random

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.index.attributes import read_styles
from lookalike.index.reading import FILES, load_index
from lookalike.index.writing import save_index
from tests.hostile.index_files import assert_refused, make_index, restate


@pytest.fixture
def index(tmp_path):
    return make_index(tmp_path / "index")


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_refused(index, name):
    content = (index / name).read_bytes()
    for length in sorted({*range(0, len(content), max(1, len(content) // 200)), len(content) - 1}):
        (index / name).write_bytes(content[:length])
        assert_refused(index)


@pytest.mark.parametrize("name", FILES[:4])
def test_a_file_cut_or_changed_anywhere_is_refused_or_sound_even_if_its_digest_matches(index, name):
    """A manifest can vouch for anything; even then a file must be sound or be refused with a sentence."""
    content, draw = (index / name).read_bytes(), random.Random(0)
    for _ in range(200):
        damaged = bytearray(content[: draw.randrange(len(content) + 1)] if draw.random() < 0.5 else content)
        for _ in range(draw.randrange(4)):
            if damaged:
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        (index / name).write_bytes(damaged)
        restate(index, name)
        try:
            loaded = load_index(index)
        except IndexFileError as error:
            assert "\n" not in str(error)
        else:
            assert all(len(matrix) == 6 and np.isfinite(matrix).all() for matrix in loaded.spaces.values())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
@pytest.mark.parametrize("name", FILES)
def test_pipes_and_devices_are_refused(index, name):
    (index / name).unlink()
    os.mkfifo(index / name)
    assert_refused(index)
    (index / name).unlink()
    (index / name).symlink_to("/dev/zero")
    assert_refused(index)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/", "\0", "a" * 5000])
def test_a_table_that_is_not_a_file_is_refused(path):
    with pytest.raises(CatalogueError, match="cannot be read as a table"):
        read_styles(path)


@pytest.fixture
def disk(tmp_path):
    """Return a folder with a catalogue in shop/images, and private pictures around it."""
    for place in ("shop/images/1.png", "shop/other/2.png", "private/3.png", "shop/images/deep/4.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / place)
    (tmp_path / "shop" / "images" / "link.png").symlink_to(tmp_path / "private" / "3.png")
    (tmp_path / "shop" / "images" / "circle.png").symlink_to("circle.png")
    return tmp_path


def shown(folder, names, **manifest):
    """Return which of those names the app may show of an index in folder, a classic one if no manifest is given."""
    folder.mkdir(exist_ok=True)
    save_index(folder, [np.eye(len(names), dtype=np.float32)], names, {"backbone": "toy", **manifest})
    if not manifest:
        (folder / "index.json").unlink()
    index = load_index(folder)
    found = [index.picture(index.product(row)) for row in range(len(names))]
    return [name for name, path in zip(names, found) if path]


def test_only_the_catalogues_own_files_are_shown(disk, monkeypatch):
    monkeypatch.delenv("LOOKALIKE_PICTURES", raising=False)
    names = [
        "images/1.png", "images/deep/4.png", "images/../images/1.png", "other/2.png",
        "../private/3.png", "images/link.png",
        "images/circle.png", "images/gone.png", "images", "/etc/passwd", str(disk / "private/3.png"),
        str(disk / "shop/images/1.png"),
        "~/x.png", "a" * 3000,
    ]  # fmt: skip
    own = ["images/1.png", "images/deep/4.png", "images/../images/1.png", str(disk / "shop/images/1.png")]
    assert shown(disk / "shop", names, images="images") == own
    # A classic index has no manifest that records a folder, so its own folder counts.
    assert shown(disk / "shop", names) == [*own[:3], "other/2.png", own[3]]
    monkeypatch.setenv("LOOKALIKE_PICTURES", str(disk / "private"))
    assert shown(disk / "shop", names, images="images") == [
        *own[:3], "../private/3.png", "images/link.png", str(disk / "private/3.png"), own[3],
    ]  # fmt: skip


def test_images_outside_the_indexs_folder_are_shown_if_the_manifest_records_their_folder(disk, monkeypatch):
    monkeypatch.delenv("LOOKALIKE_PICTURES", raising=False)
    names = [str(disk / "shop/images/1.png"), str(disk / "private/3.png")]
    assert shown(disk / "index", names, images=str(disk / "shop/images")) == names[:1]
    assert shown(disk / "index", names) == []
    assert shown(disk / "index", names, images="/") == []
