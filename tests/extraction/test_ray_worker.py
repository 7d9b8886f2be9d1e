"""What a worker on Ray is told and tells, without Ray: its recipe, its files, and errors that keep their kind."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from lookalike.errors import CatalogueError, WeightsError
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File
from lookalike.extraction.ray_worker import TROUBLE, Recipe, Worker, answer, files_of
from lookalike.extraction.shard_writing import Part
from lookalike.extraction.storage import Storage


@pytest.fixture(scope="module")
def recipe():
    return Recipe("efficientnet-lite0", precision="f32")


@pytest.fixture(scope="module")
def manifest(recipe):
    return recipe.manifest()


@pytest.fixture
def table(photos):
    files = tuple(File(path.name, path, Stamp(1, 2)) for path in photos)
    return files_of(3, Part("key", files, files))


def test_a_recipe_tells_what_its_vectors_are(manifest, embedder):
    assert manifest.spaces == {"look": 1280, "fashion": 256, "color": 40} and not manifest.complete
    assert manifest.embedder["precision"] == "f32" and len(manifest.key) == 16
    assert manifest.embedder.keys() == embedder.manifest().keys()


def test_paths_that_are_no_utf8_reach_the_worker(tmp_path):
    path = tmp_path / "caf\udce9" / "1.jpg"
    file = File("1.jpg", path, Stamp(1, 2))
    (stored,) = files_of(0, Part("key", (file,), (file,)))["path"].to_pylist()
    assert stored == b"%s/caf\xe9/1.jpg" % bytes(tmp_path)


def test_a_worker_with_other_weights_refuses_to_work(recipe, manifest, table):
    worker = Worker(recipe, Storage(Path("images")), replace(manifest, key="0" * 16), None)
    with pytest.raises(WeightsError, match=r"would make different vectors .*\. Install the same on all"):
        answer(worker(table))


def test_a_worker_that_cannot_load_its_engine_says_why(manifest, table):
    worker = Worker(Recipe("resnet50", "/nowhere.h5"), Storage(Path("images")), manifest, None)
    with pytest.raises(WeightsError, match=r"There is no weights file /nowhere.h5"):
        answer(worker(table))


@pytest.mark.parametrize("kind", [CatalogueError, WeightsError, MemoryError])
def test_an_error_keeps_its_kind_and_its_sentence(kind):
    with pytest.raises(kind, match="^What happened.$"):
        answer(pa.table({TROUBLE: [kind.__name__], "says": ["What happened."]}))
