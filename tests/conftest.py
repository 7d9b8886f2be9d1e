"""What the tests share: a toy embedder to check by hand, drawn images, real data where it is there."""

import errno
import os
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib import util

# Keras reads its backend once, when it is first imported; OpenVINO's is there without TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "tensorflow" if util.find_spec("tensorflow") else "openvino")

import pytest
from PIL import Image

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.extraction.build import build_index
from lookalike.images import sandbox
from lookalike.index.reading import load_index
from lookalike.search.recommender import Recommender
from lookalike.serving.state import server_state
from lookalike.settings import Settings
from tests.support.data import ROOT
from tests.support.server import searched_index, wait_until_healthy
from tests.support.toy import COLORS, toy_embedder

# What drives the browser is in a room of its own.
pytest_plugins = ["tests.support.browser"]


def pytest_runtest_setup(item):
    if item.get_closest_marker("tensorflow") and not util.find_spec("tensorflow"):
        pytest.skip("needs TensorFlow, an extra: make test-tensorflow")


@pytest.fixture
def toy():
    """An embedder whose look of a one-colored image is that color, normalized."""
    return toy_embedder()


@pytest.fixture
def load(toy):
    """As load_recommender, with the toy embedder; load.count says how often it was asked."""

    def load(folder, like=None):
        load.count += 1
        return Recommender(load_index(folder), toy)

    load.count = 0
    return load


@pytest.fixture(scope="module")
def embedder():
    """The embedded backbone and the fashion network, as a query has them."""
    return load_embedder(find_backbone("efficientnet-lite0"))


@pytest.fixture(scope="module")
def photos():
    return sorted((ROOT / "images").glob("*.jpg"))[:4]


@pytest.fixture
def catalogue(tmp_path):
    """A folder of four one-colored PNGs named 1 to 4, with a styles.csv beside it."""
    images = tmp_path / "shop" / "images"
    images.mkdir(parents=True)
    rows = ["id,gender,baseColour,productDisplayName"]
    for number, (name, color) in enumerate(COLORS.items(), start=1):
        Image.new("RGB", (40, 60), color).save(images / f"{number}.png")
        rows.append(f"{number},Women,{name.title()},{name.title()} shirt")
    (images.parent / "styles.csv").write_text("\n".join(rows))
    return images


@pytest.fixture
def toy_index(catalogue, toy):
    """The folder of the toy catalogue's index: the shop's own folder."""
    build_index(catalogue, catalogue.parent, toy, catalogue.parent / "styles.csv")
    return catalogue.parent


@pytest.fixture(scope="session")
def seeded_weights(tmp_path_factory):
    """ResNet-50's weights from a seed, as Keras writes them: real in every way but their values."""
    import keras

    keras.utils.set_random_seed(50)
    path = tmp_path_factory.mktemp("weights") / "resnet50.weights.h5"
    keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3)).save_weights(path)
    return path


@pytest.fixture(scope="module")
def empty_cache(tmp_path_factory):
    """A cache of converted models that no earlier run has filled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKALIKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def chromium():
    """The path of Debian's Chromium, or a skip with the reason."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("the browser tests need Chromium: apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def demo_index(tmp_path_factory):
    """The folder of the index of the demo catalogue, made by the README's own script."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0", "--output", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def agreed_on(demo_index):
    """The place of the demo's first product that others agree on: a word of most neighbors, a color of the first."""
    from lookalike.index.reading import load_index
    from lookalike.search.assessment import VOTERS
    from lookalike.search.explain import common_colors, tally_votes
    from lookalike.search.recommender import Ranking

    shop = Ranking(load_index(demo_index))
    for row in range(len(shop.index.names)):
        found = shop.product_vectors(row)
        rows, distances = shop.nearest(found, VOTERS, excluded=[row])
        colors = common_colors(found["color"][0], shop.product_vectors(rows[0][0])["color"][0])
        if colors and tally_votes([shop.index.product(other) for other in rows[0]], distances[0]):
            return row
    raise AssertionError("no product of the demo has neighbors that agree")


@pytest.fixture(scope="session")
def serve():
    """Start real app servers: serve(index folder, script, **environment) gives the address of a new one."""
    servers = []

    def start(index, script="app.py", **environment):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
        variables = {**os.environ, "LOOKALIKE_INDEX": searched_index(index), **environment}
        servers.append(subprocess.Popen(command, cwd=ROOT, env=variables))
        wait_until_healthy(f"http://127.0.0.1:{port}")
        return f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.terminate()
        server.wait()


@pytest.fixture
def no_decoder(monkeypatch):
    """While no_decoder() stands, this machine lets no process begin, so that no TIFF can be decoded."""

    def refuse(*arguments, **options):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    @contextmanager
    def refused():
        with monkeypatch.context() as patch:
            patch.setattr(sandbox, "_shared", sandbox.Sandbox(start=refuse))
            yield

    return refused


@pytest.fixture
def open_app(monkeypatch):
    """open_app(index folder, **environment) is the app in Streamlit's AppTest, run once."""
    from streamlit.testing.v1 import AppTest

    def start(index, **environment):
        for name, value in {"LOOKALIKE_INDEX": str(index), **environment}.items():
            monkeypatch.setenv(name, str(value))
        monkeypatch.setattr(server_state(), "settings", Settings.from_environment())
        return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()

    return start
