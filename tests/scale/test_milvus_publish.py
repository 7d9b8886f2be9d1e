"""Publishing again, versions, and the sentences for a missing index, server or address."""

import itertools
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from lookalike.errors import CatalogueError, IndexFileError, LookalikeError, ServerError
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File, FileResult
from lookalike.extraction.shard_writing import ShardFolder, results_table
from lookalike.index.reading import load_index
from lookalike.index.shards import SHARDS_FOLDER, ShardManifest
from lookalike.index.writing import save_head
from lookalike.milvus import publishing, versions
from lookalike.milvus.loading import load_published
from lookalike.milvus.publishing import MAX_PRODUCTS, Publication, publish, publish_index
from lookalike.milvus.server import Milvus, parse_address
from lookalike.search.loading import index_version, load_recommender
from lookalike.tuning.fitting import fit_head
from tests.scale.milvus_server import ROOT, OperatorsServer
from tests.scale.milvus_shops import address_of, published, random_index


def collections(server, name):
    address = parse_address(address_of(server, name))
    return sorted(c for c in Milvus(address).call("list_collections") if versions.is_version(c, address.name))


def break_off(blocks, total):
    """Fail after the first block; a Progress."""
    yield from itertools.islice(blocks, 1)
    raise KeyboardInterrupt


def test_publishing_again_ends_with_every_product_once_and_drops_older_versions(milvus):
    first, second, third = (random_index(2100, seed=seed) for seed in (20, 21, 22))
    address = parse_address(address_of(milvus, "again"))
    one = published(first, milvus, "again").index.version
    assert MAX_PRODUCTS < 2100
    with pytest.raises(KeyboardInterrupt):
        publish_index(second, address, progress=break_off)
    assert index_version(address_of(milvus, "again")) == (one,) and len(collections(milvus, "again")) == 2
    two = publish_index(second, address)
    assert publish_index(second, address) == two and len(load_published(address_of(milvus, "again")).names) == 2100
    assert collections(milvus, "again") == sorted([one, two])
    three = publish_index(third, address)
    assert collections(milvus, "again") == sorted([two, three]) and index_version(address_of(milvus, "again")) == (
        three,
    )
    assert versions.whole_versions(Milvus(address)) == {two, three}


def test_a_stream_of_blocks_is_published_with_tuned_vectors_from_the_head(milvus, demo_index):
    index = load_index(demo_index)
    head = fit_head(index.spaces, [index.product(row).attributes for row in range(len(index.names))])
    spaces = {name: matrix for name, matrix in index.spaces.items() if name != "tuned"}
    blocks = ((index.names[a : a + 50], {s: m[a : a + 50] for s, m in spaces.items()}) for a in range(0, 300, 50))
    publication = Publication(index.manifest, str(index.folder), index.attributes, head, index.written_at, "stream 1")
    publish((block for block in blocks if block[0]), publication, parse_address(address_of(milvus, "stream")))
    found = load_recommender(address_of(milvus, "stream"))
    known = [index.product(row).attributes for row in range(len(index.names))]
    assert found.index.widths["tuned"] and "tuned" in found.rule.weights
    np.testing.assert_allclose(found.product_vectors(3)["tuned"][0], head.tuned(spaces, known)[3], atol=1e-6)
    photo = next((ROOT / "images").glob("*.jpg"))
    assert found.similar(photo)[0].product.id == photo.stem


@pytest.mark.parametrize("size", [20, MAX_PRODUCTS + 20])
def test_products_with_equal_names_are_refused(milvus, size):
    index = random_index(size, seed=30)
    twins = type(index)(index.folder, (*index.names[:-1], index.names[0]), index.spaces, {}, index.manifest)
    with pytest.raises(CatalogueError, match="share one name"):
        publish_index(twins, parse_address(address_of(milvus, "twins")))
    assert index_version(address_of(milvus, "twins")) == ()


def test_waiting_for_an_index_that_the_server_cannot_build_ends(milvus, monkeypatch):
    if isinstance(milvus, OperatorsServer):
        pytest.skip("the server in MILVUS_URI may be able to build it; the one from PyPI is compiled without DiskANN")
    monkeypatch.setattr(publishing, "SECONDS_WITHOUT_PROGRESS", 4)
    with pytest.raises(ServerError, match="no progress with its diskann index.*--search-index"):
        publish_index(random_index(2000), parse_address(address_of(milvus, "disk")), "diskann")
    assert index_version(address_of(milvus, "disk")) == ()


