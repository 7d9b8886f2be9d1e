import subprocess
import sys

import numpy as np

from lookalike.embedding.embedder import normalize, pool


def test_pooling_takes_each_channels_maximum_over_the_cells():
    maps = np.zeros((1, 2, 2, 3), np.float32)
    maps[0, 0, 1, 0], maps[0, 1, 1, 0], maps[0, 1, 0, 2] = 3, 1, 4
    np.testing.assert_array_equal(pool(maps), [[3, 0, 4]])
    np.testing.assert_array_equal(pool(maps, "average"), [[1, 0, 1]])
    np.testing.assert_allclose(normalize(pool(maps)), [[0.6, 0, 0.8]])


def test_a_vector_of_zeros_stays_as_it_is():
    np.testing.assert_array_equal(normalize(np.zeros((1, 3))), [[0, 0, 0]])


def test_the_look_is_the_pooled_normalized_feature_map(toy):
    pixels = np.zeros((1, 8, 8, 3), np.uint8)
    pixels[0, :4, :4, 0] = 255  # red only in the upper left
    pixels[0, 4:, 4:, 1] = 255  # green only in the lower right
    np.testing.assert_allclose(toy.embed(pixels), [[0.5**0.5, 0.5**0.5, 0]], atol=1e-6)


def test_importing_the_package_imports_no_engine():
    modules = "errors images.decoding embedding.backbones embedding.embedder index.attributes index.reading"
    modules += " search.explain search.loading search.query extraction.build extraction.kaggle serving.uploads __main__"
    code = f"""
import importlib, sys
for name in "{modules}".split():
    importlib.import_module("lookalike." + name)
sys.exit(any(name in sys.modules for name in ("tensorflow", "keras", "openvino", "streamlit")))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
