"""What the tests share: a toy embedder to check by hand, drawn images, real data where it is there."""

import errno
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import decoding_apart
from lookalike.backbones import Backbone, Preprocessing, find_backbone
from lookalike.embedder import Embedder, load_embedder
from lookalike.index import load_index
from lookalike.indexing import build_index
from lookalike.search import Recommender

# What drives the browser is in a room of its own.
pytest_plugins = ["browser"]

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("LOOKALIKE_TEST_DATA", ROOT.parent / "shared" / "data"))
COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
ARTEFACTS = ROOT / "test-artefacts"
SECONDS = 30_000


class ToyEngine:
    """A feature map of 2 × 2 cells × 3 channels: the mean red, green and blue of each quarter."""

    def feature_maps(self, pixels):
        n, side = pixels.shape[:2]
        return pixels.reshape(n, 2, side // 2, 2, side // 2, 3).mean(axis=(2, 4), dtype=np.float32) / 255


@pytest.fixture
def toy():
    """An embedder whose look of a one-colored image is that color, normalised."""
    preprocessing = Preprocessing(8, "RGB", (0.0,) * 3, (255.0,) * 3)
    return Embedder(Backbone("toy", Path("toy.bin"), "0" * 64, preprocessing), ToyEngine())


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


def data(*parts):
    """A path in the real data, or a skip with the reason."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the real data is not on this machine ({path})")
    return path


def real_images(count):
    """The first images of the real catalogue, or a skip with the reason."""
    return sorted(data("fashion-product-images", "images").iterdir())[:count]


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
    """The place of the demo's first product that others agree on: a word of most neighbours, a color of the first."""
    from lookalike.explain import common_colors
    from lookalike.index import load_index
    from lookalike.search import Recommender
    from lookalike.votes import votes
    from screens.parts.answering import VOTERS

    shop = Recommender(load_index(demo_index), None)
    for row in range(len(shop.index.names)):
        found = shop.of_product(row)
        rows, distances = shop.nearest(found, VOTERS, but=[row])
        colors = common_colors(found["color"][0], shop.of_product(rows[0][0])["color"][0])
        if colors and votes([shop.index.product(other) for other in rows[0]], distances[0]):
            return row
    raise AssertionError("no product of the demo has neighbours that agree")


@pytest.fixture(scope="session")
def serve():
    """Start real app servers: serve(index folder, **environment) gives the address of a new one."""
    servers = []

    def start(index, **environment):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
        variables = {**os.environ, "LOOKALIKE_INDEX": searched(index), **environment}
        servers.append(subprocess.Popen(command, cwd=ROOT, env=variables))
        wait_until_healthy(f"http://127.0.0.1:{port}")
        return f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        server.terminate()
        server.wait()


def searched(folder):
    """The folder of an index; or, where tests/scale names a Milvus server, the index's address once published there."""
    server = os.environ.get("LOOKALIKE_TEST_MILVUS")
    if not server or not Path(folder, "index.json").is_file():
        return str(folder)
    address = f"{server}/lookalike_test_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    command = [sys.executable, "-m", "lookalike", "publish", "--index", str(folder), "--to", address]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return address


@pytest.fixture
def no_decoder(monkeypatch):
    """While no_decoder() stands, this machine lets no process begin, so that no TIFF can be decoded."""

    def refuse(*arguments, **options):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    @contextmanager
    def refused():
        with monkeypatch.context() as patch:
            patch.setattr(decoding_apart, "_idle", [])
            patch.setattr(decoding_apart.subprocess, "Popen", refuse)
            yield

    return refused


@pytest.fixture
def open_app(monkeypatch):
    """open_app(index folder, **environment) is the app in Streamlit's AppTest, run once."""
    from streamlit.testing.v1 import AppTest

    def start(index, **environment):
        for name, value in {"LOOKALIKE_INDEX": str(index), **environment}.items():
            monkeypatch.setenv(name, str(value))
        return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()

    return start


def wait_until_healthy(address, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"{address} did not answer within {seconds} s")
