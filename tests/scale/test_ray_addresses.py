"""Catalogues and clusters at addresses of every kind give the index that one process makes from a folder."""

import json
import os
import shutil
import socket
import subprocess
import time
import zipfile
from dataclasses import replace

import pytest

from lookalike.index.shards import SHARDS_FOLDER, SHARDS_MANIFEST, read_shard_manifest, read_shards
from tests.scale.ray_cluster import INDEX, ROOT, embedded, index, nodes, run

pytest.importorskip("ray", reason="needs Ray: make test-scale")
SECRET = "not-to-be-seen"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def client_port():
    return free_port()


@pytest.fixture(scope="module")
def cluster(client_port):
    with nodes(2, ray_client_server_port=client_port) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """40 products at two depths, and three files that are not images."""
    folder = tmp_path_factory.mktemp("shop") / "images"
    (folder / "more").mkdir(parents=True)
    for number, path in enumerate(sorted((ROOT / "images").glob("*.jpg"))[:40]):
        shutil.copy(path, folder / "more" if number % 3 else folder)
    (folder / "0.jpg").write_text("hello")
    (folder / "more" / "1.png").touch()
    (folder / "more" / "2.webp").write_bytes(b"RIFF\x10\0\0\0WEBPVP8 ")
    return folder


@pytest.fixture(scope="module")
def alone(shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    assert run(shop, folder, None)[0] == 0
    return index(folder)


@pytest.fixture(scope="module")
def below(shop, tmp_path_factory):
    """The index with names below the folder, as at an address, without the manifest, which names the address."""
    code, _, err = run(shop, shop, None)
    assert code == 0, err
    files = index(shop)
    for name in INDEX:
        (shop / name).unlink()
    shutil.rmtree(shop / ".lookalike")
    return {name: content for name, content in files.items() if name != "index.json"}


def without_address(folder):
    return {name: content for name, content in index(folder).items() if name != "index.json"}


def test_a_file_address_is_a_folder_and_damage_is_repaired(cluster, shop, alone, tmp_path):
    command = f"file://{shop}", tmp_path, cluster.address
    code, out, err = run(*command)
    assert code == 0 and "43 found, 40 indexed, 3 skipped" in out and embedded(out) == 40, err
    assert index(tmp_path) == alone
    manifest = read_shard_manifest(tmp_path / SHARDS_FOLDER)
    damaged = max(manifest.shards, key=lambda shard: shard.rows)
    (tmp_path / SHARDS_FOLDER / damaged.file).write_bytes(b"PAR1")
    code, out, err = run(*command)
    assert code == 0 and 0 < embedded(out) <= damaged.rows, err
    assert index(tmp_path) == alone and len(list(read_shards(tmp_path / SHARDS_FOLDER)))
    (tmp_path / SHARDS_FOLDER / SHARDS_MANIFEST).write_bytes(replace(manifest, key="0" * 16).to_bytes())
    code, _, err = run(*command)
    assert code == 1 and "error: " in err and "holds the work of another backbone or precision" in err
    assert "Traceback" not in err and index(tmp_path) == alone


def test_ray_is_started_on_this_machine(shop, alone, tmp_path):
    code, out, err = run(shop, tmp_path, "local")
    assert code == 0 and "43 found, 40 indexed, 3 skipped" in out, err
    assert index(tmp_path) == alone


def test_ray_is_reached_from_outside_the_cluster(cluster, client_port, shop, alone, tmp_path):
    code, _, err = run(shop, tmp_path, f"ray://127.0.0.1:{client_port}")
    assert code == 0, err
    assert index(tmp_path) == alone


@pytest.mark.parametrize("address", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_an_address_where_nothing_listens_is_soon_reported(shop, tmp_path, address):
    start = time.monotonic()
    code, _, err = run(shop, tmp_path, address.format(free_port()))
    assert code == 1 and "error: Nothing is listening at" in err and "Traceback" not in err
    assert time.monotonic() - start < 20


def test_an_archive_is_read_through_fsspec(cluster, shop, below, tmp_path):
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for path in shop.rglob("*.*"):
            archive.write(path, path.relative_to(shop.parent))
    code, out, err = run(f"zip://images::file://{tmp_path}/shop.zip", tmp_path, cluster.address)
    assert code == 0 and embedded(out) == 40, err
    assert without_address(tmp_path) == below


@pytest.fixture
def bucket(shop, monkeypatch):
    """The address of the shop in an S3 on this machine."""
    if not os.path.isfile(server := os.environ.get("S3_SERVER", "")):
        pytest.skip("needs an S3: make test-scale installs one; or name the program moto_server in S3_SERVER")
    from pyarrow import fs

    port = free_port()
    process = subprocess.Popen([server, "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        s3 = fs.S3FileSystem(
            access_key="key",
            secret_key=SECRET,
            endpoint_override=f"127.0.0.1:{port}",
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
        )
        s3.create_dir("shop")
        fs.copy_files(str(shop), "shop/images", destination_filesystem=s3, source_filesystem=fs.LocalFileSystem())
        yield f"s3://key:{SECRET}@shop/images?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    finally:
        process.kill()
        process.wait()


def wait_for_port(port):
    for _ in range(600):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)


def test_a_bucket_is_indexed_and_its_keys_are_never_written(cluster, bucket, below, tmp_path):
    code, out, err = run(bucket, tmp_path, cluster.address)
    assert code == 0 and embedded(out) == 40, err
    assert without_address(tmp_path) == below
    code, out, err = run(bucket, tmp_path, cluster.address)
    assert code == 0 and embedded(out) == 0, err
    assert json.loads((tmp_path / "index.json").read_text())["images"] == "s3://shop/images"
    assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    code, _, err = run(bucket.replace("@shop/", "@nothing/"), tmp_path, cluster.address)
    assert code == 1 and "s3://nothing/images cannot be listed" in err and SECRET not in err
