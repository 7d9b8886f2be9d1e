"""Engines, precisions and modes against each other: one image gives one vector, however it is computed."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import util

import numpy as np
import pytest

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.embedding.engines.openvino import supported_precisions
from lookalike.embedding.engines.tensorflow import TensorFlowEngine
from lookalike.errors import WeightsError
from lookalike.images.decoding import load_pixels
from tests.support.data import ROOT, real_images

pytestmark = pytest.mark.usefixtures("empty_cache")
needs_bf16 = pytest.mark.skipif("bf16" not in supported_precisions(), reason="this processor has no bf16")
PRECISIONS = ["f32", pytest.param("bf16", marks=needs_bf16)]


@pytest.fixture(scope="module")
def lite0():
    return find_backbone("efficientnet-lite0")


@pytest.fixture(scope="module")
def pixels():
    """The first images of the demo catalogue, which every machine has: one more than fits TensorFlow's batch."""
    return np.stack([load_pixels(path, 224) for path in sorted((ROOT / "images").glob("*.jpg"))[:33]])


@pytest.fixture(scope="module")
def real_pixels():
    return np.stack([load_pixels(path, 224) for path in real_images(50)])


def cosines(some, others):
    return (some * others).sum(axis=1)


def batches_of(size, pixels):
    return [pixels[start : start + size] for start in range(0, len(pixels), size)]


def assert_bitwise_the_same_in_any_batch(embed, pixels):
    expected = np.concatenate([embed(image[None]) for image in pixels])
    np.testing.assert_array_equal(embed(pixels), expected)
    np.testing.assert_array_equal(embed(pixels[::-1]), expected[::-1])
    np.testing.assert_array_equal(embed(np.repeat(pixels[:2], 5, axis=0)), np.repeat(expected[:2], 5, axis=0))
    for size in (2, 7, 32):
        np.testing.assert_array_equal(np.concatenate([embed(part) for part in batches_of(size, pixels)]), expected)


@pytest.mark.parametrize("throughput", [False, True])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_vector_never_depends_on_its_batch(lite0, pixels, precision, throughput):
    embedder = load_embedder(lite0, "openvino", precision, throughput)
    assert embedder.precision == precision
    assert_bitwise_the_same_in_any_batch(embedder.rows, pixels)


@pytest.mark.tensorflow
def test_a_vector_never_depends_on_its_batch_when_tensorflow_indexes(lite0, pixels):
    engine = TensorFlowEngine(lite0, throughput=True)
    assert_bitwise_the_same_in_any_batch(lambda part: engine.feature_maps(part).max(axis=(1, 2)), pixels)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_throughput_and_latency_agree(lite0, pixels, precision):
    quick, many = (load_embedder(lite0, "openvino", precision, throughput).embed(pixels) for throughput in (0, 1))
    assert cosines(quick, many).min() >= 0.99999


@pytest.mark.tensorflow
def test_tensorflow_and_openvino_f32_agree_on_the_embedded_backbone(lite0, pixels):
    ours, theirs = (load_embedder(lite0, engine, "f32").embed(pixels) for engine in ("openvino", "tensorflow"))
    assert cosines(ours, theirs).min() >= 0.99999
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("precision, min_cosine", [("f32", 0.9999), pytest.param("bf16", 0.999, marks=needs_bf16)])
def test_openvino_agrees_with_tensorflow_on_resnet50(seeded_weights, real_pixels, precision, min_cosine):
    backbone = find_backbone("resnet50", seeded_weights)
    reference = load_embedder(backbone, "tensorflow", "f32").embed(real_pixels)
    ours = load_embedder(backbone, "openvino", precision, throughput=True).embed(real_pixels)
    assert cosines(ours, reference).min() >= min_cosine


@pytest.mark.parametrize("precision", PRECISIONS)
def test_threads_can_share_an_engine(lite0, pixels, precision):
    """The visitors of the app: each gets the vector of their own photo."""
    embedder = load_embedder(lite0, "openvino", precision)
    expected = embedder.embed(pixels)
    with ThreadPoolExecutor(8) as visitors:
        answers = list(visitors.map(lambda image: embedder.embed(image[None])[0], pixels))
    np.testing.assert_array_equal(np.stack(answers), expected)


def test_auto_chooses_openvino_and_the_fastest_precision_of_the_processor(lite0):
    embedder = load_embedder(lite0)
    assert embedder.precision == supported_precisions()[-1] and "precision" in embedder.manifest()


def test_tensorflow_refuses_bf16(lite0):
    with pytest.raises(WeightsError, match="The engine tensorflow computes in f32. Leave --precision out"):
        load_embedder(lite0, "tensorflow", "bf16")


def test_each_precision_has_a_key_of_its_own(lite0):
    keys = {load_embedder(lite0, "openvino", precision).key() for precision in supported_precisions()}
    assert len(keys) == len(supported_precisions())


@pytest.mark.tensorflow
def test_both_engines_have_the_same_key_in_f32(lite0):
    assert load_embedder(lite0, "tensorflow").key() == load_embedder(lite0, "openvino", "f32").key()


@pytest.mark.skipif(util.find_spec("tensorflow") is not None, reason="TensorFlow is installed")
def test_without_tensorflow_its_engine_is_refused_with_the_command_that_installs_it(lite0):
    assert load_embedder(lite0).precision == supported_precisions()[-1]
    with pytest.raises(WeightsError, match="tensorflow is not installed. Run: pip install -r requirements.txt"):
        load_embedder(lite0, "tensorflow")


@pytest.mark.tensorflow
def test_another_backend_of_keras_is_not_taken_for_tensorflow():
    code = (
        "from lookalike.embedding.backbones import find_backbone; "
        "from lookalike.embedding.embedder import load_embedder; "
        "load_embedder(find_backbone('efficientnet-lite0'), 'tensorflow')"
    )
    variables = {**os.environ, "KERAS_BACKEND": "openvino"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert "Keras was started with openvino in this process. Set KERAS_BACKEND=tensorflow" in done.stderr
