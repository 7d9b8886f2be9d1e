"""ResNet-50, the embedded backbone and custom encoders, through the real engine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder, normalize
from lookalike.embedding.engines import keras_models
from lookalike.embedding.engines.torch_checkpoint import read_checkpoint
from lookalike.errors import WeightsError
from lookalike.images.decoding import load_pixels
from tests.support.data import DATA, real_images

pytestmark = pytest.mark.usefixtures("empty_cache")


@pytest.fixture(scope="module")
def lite0():
    return load_embedder(find_backbone("efficientnet-lite0"), precision="f32")


def generate_images():
    """Three images that every machine draws the same: a gradient, a checkerboard, rings."""
    y, x = np.mgrid[0:224, 0:224]
    gradient = np.stack([x, y, 223 - x], axis=-1)
    checks = np.where(((x // 28 + y // 28) % 2)[..., None], (230, 30, 60), (20, 90, 200))
    rings = np.stack([np.hypot(x - 112, y - 112) * k % 256 for k in (1, 2, 3)], axis=-1)
    return np.stack([gradient, checks, rings]).astype(np.uint8)


def test_resnet50_is_keras_applications_without_its_top():
    import keras

    model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3))
    assert model.count_params() == 23_587_712


# In a process of its own: Keras leaves what predict compiled in reference cycles. When they are collected, OpenVINO
# frees the main thread's stack for signals, and the next signal ends the process without a word.
PREDICT_WITH_KERAS = """
import keras, numpy, sys
weights, pixels, vectors = sys.argv[1:]
model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3), pooling="max")
model.load_weights(weights)
inputs = keras.applications.resnet50.preprocess_input(numpy.load(pixels).astype("float32"))
numpy.save(vectors, model.predict(inputs, verbose=0))
"""


def test_resnet50_gives_the_vectors_of_plain_keras(seeded_weights, tmp_path):
    pixels = np.stack([load_pixels(path, 224) for path in real_images(50)])
    np.save(tmp_path / "pixels.npy", pixels)
    files = [str(seeded_weights), str(tmp_path / "pixels.npy"), str(tmp_path / "vectors.npy")]
    subprocess.run([sys.executable, "-c", PREDICT_WITH_KERAS, *files], check=True)
    plain = normalize(np.load(tmp_path / "vectors.npy"))
    ours = load_embedder(find_backbone("resnet50", seeded_weights), precision="f32").embed(pixels)
    assert ours.shape == (50, 2048) and ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-5)
    assert (ours * plain).sum(axis=1).min() >= 0.9999


def test_both_formats_of_resnet50_weights_give_the_same_vectors(seeded_weights, tmp_path):
    import keras

    model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3))
    model.load_weights(seeded_weights)
    legacy = tmp_path / "published_notop.h5"
    write_legacy_h5(model, legacy)
    backbones = [find_backbone("resnet50", path) for path in (seeded_weights, legacy)]
    vectors = [load_embedder(backbone, precision="f32").embed(generate_images()) for backbone in backbones]
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_weights_load_whatever_their_file_is_called_and_where_no_links_may_be_made(
    seeded_weights, tmp_path, monkeypatch
):
    """Windows lets only administrators make symbolic links."""

    def refuse(*arguments, **options):
        raise OSError("A required privilege is not held by the client")

    for name in ("symlink", "link"):
        monkeypatch.setattr(os, name, refuse)
    renamed = shutil.copy(seeded_weights, tmp_path / "weights of ours.bin")
    expected, found = (keras_models.resnet50(path) for path in (seeded_weights, Path(renamed)))
    np.testing.assert_array_equal(expected.get_weights()[0], found.get_weights()[0])


def write_legacy_h5(model, path):
    """Write an .h5 file as Keras publishes it: a group for each layer, weights named in order."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.get_weights()):
                group.create_dataset(name, data=weight)


def test_weights_that_do_not_fit_are_refused_with_the_reason(tmp_path):
    import keras

    other = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(other)
    text = tmp_path / "text.h5"
    text.write_text("no weights")
    for path in (other, text):
        with pytest.raises(WeightsError, match=f"{path.name} does not fit ResNet-50 without its top"):
            load_embedder(find_backbone("resnet50", path))


