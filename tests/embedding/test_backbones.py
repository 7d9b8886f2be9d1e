import hashlib
import json
import socket
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from lookalike.embedding.backbones import Preprocessing, find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.embedding.engines.keras_weights import RESNET50, check_reachable
from lookalike.errors import WeightsError

SETTINGS = {"size": 32, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "layout": "NCHW", "pooling": "max"}


@pytest.fixture(autouse=True)
def empty_keras_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def silent_server():
    """Published weights at an address that accepts a connection and never answers, as a captive network does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield published_at(f"http://127.0.0.1:{server.getsockname()[1]}/weights.h5")


def published_at(url):
    return replace(RESNET50, url=url)


def encoder(tmp_path, **changes):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"find_backbone does not look inside a model")
    path.with_suffix(".json").write_text(json.dumps({**SETTINGS, **changes}))
    return path


def test_the_embedded_backbone_is_always_available():
    backbone = find_backbone("efficientnet-lite0")
    assert backbone.sha256 == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    assert backbone.preprocessing.size == 224 and backbone.pooling == "max"


def test_auto_takes_resnet50_from_keras_cache(empty_keras_cache):
    published = replace(RESNET50, md5=hashlib.md5(b"weights", usedforsecurity=False).hexdigest())
    empty_keras_cache.mkdir(parents=True)
    (empty_keras_cache / published.file).write_bytes(b"weights")
    said = []
    assert find_backbone("auto", announce=said.append, published=published).name == "resnet50"
    assert not said


def test_auto_takes_the_weights_it_is_given(tmp_path):
    weights = tmp_path / "mine.weights.h5"
    weights.write_bytes(b"weights")
    assert find_backbone("auto", weights).weights == weights


def test_auto_falls_back_within_20_seconds_and_says_so(silent_server):
    said, start = [], time.perf_counter()
    assert find_backbone("auto", announce=said.append, published=silent_server).name == "efficientnet-lite0"
    assert time.perf_counter() - start < 20
    assert len(said) == 1 and "no answer within 15 s" in said[0] and "efficientnet-lite0" in said[0]


def test_the_sentence_is_the_same_if_the_socket_gives_up_before_the_thread(silent_server):
    with pytest.raises(WeightsError, match=r"\(no answer within 15 s\)"):
        check_reachable(silent_server.url, max_seconds=15, max_socket_seconds=1)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/weights.h5", "http://nowhere.invalid/weights.h5"])
def test_resnet50_requested_by_name_is_not_replaced(url):
    with pytest.raises(WeightsError, match="cannot be downloaded .* give their file with --weights"):
        find_backbone("resnet50", published=published_at(url))


def test_the_address_of_the_weights_is_the_one_in_keras():
    from keras.src.applications import resnet

    assert f"{resnet.BASE_WEIGHTS_PATH}{RESNET50.file}" == RESNET50.url
    assert resnet.WEIGHTS_HASHES["resnet50"][1] == RESNET50.md5


def test_an_encoder_is_a_model_and_its_settings(tmp_path):
    backbone = find_backbone(str(encoder(tmp_path)))
    assert backbone.name == str(tmp_path / "model.onnx")
    assert backbone.preprocessing == Preprocessing(32, "RGB", (127.5,) * 3, (63.75,) * 3, "NCHW")


@pytest.mark.parametrize(
    "changes",
    [
        {"layout": "CHWN"},
        {"pooling": "median"},
        {"mean": [1]},
        {"std": [0, 1, 1]},
        {"size": 0},
        {"size": "big"},
        {"mean": None},
    ],
)
def test_unusable_settings_are_refused(tmp_path, changes):
    with pytest.raises(WeightsError, match="does not describe an encoder"):
        find_backbone(str(encoder(tmp_path, **changes)))


def test_missing_files_and_unknown_names_each_get_their_sentence(tmp_path):
    with pytest.raises(WeightsError, match="There is no weights file"):
        find_backbone("resnet50", tmp_path / "none.h5")
    with pytest.raises(WeightsError, match="There is no backbone vgg16"):
        find_backbone("vgg16")
    with pytest.raises(WeightsError, match="--weights goes with resnet50"):
        find_backbone("efficientnet-lite0", Path("any.h5"))
    with pytest.raises(WeightsError, match="There is no file"):
        find_backbone(str(tmp_path / "none.onnx"))
    path = encoder(tmp_path)
    path.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match="model.json"):
        find_backbone(str(path))


def test_the_key_changes_with_the_settings(tmp_path):
    before = find_backbone(str(encoder(tmp_path))).manifest_key()
    after = find_backbone(str(encoder(tmp_path, size=64))).manifest_key()
    assert before != after and len(before) == 16


def test_an_incomplete_download_in_keras_cache_is_not_used(empty_keras_cache):
    empty_keras_cache.mkdir(parents=True)
    (empty_keras_cache / RESNET50.file).write_bytes(b"<html>Log in!")
    said, nobody = [], published_at("http://127.0.0.1:9/weights.h5")
    for _ in range(2):
        assert find_backbone("auto", announce=said.append, published=nobody).name == "efficientnet-lite0"
    assert len(said) == 2 and "cannot be downloaded" in said[0]


def export_encoder(path, weights):
    """Write an encoder whose weights lie in a file beside it."""
    tensor = onnx.numpy_helper.from_array(np.float32(weights).reshape(4, 3, 1, 1), "w")
    nodes = [onnx.helper.make_node("Conv", ["x", "w"], ["y"])]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", c, 32, 32])
        for name, c in (("x", 3), ("y", 4))
    ]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], [tensor]))
    path.with_suffix(".onnx.data").unlink(missing_ok=True)
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=0)


def test_other_weights_in_the_file_beside_an_encoder_make_another_encoder(tmp_path):
    path = encoder(tmp_path)
    found = []
    for weights in (np.arange(12), np.arange(12), np.arange(12) + 1):
        export_encoder(path, weights)
        found.append((path.read_bytes(), find_backbone(str(path)).sha256))
    assert found[0][0] == found[2][0], "the .onnx itself is the same"
    assert found[0] == found[1] and found[0][1] != found[2][1]


def test_an_empty_encoder_is_not_blamed_on_its_settings(tmp_path):
    path = encoder(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(WeightsError, match="model.onnx"):
        load_embedder(find_backbone(str(path)))
