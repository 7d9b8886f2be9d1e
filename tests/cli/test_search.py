"""`lookalike search` on a real index, with a table and without."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.support.data import ROOT


def search(index, *arguments):
    command = [sys.executable, "-m", "lookalike", "search", *arguments, "--index", str(index)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def bare_index(demo_index, tmp_path_factory):
    """The demo's index without its table."""
    folder = tmp_path_factory.mktemp("bare")
    for path in demo_index.iterdir():
        if path.is_file() and path.name not in ("index.json", "tuned.npz"):
            shutil.copy(path, folder)
    manifest = json.loads((demo_index / "index.json").read_text())
    manifest |= {"styles": None, "tuning": None}
    (folder / "index.json").write_text(json.dumps(manifest))
    return folder


def test_words_find_what_the_table_says(demo_index):
    done = search(demo_index, "red", "dress", "-k", "3", "--json")
    (answer,) = json.loads(done.stdout)
    assert done.returncode == 0 and answer["query"] == "red dress" and len(answer["matches"]) == 3
    first = answer["matches"][0]
    assert first["attributes"]["articleType"] == "Dresses" and first["attributes"]["baseColour"] == "Red"
    assert set(first) == {"rank", "distance", "path", "attributes"}


def test_a_shop_without_a_table_is_searched_too(bare_index):
    done = search(bare_index, "blue jeans", "--json")
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert len(answer["matches"]) == 5 and all(match["attributes"] == {} for match in answer["matches"])


def test_words_that_are_not_understood_are_named(demo_index):
    done = search(demo_index, "red frobnicator")
    assert done.returncode == 0 and "Not understood: frobnicator." in done.stderr and done.stdout.count("\n") == 6
    done = search(demo_index, "frobnicator", "--json")
    assert done.returncode == 1 and json.loads(done.stdout) == [{"query": "frobnicator", "matches": []}]
    assert "None of these words is known here" in done.stderr and "Traceback" not in done.stderr
    done = search(demo_index / "nowhere", "red")
    assert done.returncode == 1 and done.stderr.startswith("error: There is no index in")


def similar(index, *arguments):
    command = [sys.executable, "-m", "lookalike", "similar", *map(str, arguments), "--index", str(index)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_words_join_a_photo(demo_index, bare_index):
    photo = sorted((ROOT / "images").glob("*.jpg"))[0]
    (plain,) = json.loads(similar(demo_index, photo, "--json").stdout)
    done = similar(demo_index, photo, "--json", "--words", "in white")
    (white,) = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == "" and white["query"] == str(photo) and white != plain
    colors = [match["attributes"]["baseColour"] for match in white["matches"]]
    assert sum(color in ("White", "Off White") for color in colors) >= 3
    (bare,) = json.loads(similar(bare_index, photo, "--json", "--words", "in white").stdout)
    assert len(bare["matches"]) == 5 and bare["matches"][0]["path"] != str(photo)


def test_words_that_cannot_join_a_photo_get_a_sentence(demo_index):
    photo = sorted((ROOT / "images").glob("*.jpg"))[0]
    done = similar(demo_index, photo, "--json", "--words", "red", "--ranking", "look")
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert done.stderr.startswith("error: Words cannot join a photo here") and "Leave out --words" in done.stderr
    done = similar(demo_index, photo, "--json", "--words", "frobnicator")
    assert done.returncode == 1 and len(json.loads(done.stdout)[0]["matches"]) == 5
    assert "Not understood: frobnicator." in done.stderr and "None of these words is known here" in done.stderr
    assert similar(demo_index, photo, "--words", "").returncode == 2