def test_truncated_weights_are_refused_with_the_reason(seeded_weights, tmp_path):
    cut = tmp_path / "cut.weights.h5"
    cut.write_bytes(seeded_weights.read_bytes()[:5_000_000])
    with pytest.raises(WeightsError, match="cut.weights.h5 does not fit"):
        load_embedder(find_backbone("resnet50", cut))


def test_the_embedded_backbones_vectors_never_change(lite0):
    vectors = lite0.embed(generate_images())
    assert vectors.shape == (3, 1280)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[:, RECORDED_CHANNELS], RECORDED, atol=2e-4)


RECORDED_CHANNELS = [113, 115, 245, 265, 423, 897]
RECORDED = [
    [0.1410, 0.0782, 0.0817, 0.0798, 0.1041, 0.1410],
    [0.2600, 0.1074, 0.1127, 0.1134, 0.2064, 0.1499],
    [0.1153, 0.1153, 0.1046, 0.1153, 0.1153, 0.1123],
]


@pytest.mark.skipif(not DATA.exists(), reason="the real data is not on this machine")
@pytest.mark.parametrize(
    "product, classes", [("1531", {610}), ("1558", {898, 720}), ("1165", {834, 906}), ("1599", {636, 748})]
)
def test_the_embedded_backbone_knows_imagenet(lite0, product, classes):
    """ImageNet's class numbers: jersey; water or pill bottle; suit or tie; mailbag or purse."""
    parameters = read_checkpoint(lite0.backbone.weights)
    pixels = load_pixels(DATA / "fashion-product-images" / "fullres" / f"{product}.jpg", 224)
    average = lite0.feature_maps(pixels[None]).mean(axis=(1, 2))
    logits = average @ parameters["_fc.weight"].T + parameters["_fc.bias"]
    assert set(np.argsort(-logits[0])[:3]) & classes


def test_the_checkpoint_is_read_whole_and_damaged_ones_are_refused(lite0, tmp_path):
    parameters = read_checkpoint(lite0.backbone.weights)
    assert parameters["_fc.weight"].shape == (1000, 1280) and len(parameters) == 296
    content = lite0.backbone.weights.read_bytes()
    for name, damaged in {"cut": content[:400_000], "text": b"hello", "code": b"cos\nsystem\n(S'true'\ntR."}.items():
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(WeightsError, match="not a PyTorch checkpoint"):
            read_checkpoint(tmp_path / name)


def onnx_encoder(folder, layout="NCHW", pooling="max"):
    """An encoder whose feature map is the preprocessed pixels themselves, or their average."""
    shape = ["n", 3, 8, 8] if layout == "NCHW" else ["n", 8, 8, 3]
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    if pooling == "none":
        reduce = helper.make_tensor("axes", TensorProto.INT64, [2], axes)
        node, out = helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0), ["n", 3]
        graph_inputs = [reduce]
    else:
        node, out, graph_inputs = helper.make_node("Identity", ["x"], ["y"]), shape, []
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "encoder", [value("x", TensorProto.FLOAT, shape)], [value("y", TensorProto.FLOAT, out)], graph_inputs
    )
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    settings = {"size": 8, "mean": [0, 0, 0], "std": [0.5, 1, 1], "layout": layout, "pooling": pooling}
    path.with_suffix(".json").write_text(json.dumps(settings))
    return path


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("pooling, expected", [("max", (2, 1, 0)), ("average", (1, 0.5, 0)), ("none", (1, 0.5, 0))])
def test_a_custom_encoder_is_fed_and_pooled_as_its_settings_say(tmp_path, layout, pooling, expected):
    image = Image.new("RGB", (8, 8), "black")
    image.paste((255, 255, 0), (0, 0, 4, 8))
    embedder = load_embedder(find_backbone(str(onnx_encoder(tmp_path, layout, pooling))), precision="f32")
    vector = embedder.embed(np.asarray(image)[None])[0]
    np.testing.assert_allclose(vector, np.array(expected) / np.linalg.norm(expected), atol=1e-6)


