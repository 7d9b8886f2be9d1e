import hashlib
import json
import socket
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from lookalike.embedding import backbones
from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.errors import WeightsError

SETTINGS = {"size": 32, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "layout": "NCHW", "pooling": "max"}


@pytest.fixture(autouse=True)
def empty_keras_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "models"


@pytest.fixture
def silent_server():
    """An address that accepts a connection and never answers, as a captive network does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/weights.h5"


def encoder(tmp_path, **changes):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"stands for a model; find_backbone does not open it")
    path.with_suffix(".json").write_text(json.dumps({**SETTINGS, **changes}))
    return path


def test_the_embedded_backbone_is_always_at_hand():
    backbone = find_backbone("efficientnet-lite0")
    assert backbone.sha256 == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    assert backbone.preprocessing.size == 224 and backbone.pooling == "max"


def test_auto_takes_resnet50_from_keras_cache(empty_keras_cache, monkeypatch):
    monkeypatch.setattr(backbones, "RESNET50_MD5", hashlib.md5(b"weights", usedforsecurity=False).hexdigest())
    empty_keras_cache.mkdir(parents=True)
    (empty_keras_cache / backbones.RESNET50_FILE).write_bytes(b"weights")
    said = []
    assert find_backbone("auto", announce=said.append).name == "resnet50"
    assert not said


def test_auto_takes_the_weights_it_is_given(tmp_path):
    weights = tmp_path / "mine.weights.h5"
    weights.write_bytes(b"weights")
    assert find_backbone("auto", weights).weights == weights


def test_auto_gives_up_within_20_seconds_and_says_so(silent_server):
    said, start = [], time.perf_counter()
    assert find_backbone("auto", announce=said.append, url=silent_server).name == "efficientnet-lite0"
    assert time.perf_counter() - start < 20
    assert len(said) == 1 and "no answer within 15 s" in said[0] and "efficientnet-lite0" in said[0]


def test_it_says_the_same_where_the_socket_gives_up_before_the_thread(silent_server, monkeypatch):
    class Patient(threading.Thread):
        def join(self, timeout=None):
            super().join()

    monkeypatch.setattr(backbones, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(backbones.threading, "Thread", Patient)
    with pytest.raises(WeightsError, match=r"\(no answer within 1 s\)"):
        backbones.published_weights(print, silent_server)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/weights.h5", "http://nowhere.invalid/weights.h5"])
def test_resnet50_asked_for_by_name_is_not_replaced(url):
    with pytest.raises(WeightsError, match="cannot be downloaded .* give their file with --weights"):
        find_backbone("resnet50", announce=print, url=url)


def test_keras_addresses_the_weights_as_keras_does():
    from keras.src.applications import resnet

    assert f"{resnet.BASE_WEIGHTS_PATH}{backbones.RESNET50_FILE}" == backbones.RESNET50_URL
    assert resnet.WEIGHTS_HASHES["resnet50"][1] == backbones.RESNET50_MD5


def test_an_encoder_is_a_model_with_its_settings(tmp_path):
    backbone = find_backbone(str(encoder(tmp_path)))
    assert backbone.name == str(tmp_path / "model.onnx")
    assert backbone.preprocessing == backbones.Preprocessing(32, "RGB", (127.5,) * 3, (63.75,) * 3, "NCHW")


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
def test_settings_that_do_not_fit_are_refused(tmp_path, changes):
    with pytest.raises(WeightsError, match="does not describe an encoder"):
        find_backbone(str(encoder(tmp_path, **changes)))


def test_missing_or_unknown_things_get_their_sentence(tmp_path):
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


def test_the_key_changes_with_anything_that_changes_vectors(tmp_path):
    before = find_backbone(str(encoder(tmp_path))).manifest_key()
    after = find_backbone(str(encoder(tmp_path, size=64))).manifest_key()
    assert before != after and len(before) == 16


def test_a_part_of_a_download_in_keras_cache_is_not_taken_for_the_weights(empty_keras_cache):
    empty_keras_cache.mkdir(parents=True)
    (empty_keras_cache / backbones.RESNET50_FILE).write_bytes(b"<html>Log in!")
    said, nobody = [], "http://127.0.0.1:9/weights.h5"
    for _ in range(2):
        assert find_backbone("auto", announce=said.append, url=nobody).name == "efficientnet-lite0"
    assert len(said) == 2 and "cannot be downloaded" in said[0]


def exported(path, weights):
    """An encoder whose weights lie in a file beside it."""
    tensor = onnx.numpy_helper.from_array(np.float32(weights).reshape(4, 3, 1, 1), "w")
    nodes = [onnx.helper.make_node("Conv", ["x", "w"], ["y"])]
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", c, 32, 32])
        for name, c in (("x", 3), ("y", 4))
    ]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], [tensor]))
    path.with_suffix(".onnx.data").unlink(missing_ok=True)
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=0)


def test_other_weights_in_the_file_beside_an_encoder_are_another_encoder(tmp_path):
    path = encoder(tmp_path)
    found = []
    for weights in (np.arange(12), np.arange(12), np.arange(12) + 1):
        exported(path, weights)
        found.append((path.read_bytes(), find_backbone(str(path)).sha256))
    assert found[0][0] == found[2][0], "the .onnx itself is the same"
    assert found[0] == found[1] and found[0][1] != found[2][1]


def test_an_empty_encoder_is_not_blamed_on_its_settings(tmp_path):
    path = encoder(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(WeightsError, match="model.onnx"):
        load_embedder(find_backbone(str(path)))
