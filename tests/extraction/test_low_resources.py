"""The real script on a machine that runs short, or whose files change: it finishes, or one sentence says why not."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import CatalogueError
from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from tests.support.data import ROOT

FILES = ("embeddings.pkl", "filenames.pkl", "spaces.npz", "index.json")
KINDS = ("avif", "tif", "jpg")


def content(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def command(images, output, *options):
    script = [sys.executable, str(ROOT / "extract_features.py"), "--backbone", "efficientnet-lite0", *options]
    return [*script, "--images", str(images), "--output", str(output)]


def extract(images, output, *options, before=(), **limits):
    """Run the script to its end with RLIMITs by name, under the command before."""

    def limit():
        for name, value in {"CORE": 0, **limits}.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    whole = [*before, *command(images, output, *options)]
    return subprocess.run(whole, capture_output=True, text=True, cwd=ROOT, preexec_fn=limit, timeout=90)


def assert_one_sentence(done):
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """24 pictures; two of three are of kinds that are decoded in a separate process."""
    folder, numbers = tmp_path_factory.mktemp("shop") / "images", np.random.default_rng(0)
    folder.mkdir()
    for number in range(24):
        pixels = numbers.integers(0, 256, (40, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.{KINDS[number % 3]}")
    return folder


@pytest.fixture(scope="module")
def whole(images):
    """The files of their index as an unlimited run writes them."""
    assert "24 indexed, 0 skipped" in extract(images, images.parent).stdout
    return content(images.parent)


@pytest.fixture
def indexed(images, whole):
    """The folder with that index but without the work of earlier runs."""
    shutil.rmtree(images.parent / ".lookalike", ignore_errors=True)
    return images.parent


@pytest.mark.parametrize("handles", [10, 16, 20])
def test_too_few_file_handles_leave_out_no_product(images, whole, indexed, handles):
    """A file that could not be opened for lack of handles is neither skipped nor recorded as bad."""
    done = extract(images, indexed, "--workers", "8", NOFILE=handles)
    if done.returncode:
        assert_one_sentence(done)
    else:
        assert "24 indexed, 0 skipped" in done.stdout
    assert content(indexed) == whole
    if handles == 16:
        assert "24 indexed, 0 skipped" in extract(images, indexed).stdout and content(indexed) == whole


def test_running_out_of_file_handles_is_reported_as_such(toy, catalogue):
    """In this process, all handles are taken except the checkpoint's."""

    def take_all(items, **counts):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The lowest free number is given out first: no number below the limit may be free.
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
        try:
            yield from items
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    with pytest.raises(CatalogueError, match=rf"could not go on at .*{os.strerror(errno.EMFILE)}.*ulimit -n"):
        build_index(catalogue, catalogue.parent, toy, progress=take_all)
    assert build_index(catalogue, catalogue.parent, toy).indexed == 4


@pytest.mark.parametrize("megabytes", [700, 1200, 1600])
def test_too_little_memory_keeps_the_old_index(images, whole, indexed, megabytes):
    """Failures of the engine's libraries and of decoding processes must not lose a product."""
    done = extract(images, indexed, AS=megabytes * 2**20)
    assert done.returncode in (0, 1) and content(indexed) == whole
    if "MemoryError" in done.stderr or "too little memory" in done.stderr:
        assert_one_sentence(done)
    if not done.returncode:
        assert "24 indexed, 0 skipped" in done.stdout


def test_a_read_only_output_is_reported(images, whole, indexed):
    """This needs a machine that allows a mount which refuses even root."""
    mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    before = ["unshare", "-m", "sh", "-c", mount, str(indexed)]
    if not shutil.which("unshare") or subprocess.run([*before, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a folder read-only")
    done = extract(images, indexed, before=before)
    assert_one_sentence(done)
    assert "cannot be written" in done.stderr and "another folder" in done.stderr and content(indexed) == whole


def test_a_clock_that_is_years_slow_changes_nothing(images, whole, indexed):
    if not shutil.which("faketime"):
        pytest.skip("the clock is turned back by faketime: apt-get install faketime")
    before = ["env", "NO_FAKE_STAT=1", "DONT_FAKE_MONOTONIC=1", "faketime", "2001-02-03 04:05:06"]
    done = extract(images, indexed, before=before)
    assert "24 found, 24 indexed, 0 skipped; 24 embedded" in done.stdout, done.stderr
    assert content(indexed) == whole
    assert "24 found, 24 indexed, 0 skipped; 0 embedded" in extract(images, indexed).stdout


def churn(images, versions, process):
    """Delete files and replace whole files while the process lives."""
    numbers, new = np.random.default_rng(5), images.parent / "new"
    while process.poll() is None:
        path = images / f"{numbers.integers(120):03}.jpg"
        if numbers.random() < 0.3:
            path.unlink(missing_ok=True)
        else:
            new.write_bytes(versions[numbers.integers(2)] + path.name.encode())
            os.replace(new, path)
        time.sleep(0.005)


def test_files_that_change_during_a_run_end_up_as_in_a_fresh_index(tmp_path):
    """Every file is always one of two pictures, so that every vector must be one of two."""
    images = tmp_path / "images"
    images.mkdir()
    versions = [path.read_bytes() for path in sorted((ROOT / "images").glob("*.jpg"))[:40:39]]
    for number in range(120):
        (images / f"{number:03}.jpg").write_bytes(versions[0] + b"%d" % number)
    process = subprocess.Popen(
        command(images, tmp_path / "idx"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    thread = threading.Thread(target=churn, args=(images, versions, process))
    thread.start()
    out, err = process.communicate(timeout=90)
    thread.join()
    assert process.returncode == 0 and "Traceback" not in err, err
    counts = [int(word) for word in out.replace(",", "").replace(";", "").split() if word.isdigit()]
    index = load_index(tmp_path / "idx")
    assert counts[0] == counts[1] + counts[2] == len(index.names) + counts[2]
    for output in ("idx", "fresh"):
        assert extract(images, tmp_path / output).returncode == 0
    assert content(tmp_path / "idx") == content(tmp_path / "fresh")
    two = np.unique(load_index(tmp_path / "fresh").look.round(3), axis=0)
    assert len(two) == 2 and all(np.abs(two - look).max(axis=1).min() < 0.01 for look in index.look)
