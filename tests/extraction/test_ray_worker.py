"""What goes to a worker on Ray and comes back, without Ray: recipes, files and errors."""

from dataclasses import replace
from pathlib import Path

import pytest

from lookalike.errors import CatalogueError, ShortageError, WeightsError
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File
from lookalike.extraction.ray_worker import Job, Recipe, Worker, error_table, files_table, read_answer
from lookalike.extraction.shard_writing import Part
from lookalike.extraction.storage import Storage
from lookalike.milvus.server import Refused


@pytest.fixture(scope="module")
def recipe():
    return Recipe("efficientnet-lite0", precision="f32")


@pytest.fixture(scope="module")
def manifest(recipe):
    return recipe.manifest()


@pytest.fixture
def table(photos):
    files = tuple(File(path.name, path, Stamp(1, 2)) for path in photos)
    return files_table(3, Part("key", files, files))


def test_a_recipe_describes_its_vectors(manifest, embedder):
    assert manifest.spaces == {"look": 1280, "fashion": 256, "color": 40, "detail": 96} and not manifest.complete
    assert manifest.embedder["precision"] == "f32" and len(manifest.key) == 16
    assert manifest.embedder.keys() == embedder.manifest().keys()


def test_paths_that_are_not_utf8_reach_the_worker(tmp_path):
    path = tmp_path / "caf\udce9" / "1.jpg"
    file = File("1.jpg", path, Stamp(1, 2))
    (stored,) = files_table(0, Part("key", (file,), (file,)))["path"].to_pylist()
    assert stored == b"%s/caf\xe9/1.jpg" % bytes(tmp_path)


def test_a_worker_with_other_weights_refuses_to_work(recipe, manifest, table):
    worker = Worker(Job(recipe, Storage(Path("images")), replace(manifest, key="0" * 16)), None)
    with pytest.raises(WeightsError, match=r"would make different vectors .*\. Install the same on all"):
        read_answer(worker(table))


def test_a_worker_that_cannot_load_its_engine_says_why(manifest, table):
    worker = Worker(Job(Recipe("resnet50", "/nowhere.h5"), Storage(Path("images")), manifest), None)
    with pytest.raises(WeightsError, match=r"There is no weights file /nowhere.h5"):
        read_answer(worker(table))


@pytest.mark.parametrize(
    "error",
    [
        CatalogueError("What happened."),
        MemoryError("What happened."),
        ShortageError("1.jpg", "Too many open files"),
        Refused("Milvus refuses.", 1100),
    ],
)
def test_an_error_keeps_its_type_its_message_and_its_attributes(error):
    """Also if its constructor takes other arguments than the message."""
    with pytest.raises(type(error)) as raised:
        read_answer(error_table(error))
    assert type(raised.value) is type(error) and str(raised.value) == str(error)
    assert vars(raised.value) == vars(error)
