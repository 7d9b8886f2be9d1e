"""Manifests, encoder descriptions and model files with wrong types or damage."""

import json
import multiprocessing
import os

import numpy as np
import pytest

from lookalike.embedding.backbones import find_backbone
from lookalike.errors import CatalogueError, IndexFileError, WeightsError
from lookalike.index.reading import load_index
from lookalike.index.writing import save_index
from lookalike.search.loading import load_recommender
from lookalike.tuning.tune import tune_index
from tests.hostile.index_files import assert_refused, make_index, restate

WRONG = [None, True, -1, 0, 1.5, 1e400, "", "x", "\0", [], {}, [[]], {"": None}, 10**30, "a" * 5000, "\ud800"]


@pytest.fixture
def index(tmp_path):
    return make_index(tmp_path / "index")


@pytest.mark.parametrize("key", ["format", "n", "channels", "files", "backbone"])
@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:20])
def test_a_manifest_of_wrong_types_is_refused(index, key, value):
    restate(index, **{key: value})
    if key == "backbone" and isinstance(value, str) and value not in ("\0", "\ud800"):
        with pytest.raises(IndexFileError, match="cannot be loaded"):
            load_recommender(index)
    else:
        assert_refused(index, "damaged or of another version|does not have the shape")


@pytest.mark.parametrize(
    "key",
    [
        *("weights", "weights_file", "images", "styles", "styles_sha256", "skipped_sha256"),
        *("precision", "pooling", "preprocessing", "tuning", "fashion"),
    ],
)
def test_any_value_of_another_key_is_accepted_or_refused_with_a_sentence(index, key):
    before = (index / "index.json").read_text()
    # A value that fits loads the network, which takes time.
    for value in WRONG[::3]:
        (index / "index.json").write_text(before)
        restate(index, backbone="efficientnet-lite0", **{key: value})
        try:
            loaded = load_recommender(index).index
        except IndexFileError as error:
            assert "\n" not in str(error)
        else:
            assert loaded.picture(loaded.product(0)) is None


@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "../..", "../../etc/passwd", "."])
@pytest.mark.parametrize("key", ["files", "styles"])
def test_no_file_that_an_old_manifest_names_holds_up_the_next_run(index, name, key):
    os.mkfifo(index / "pipe")
    manifest = json.loads((index / "index.json").read_text())
    new = {name: manifest[name] for name in ("backbone", "fashion") if name in manifest} | {"styles": "styles.csv"}
    manifest |= {"files": {**manifest["files"], name: "0" * 64}} if key == "files" else {"styles": name}
    (index / "index.json").write_text(json.dumps(manifest))
    look = np.eye(2, dtype=np.float32)
    # A process, as one that waits for a pipe cannot be interrupted from within.
    runner = multiprocessing.get_context("spawn").Process(
        target=save_index, args=(index, [look], ["a.jpg", "b.jpg"], new)
    )
    runner.start()
    runner.join(60)
    runner.kill()
    assert runner.exitcode == 0 and load_index(index).names == ("a.jpg", "b.jpg")


@pytest.mark.parametrize("tuning", [None, {}, {"attributes": None}, {"attributes": [1]}, {"": {"": []}}])
def test_an_index_with_a_strange_note_on_its_tuning_is_tuned_or_refused_with_a_sentence(index, tuning):
    restate(index, tuning=tuning)
    with pytest.raises(CatalogueError, match="products have attributes that can be learned"):
        tune_index(index, lambda: None)
    load_index(index)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"a":' * 200_000, '{"format": 1, "n": ' + "9" * 10_000 + "}", "NaN",
     '"' + "x" * 3_000_000 + '"', "\ufeff{}", "{}{}"],
    ids=["lists", "dicts", "digits", "nan", "long", "bom", "two"],
)  # fmt: skip
def test_a_json_bomb_is_refused(index, text):
    (index / "index.json").write_text(text)
    assert_refused(index, "damaged or of another version")


@pytest.mark.parametrize("content", [b"\xff\xfe\0", b"", b"\0" * 99, b"null"])
def test_a_manifest_that_is_not_json_is_refused(index, content):
    (index / "index.json").write_bytes(content)
    assert_refused(index, "damaged or of another version")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", '"x"', "[" * 100_000, "{}", "\xff",
        '{"size": 1e999, "mean": [0,0,0], "std": [1,1,1], "layout": "NCHW", "pooling": "max"}',
        '{"size": true, "mean": [0,0,0], "std": [1,1,1], "layout": "NCHW", "pooling": "max"}',
        '{"size": 64, "mean": "123", "std": [1,1,1], "layout": "NCHW", "pooling": "max"}',
        '{"size": 64, "mean": [0,0,NaN], "std": [1,1,1], "layout": "NCHW", "pooling": "max"}',
        '{"size": 64, "mean": [0,0,0], "std": [1,1,0], "layout": "NCHW", "pooling": "max"}',
        '{"size": 64, "mean": [0,0,0], "std": {"a":1,"b":1,"c":1}, "layout": "NCHW", "pooling": "max"}',
        '{"size": 64, "mean": [0,0,0], "std": [1,1,1], "layout": ["NCHW"], "pooling": "max"}',
        '{"size": 64, "mean": [0,0,0], "std": [1,1,1], "layout": "NCHW", "pooling": {}}',
    ],
)  # fmt: skip
def test_a_strange_encoder_description_is_refused(tmp_path, text):
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    (tmp_path / "model.json").write_bytes(text.encode("latin1"))
    with pytest.raises(WeightsError, match="does not describe an encoder"):
        find_backbone(str(tmp_path / "model.onnx"))


def test_a_damaged_encoder_is_refused(tmp_path):
    from lookalike.embedding.embedder import load_embedder

    good = '{"size": 64, "mean": [0,0,0], "std": [1,1,1], "layout": "NCHW", "pooling": "max"}'
    (tmp_path / "model.json").write_text(good)
    for content in (b"", b"hello", bytes(999), bytes(range(256)) * 9):
        (tmp_path / "model.onnx").write_bytes(content)
        with pytest.raises(WeightsError, match="cannot be used as an encoder"):
            load_embedder(find_backbone(str(tmp_path / "model.onnx")), engine="openvino", precision="f32")


def test_a_damaged_model_in_the_cache_is_converted_again(tmp_path):
    from lookalike.embedding.engines.openvino import OpenVinoEngine

    backbone, pixels = find_backbone("efficientnet-lite0"), np.full((1, 224, 224, 3), 77, np.uint8)
    expected = OpenVinoEngine(backbone, "f32", 1, cache=tmp_path).feature_maps(pixels)
    (path,) = tmp_path.glob("*/model.bin")
    damaged = flipped(path.read_bytes())
    path.write_bytes(damaged)
    np.testing.assert_array_equal(OpenVinoEngine(backbone, "f32", 1, cache=tmp_path).feature_maps(pixels), expected)
    assert path.read_bytes() != damaged


def flipped(content):
    """Return the content with one bit in the middle flipped, as a worn disk may do."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
