import json
import shutil

import numpy as np
import pytest

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.errors import IndexFileError
from lookalike.extraction.build import build_index
from lookalike.index.writing import save_index
from lookalike.search.loading import index_version, load_recommender
from tests.support.toy import COLORS


@pytest.fixture(scope="module")
def lite0():
    return load_embedder(find_backbone("efficientnet-lite0"))


@pytest.fixture
def real_index(catalogue, lite0):
    build_index(catalogue, catalogue.parent, lite0, catalogue.parent / "styles.csv")
    return catalogue.parent


def edit(folder, **changes):
    path = folder / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_backbone_of_the_manifest_answers(real_index):
    recommender = load_recommender(real_index)
    assert recommender.embedder.backbone.name == "efficientnet-lite0"
    for number in range(1, len(COLORS) + 1):
        match = recommender.similar(real_index / "images" / f"{number}.png", k=1)[0]
        assert match.product.id == str(number) and match.distance < 1e-3


def test_an_index_moves_with_its_folder(real_index, tmp_path):
    moved = shutil.move(real_index, tmp_path / "moved")
    product = load_recommender(moved).index.product(0)
    assert product.path.is_file() and product.attributes["baseColour"] == "Red"


def test_a_backbone_that_cannot_be_loaded_is_refused_with_the_command_to_run(real_index):
    edit(real_index, backbone="/gone/model.onnx")
    with pytest.raises(IndexFileError, match="cannot be loaded: There is no file .*python -m lookalike index"):
        load_recommender(real_index)


@pytest.mark.parametrize("change", [{"weights": "0" * 64}, {"preprocessing": {"size": 160}}, {"pooling": "average"}])
def test_vectors_of_another_network_are_never_compared(real_index, change):
    edit(real_index, **change)
    with pytest.raises(IndexFileError, match=f"another efficientnet-lite0 .{next(iter(change))} differ"):
        load_recommender(real_index)


def test_vectors_of_another_fashion_network_are_never_compared(real_index):
    """As after an update of Lookalike with other weights or another preparation of the pixels."""
    edit(real_index, fashion="0" * 16)
    with pytest.raises(IndexFileError, match="another fashion network .*python -m lookalike index"):
        load_recommender(real_index)


def test_indexing_again_replaces_an_index_of_another_fashion_network(real_index, lite0):
    edit(real_index, fashion="0" * 16)
    build_index(real_index / "images", real_index, lite0, real_index / "styles.csv")
    assert load_recommender(real_index).index.manifest["fashion"] == lite0.manifest()["fashion"]


def test_a_resnet50_index_is_searched_with_its_own_weights(catalogue, seeded_weights):
    embedder = load_embedder(find_backbone("resnet50", seeded_weights))
    build_index(catalogue, catalogue.parent, embedder)
    recommender = load_recommender(catalogue.parent)
    assert recommender.index.look.shape == (4, 2048)
    assert recommender.similar(catalogue / "3.png", k=1)[0].product.id == "3"


def test_missing_attributes_are_no_error(real_index):
    (real_index / "styles.csv").unlink()
    assert load_recommender(real_index).index.product(0).attributes == {}


def test_the_version_changes_with_the_index(tmp_path):
    assert index_version(tmp_path) == ()
    look = np.eye(2, dtype=np.float32)
    save_index(tmp_path, [look], ["1", "2"], {"backbone": "toy"})
    before = index_version(tmp_path)
    save_index(tmp_path, [look], ["1", "2"], {"backbone": "toy"})
    assert len(before) == 3 and index_version(tmp_path) == before
    save_index(tmp_path, [look], ["1", "3"], {"backbone": "toy"})
    assert index_version(tmp_path) != before