def test_an_unknown_name_and_a_missing_backbone_are_reported(milvus):
    with pytest.raises(IndexFileError, match="There is no index lookalike_test_nobody in Milvus at .*publish"):
        load_recommender(address_of(milvus, "nobody"))
    published(random_index(20, backbone="/gone/model.onnx"), milvus, "another")
    with pytest.raises(IndexFileError, match="cannot be loaded: There is no file"):
        load_recommender(address_of(milvus, "another"))
    with pytest.raises(LookalikeError, match="Run it where the index was made"):
        load_published(address_of(milvus, "another")).in_memory()


def run(*arguments):
    command = [sys.executable, "-m", "lookalike", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_missing_server_is_soon_reported_in_one_sentence(demo_index):
    for done in (
        run("similar", next((ROOT / "images").glob("*.jpg")), "--index", "milvus://127.0.0.1:9/shop"),
        run("publish", "--index", demo_index, "--to", "milvus://127.0.0.1:9/shop"),
    ):
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert done.stderr.startswith("error: Milvus at 127.0.0.1:9 gave no answer for 8 s")
    with pytest.raises(ServerError, match="127.0.0.1:9"):
        index_version("milvus://127.0.0.1:9/shop")


def shards_beside(index, folder, products=None):
    """Make a folder with an index but without its vectors, which lie in shards of 64 products."""
    folder.mkdir()
    made_by = {name: index.manifest[name] for name in ("backbone", "precision", "fashion")}
    for name in ("index.json", "tuned.npz"):
        shutil.copy(index.folder / name, folder)
    spaces = {name: index.widths[name] for name in ("look", "fashion", "color", "detail")}
    rows = np.concatenate([index.spaces[name] for name in spaces], axis=1)[:products]
    files = [File(name, None, Stamp(1, 1)) for name in index.names[:products]]
    done = {file.name: FileResult(file, "0" * 64, None, row) for file, row in zip(files, rows)}
    shards = ShardFolder(folder / SHARDS_FOLDER, ShardManifest(made_by, "0" * 16, spaces, False, ()), files, 64)
    for part in shards.todo:
        shards.save(part, results_table([done[file.name] for file in part.new], spaces))
    shards.finish()
    return folder


def test_shards_are_published_without_the_vectors_beside_them(milvus, demo_index, tmp_path):
    tuned, address = shutil.copytree(demo_index, tmp_path / "tuned"), address_of(milvus, "shards")
    index = load_index(tuned)
    save_head(index, fit_head(index.spaces, [index.product(row).attributes for row in range(len(index.names))]), {})
    index = load_index(tuned)
    folder = shards_beside(index, tmp_path / "idx")
    done = run("publish", "--shards", "--index", folder, "--to", address, "--pictures", demo_index)
    assert done.returncode == 0, done.stderr
    photo = ROOT / "images" / "10001.jpg"
    here, there = (run("similar", photo, "--index", place) for place in (tuned, address))
    assert "tuned" in index.widths and there.stdout == here.stdout and there.returncode == 0
    before = index_version(address)
    for name, products, manifest, words in (
        ("fewer", 100, {}, "do not hold the products of the index beside them"),
        ("other", None, {"precision": "f64"}, "were made in another way"),
    ):
        other = shards_beside(index, tmp_path / name, products)
        (other / "index.json").write_text(json.dumps({**json.loads((other / "index.json").read_text()), **manifest}))
        done = run("publish", "--shards", "--index", other, "--to", address)
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert index_version(address) == before


def test_the_terminal_publishes_and_prints_the_same_matches(milvus, demo_index):
    address = address_of(milvus, "terminal")
    done = run("publish", "--index", demo_index, "--to", address)
    assert done.returncode == 0, done.stderr
    assert f"The index in {demo_index} is in Milvus at" in done.stdout
    photos = sorted((ROOT / "images").glob("*.jpg"))[:3]
    here, there = (run("similar", *photos, "--index", place) for place in (demo_index, address))
    assert there.stdout == here.stdout and there.returncode == 0
    for command in ("evaluate", "tune"):
        done = run(command, "--index", address)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