def hugging_face_config(**changes):
    """A preprocessor_config.json as Optimum writes it, with the settings of onnx_encoder."""
    config = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_processor_type": "ViT"}
    config |= {"image_mean": [0, 0, 0], "image_std": [0.5, 1, 1], "size": {"height": 8, "width": 8}}
    return json.dumps(config | changes)


@pytest.mark.parametrize("pooling", ["max", "none"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"size": 8},
        {"size": {"shortest_edge": 8}},
        {"size": {"shortest_edge": 9}, "do_center_crop": True, "crop_size": 8},
        {"rescale_factor": 1, "image_std": [127.5, 255, 255]},
        {"do_rescale": False, "image_std": [127.5, 255, 255]},
    ],
)
def test_an_encoder_may_be_described_as_optimum_does(tmp_path, pooling, changes):
    path = onnx_encoder(tmp_path, pooling=pooling)
    own = find_backbone(str(path))
    path.with_suffix(".json").unlink()
    path.with_name("preprocessor_config.json").write_text(hugging_face_config(**changes))
    assert find_backbone(str(path)) == own
    (tmp_path / "onnx").mkdir()
    below = path.rename(tmp_path / "onnx" / path.name)
    assert find_backbone(str(below)).preprocessing == own.preprocessing


@pytest.mark.parametrize(
    "changes",
    [
        {"size": {"height": 8, "width": 9}},
        {"size": "big"},
        {"image_mean": [0, 0]},
        {"image_std": None},
        {"rescale_factor": 0},
        {"image_std": [0, 1, 1]},
    ],
)
def test_an_unusable_description_by_optimum_is_refused(tmp_path, changes):
    path = onnx_encoder(tmp_path)
    path.with_suffix(".json").unlink()
    path.with_name("preprocessor_config.json").write_text(hugging_face_config(**changes))
    with pytest.raises(WeightsError, match="preprocessor_config.json does not describe an encoder"):
        find_backbone(str(path))


def test_encoders_that_do_not_fit_their_settings_are_refused(tmp_path):
    path = onnx_encoder(tmp_path)
    path.with_suffix(".json").write_text(path.with_suffix(".json").read_text().replace('"max"', '"none"'))
    with pytest.raises(WeightsError, match="output of 4 dimensions"):
        load_embedder(find_backbone(str(path)))
    path.write_bytes(b"not a model")
    with pytest.raises(WeightsError, match="cannot be used as an encoder"):
        load_embedder(find_backbone(str(path)))


def test_a_damaged_model_in_the_cache_is_made_again(lite0, tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path))
    path = onnx_encoder(tmp_path)
    first = load_embedder(find_backbone(str(path))).embed(np.full((1, 8, 8, 3), 9, np.uint8))
    cached = next(tmp_path.glob("*/model.xml"))
    cached.write_text(cached.read_text()[:200])
    again = load_embedder(find_backbone(str(path))).embed(np.full((1, 8, 8, 3), 9, np.uint8))
    np.testing.assert_array_equal(first, again)


def test_a_second_start_needs_neither_keras_nor_tensorflow(lite0):
    code = (
        "import sys; from lookalike.embedding.backbones import find_backbone; "
        "from lookalike.embedding.embedder import load_embedder; "
        "load_embedder(find_backbone('efficientnet-lite0')); "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_after_an_error_the_engine_answers_as_before(lite0):
    """Every request comes back, also those that ran beside the one that failed."""
    engine = lite0._engine
    idle, good = engine._idle.qsize(), np.zeros((224, 224, 3), np.uint8)
    for broken in ([np.zeros((9, 9, 3), np.uint8)], [good, good, np.zeros((9, 9, 3), np.uint8)]):
        with pytest.raises(RuntimeError):
            engine.outputs(iter(broken))
        assert engine._idle.qsize() == idle
    assert engine.feature_maps(good[None]).shape == (1, 7, 7, 1280)
