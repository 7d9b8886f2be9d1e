import csv
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.index.reading import load_index
from lookalike.index.thumbnails import THUMBNAILS
from tests.support.data import ROOT, data
from tests.support.processes import child_seconds


def extract(*arguments, cwd=ROOT, backbone="efficientnet-lite0"):
    script = [sys.executable, str(ROOT / "extract_features.py")]
    options = ["--backbone", backbone] if backbone else []
    return subprocess.run([*script, *options, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)


def test_help_answers_at_once():
    before = child_seconds()
    done = extract("--help", backbone=None)
    assert done.returncode == 0 and child_seconds() - before < 1
    for option in ("--images", "--output", "--styles", "--backbone", "--weights", "--batch-size", "--workers"):
        assert option in done.stdout


def test_the_defaults_are_images_and_this_folder(catalogue):
    done = extract(cwd=catalogue.parent)
    assert done.returncode == 0, done.stderr
    assert "4 found, 4 indexed, 0 skipped" in done.stdout and "backbone efficientnet-lite0" in done.stdout
    assert "images/s" in done.stdout and "image/s" not in done.stderr  # the summary; the progress bar is for terminals
    assert pickle.load(open(catalogue.parent / "filenames.pkl", "rb"))[0] == "images/1.png"
    assert np.array(pickle.load(open(catalogue.parent / "embeddings.pkl", "rb"))).shape == (4, 1280)


def test_skipped_files_are_counted_and_listed(catalogue):
    (catalogue / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing more")
    done = extract("--images", catalogue, "--output", catalogue.parent / "idx")
    assert "5 found, 4 indexed, 1 skipped" in done.stdout and "skipped.csv" in done.stdout
    rows = list(csv.DictReader(open(catalogue.parent / "idx" / "skipped.csv", encoding="utf-8")))
    assert (
        rows[0]["path"].endswith("broken.jpg") and "damaged" in rows[0]["reason"] or "not an image" in rows[0]["reason"]
    )


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--images", "/nowhere"], "There is no folder /nowhere"),
        (["--images", "lookalike"], "There is no image in lookalike"),
        (["--images", "images", "--styles", "/none.csv"], "cannot be read as a table of attributes"),
        (["--images", "images", "--weights", "/none.h5"], "--weights goes with resnet50"),
        (["--images", "images", "--output", "/dev/null/idx"], "cannot be written"),
    ],
)
def test_a_failure_exits_1_with_one_sentence(arguments, sentence):
    done = extract(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")


def test_wrong_weights_exit_1_with_one_sentence(catalogue):
    wrong = catalogue.parent / "wrong.h5"
    wrong.write_text("hello")
    done = extract("--images", catalogue, "--weights", wrong, backbone="resnet50")
    assert done.returncode == 1 and "wrong.h5 does not fit ResNet-50" in done.stderr
    assert "Traceback" not in done.stderr


def test_thumbnails_can_be_left_out(catalogue):
    Image.effect_noise((1200, 1600), 50).save(catalogue / "original.jpg")
    folder = catalogue.parent
    for options, kept in (([], True), (["--no-thumbnails"], False)):
        done = extract("--images", catalogue, "--output", folder, "--no-tune", *options)
        assert done.returncode == 0, done.stderr
        assert (folder / THUMBNAILS).exists() == kept
    assert (folder / "index.json").exists()


@pytest.mark.parametrize("arguments", [["--batch-size", "0"], ["--workers", "many"], ["--unknown"]])
def test_wrong_usage_exits_2(arguments):
    assert extract(*arguments).returncode == 2


def test_resnet50_with_seeded_weights_gives_2048_columns(catalogue, seeded_weights):
    done = extract(
        "--images", catalogue, "--output", catalogue.parent, "--weights", seeded_weights, backbone="resnet50"
    )
    assert done.returncode == 0, done.stderr
    look = np.array(pickle.load(open(catalogue.parent / "embeddings.pkl", "rb")))
    assert look.shape == (4, 2048) and look.dtype == np.float32


def test_a_full_disk_gets_a_sentence_and_the_old_index_stays(catalogue, tmp_path):
    """A real file system of 1 MB, where the machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        assert extract("--images", catalogue, "--output", disk).returncode == 0
        before = (disk / "embeddings.pkl").read_bytes()
        (disk / "filler").write_bytes(b"0" * (shutil.disk_usage(disk).free - 40_000))
        for number in range(10, 40):
            Image.new("RGB", (40, 60), (number, 0, 0)).save(catalogue / f"{number}.png")
        done = extract("--images", catalogue, "--output", disk)
        assert done.returncode == 1 and "Make room" in done.stderr and "Traceback" not in done.stderr
        assert (disk / "embeddings.pkl").read_bytes() == before
        assert not list(disk.glob("*.new"))
        (disk / "filler").unlink()
        assert "34 indexed" in extract("--images", catalogue, "--output", disk).stdout
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_it_indexes_real_images(tmp_path):
    images, styles = data("fashion-product-images", "fullres"), data("fashion-product-images", "styles.csv")
    done = extract("--images", images, "--styles", styles, "--output", tmp_path)
    assert "150 found, 150 indexed, 0 skipped" in done.stdout
    look = np.array(pickle.load(open(tmp_path / "embeddings.pkl", "rb")))
    assert look.shape == (150, 1280)
    np.testing.assert_allclose(np.linalg.norm(look, axis=1), 1, atol=1e-5)
    assert all((tmp_path / name).is_file() for name in pickle.load(open(tmp_path / "filenames.pkl", "rb")))


def test_a_run_says_which_table_it_took_and_what_found_each_other(catalogue):
    """The table among the images wins over the one next to them, in the run, in the app and in evaluate."""
    own = catalogue / "styles.csv"
    own.write_text("id,gender\n1,Men\n2,Men\nx-3,Men\nx-4,Men\nx-5,Men\n")
    done = extract("--images", catalogue, "--output", catalogue.parent, "--no-tune")
    assert done.stdout.splitlines()[1:] == [
        f"Attributes from {own}: 2 of 4 products have a row in it, and 2 of its 5 ids have an image.",
        "Products without a row, for example: '3', '4'.",
        "Ids without an image, for example: 'x-3', 'x-4'.",
    ]
    assert load_index(catalogue.parent).product(0).attributes == {"gender": "Men"}
    done = extract("--images", catalogue.as_uri(), "--output", catalogue.parent, "--no-tune")
    assert f"Attributes from {own}: 2 of 4 products" in done.stdout
    own.unlink()
    done = extract("--images", catalogue, "--output", catalogue.parent, "--no-tune")
    assert f"Attributes from {catalogue.parent / 'styles.csv'}: 4 of 4 products" in done.stdout


@pytest.mark.parametrize("name", ["circle", "a" * 300])
def test_images_whose_path_leads_nowhere_get_a_sentence(tmp_path, name):
    (tmp_path / "circle").symlink_to("circle")
    done = extract("--images", tmp_path / name, "--output", tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("error: There is no folder")


def test_a_run_says_that_it_replaces_the_index_of_another_folder(catalogue):
    other = catalogue.parent.parent / "other"
    shutil.copytree(catalogue, other)
    runs = [extract("--images", images, "--output", catalogue.parent) for images in (catalogue, catalogue, other)]
    assert ["replaces the index of" in done.stderr for done in runs] == [False, False, True]
    assert f"This replaces the index of images in {catalogue.parent}." in runs[2].stderr
    assert "No table of attributes" in runs[2].stdout


@pytest.fixture
def without_ray(tmp_path, monkeypatch):
    """An environment in which all is installed that is installed here, but Ray."""
    for path in Path(np.__file__).parents[1].iterdir():
        if not path.name.startswith("ray"):
            (tmp_path / "site" / path.name).parent.mkdir(exist_ok=True)
            (tmp_path / "site" / path.name).symlink_to(path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    return [sys.executable, "-S", str(ROOT / "extract_features.py")]


def test_without_ray_it_says_how_to_install_it_and_everything_else_works(without_ray, catalogue):
    options = ["--backbone", "efficientnet-lite0", "--images", str(catalogue), "--output", str(catalogue.parent)]
    done = subprocess.run([*without_ray, *options, "--ray", "local"], capture_output=True, text=True)
    assert done.returncode == 1 and not (catalogue.parent / "index.json").exists()
    assert done.stderr == "error: Ray is not installed, which --ray needs. Run here: pip install '.[ray]'\n"
    done = subprocess.run([*without_ray, *options], capture_output=True, text=True)
    assert done.returncode == 0 and "4 indexed" in done.stdout, done.stderr
