"""What of training/ runs without PyTorch and OpenCV: its command line and its data."""

import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tests.support.data import ROOT
from training import dataset
from training.__main__ import parser

README = (ROOT / "training" / "README.md").read_text()


def test_help_works_without_pytorch():
    program = (
        "import sys; sys.modules['torch'] = None; sys.argv[1:] = ['--help']; import training.__main__ as m; m.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(
        re.search(rf"^ +{name}\b", done.stdout, re.MULTILINE) for name in re.findall(r"^\| `(\w+)", README, re.M)[:5]
    )


@pytest.mark.parametrize("command", re.findall(r"python -m training ((?:[^\\\n`]|\\\n)+)$", README, re.MULTILINE))
def test_the_readmes_commands_can_be_parsed(command):
    options = parser().parse_args(shlex.split(command.replace("\\\n", " ")))
    module, function = options.function.split(".")
    assert f"def {function}(options" in (ROOT / "training" / f"{module}.py").read_text()


def test_a_wide_image_is_extended_by_its_edges(tmp_path):
    pixels = np.zeros((60, 120, 3), np.uint8)
    pixels[0], pixels[-1] = 200, 100
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    prepared = dataset.prepare(tmp_path / "wide.png")
    assert prepared.shape == (224, 224, 3)
    assert (prepared[:56] == prepared[0]).all() and (prepared[-56:] == prepared[-1]).all()
    assert prepared[0].max() > prepared[-1].max() > prepared[112].max() == 0


def test_products_without_attributes_are_left_out_and_pixels_are_cached(tmp_path):
    for number in (1, 2, 3):
        Image.new("RGB", (30, 40), (number * 50, 0, 0)).save(tmp_path / f"{number}.png")
    header = "id," + ",".join(dataset.ATTRIBUTES)
    (tmp_path / "styles.csv").write_text(f"{header}\n3,Shirts,Red,Men,Topwear,\n1,Shirts,Blue,NA,Topwear,Casual\n")
    products = dataset.read_products(tmp_path, tmp_path / "styles.csv")
    assert products.names == ["1", "3"] and products.labels["usage"] == ["Casual", "NA"]
    pixels = dataset.load_pixels(products.paths, tmp_path / "products.npy")
    assert pixels[:, 0, 0, 0].tolist() == [50, 150]
    products.paths[0].unlink()
    assert np.array_equal(dataset.load_pixels(products.paths, tmp_path / "products.npy"), pixels)


def test_people_are_held_out_until_their_photos_are_enough(tmp_path):
    people = [str(number // 20) for number in range(1000)]
    folder = tmp_path / "photos" / "hat"
    folder.mkdir(parents=True)
    lines = ["path,person"]
    for number, person in enumerate(people):
        (folder / f"{number:04}.jpg").touch()
        lines.append(f"photos/hat/{number:04}.jpg,{person}")
    (tmp_path / "shopper-photos.csv").write_text("\n".join(lines))
    photos = dataset.read_photos(tmp_path / "photos")
    assert photos.held_out.sum() == 420
    held_out = {person for person, held in zip(photos.labels["person"], photos.held_out) if held}
    assert all(held == (person in held_out) for person, held in zip(photos.labels["person"], photos.held_out))


def test_words_are_numbered_and_labels_allow_article_types():
    assert dataset.encode_words(["b", "x", "a"], ["a", "b"]).tolist() == [1, -1, 0]
    words = {"articleType": ["Caps", "Hat", "Shorts"], "photo": ["hat", "shorts", "unheard"]}
    assert dataset.allowed_types(words).tolist() == [[True, True, False], [False, False, True], [False] * 3]
