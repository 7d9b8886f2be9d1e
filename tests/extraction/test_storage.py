"""Catalogues at addresses are listed in the same order and read by the same functions as those in folders."""

import os
import pickle
import shutil

import numpy as np
import pytest

from lookalike.errors import CatalogueError
from lookalike.extraction.build import build_index
from lookalike.extraction.pipeline import embed_files, stat_file
from lookalike.extraction.storage import Storage
from lookalike.images.decoding import MAX_FILE_BYTES
from lookalike.index.reading import load_index
from tests.support.bucket import serve_bucket


@pytest.fixture
def memory(catalogue):
    """The address of the toy catalogue in fsspec's memory, with a broken, two hidden and a foreign file."""
    fsspec = pytest.importorskip("fsspec", reason="comes with Ray: make test-scale")
    filesystem = fsspec.filesystem("memory")
    for path in catalogue.iterdir():
        filesystem.pipe(f"/shop/sub/{path.name}", path.read_bytes())
    for name in ("0.jpg", ".1.png", ".trash/2.png", "notes.txt"):
        filesystem.pipe(f"/shop/{name}", b"hello")
    yield "memory://shop"
    filesystem.rm("/shop", recursive=True)


def rows(storage, output, toy):
    results = embed_files(storage.find(output), toy, set().__contains__, 2, 2)
    return {result.file.name: (result.content, result.reason, result.row) for result in results}


def test_an_address_gives_the_same_vectors_as_a_folder(toy, catalogue, memory):
    (catalogue / "0.jpg").write_text("hello")
    here, there = (rows(Storage(images), catalogue, toy) for images in (catalogue, memory))
    assert list(there) == ["0.jpg", "sub/1.png", "sub/2.png", "sub/3.png", "sub/4.png"]
    for (content, reason, row), (other, why, vector) in zip(here.values(), there.values()):
        assert content == other and reason == why and (row is None) == (vector is None)
        assert row is None or row.tobytes() == vector.tobytes()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_files_of_a_folder_are_named_as_on_one_machine(catalogue, scheme):
    storage = Storage(f"{scheme}{catalogue}".replace(" ", "%20"))
    expected = [stat_file(path, catalogue.parent) for path in sorted(catalogue.iterdir())]
    assert storage.find(catalogue.parent) == expected and storage.shown == str(catalogue)
    assert storage.file("1.png", os.fspath(expected[0].path), expected[0].stamp).path == expected[0].path


def test_a_folder_with_a_space_in_its_name_has_an_address_too(catalogue):
    other = catalogue.with_name("our images")
    shutil.copytree(catalogue, other)
    assert len(Storage(f"file://{catalogue.parent}/our%20images").find(catalogue.parent)) == 4


def test_a_storage_is_pickled_without_its_connection(toy, catalogue, memory):
    storage = Storage(memory)
    (first, *_) = storage.find(catalogue)
    other = pickle.loads(pickle.dumps(storage))
    assert "_filesystem" in vars(storage) and "_filesystem" not in vars(other)
    assert other.file(first.name, os.fspath(first.path), first.stamp).path.read_bytes() == b"hello"


def test_a_missing_file_is_skipped_and_one_that_may_be_readable_later_stops_the_run(toy, catalogue):
    storage = Storage(f"local://{catalogue}")
    files = storage.find(catalogue)
    (catalogue / "1.png").unlink()
    (result,) = embed_files(files[:1], toy, set().__contains__, 2, 1)
    assert result.reason == "The file cannot be read (No such file or directory)." and result.content is None
    (catalogue / "1.png").mkdir()
    with pytest.raises(CatalogueError, match=r"1.png could not be read from local://.*; finished work is kept\. Check"):
        list(embed_files(files[:1], toy, set().__contains__, 2, 1))


def test_the_size_limits_hold_at_an_address_too(toy, catalogue):
    with open(catalogue / "5.png", "wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    (catalogue / "6.png").touch()
    found = rows(Storage(f"local://{catalogue}"), catalogue, toy)
    assert "has 50 MB; the limit is 50 MB" in found["5.png"][1] and "is empty" in found["6.png"][1]


@pytest.mark.parametrize(
    "address, sentence",
    [
        ("/nowhere", "There is no folder /nowhere"),
        ("file:///nowhere", "There is no folder /nowhere"),
        ("local:///nowhere", r"local:///nowhere cannot be listed .* Check the address and your permissions"),
        ("nope://shop", "nope://shop cannot be listed"),
        ("abfs://", "cannot be listed"),
        ("s3://key:secret@[shop/images", "^The address of the images makes no sense. Write it as s3://BUCKET/FOLDER.$"),
    ],
)
def test_an_address_that_leads_nowhere_is_reported(tmp_path, address, sentence):
    with pytest.raises(CatalogueError, match=sentence):
        Storage(address).find(tmp_path)


def test_an_address_without_images_is_reported(tmp_path):
    with pytest.raises(CatalogueError, match=r"There is no image in local://.*\. Looked for \.apng"):
        Storage(f"local://{tmp_path}").find(tmp_path)


def test_keys_in_an_address_are_never_shown():
    storage = Storage("s3://key:secret@shop/images?region=eu-west-1&secret_key=x")
    assert storage.shown == "s3://shop/images"


def test_one_machine_indexes_a_bucket_and_goes_on_from_there(toy, catalogue, tmp_path):
    objects = {f"images/sub/{path.name}": path.read_bytes() for path in catalogue.iterdir()}
    objects |= {"images/broken.jpg": b"hello", "images/.hidden.png": b"hello", "else/1.png": b"hello"}
    with serve_bucket(objects) as address:
        report = build_index(address, tmp_path / "there", toy, workers=2)
        assert (report.found, report.indexed, report.embedded) == (5, 4, 4)
        objects["images/sub/5.png"] = objects["images/sub/1.png"] + b" "
        again = build_index(address, tmp_path / "there", toy, workers=2)
        assert (again.found, again.indexed, again.embedded) == (6, 5, 1)
        del objects["images/sub/5.png"]
        build_index(address, tmp_path / "there", toy, workers=2)
        with pytest.raises(CatalogueError, match="s3://shop/none cannot be listed"):
            build_index(address.replace("/images", "/none"), tmp_path / "none", toy)
    build_index(catalogue, tmp_path / "here", toy, workers=2)
    there, here = load_index(tmp_path / "there"), load_index(tmp_path / "here")
    assert list(there.names) == [f"sub/{path.name}" for path in sorted(catalogue.iterdir())]
    np.testing.assert_array_equal(there.look, here.look)
    assert there.manifest["images"] == "s3://shop/images", "the address without its keys"
