"""Tags of a real index: what the pictures show, in the columns of a shop's table."""

import csv
import subprocess
import sys

from lookalike.analysis.tags import COLUMNS
from lookalike.index.attributes import read_styles
from lookalike.index.reading import load_index
from tests.support.data import ROOT


def tag(index, output):
    command = [sys.executable, "-m", "lookalike", "tag", "--index", str(index), "--output", str(output)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_every_product_gets_words_and_how_sure_they_are(demo_index, tmp_path):
    done = tag(demo_index, tmp_path / "tags.csv")
    assert done.returncode == 0 and "The tags of 257 products are in" in done.stdout
    with open(tmp_path / "tags.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    index = load_index(demo_index)
    assert [row["id"] for row in rows] == [index.product(row).id for row in range(len(index.names))]
    for row in rows:
        assert all(row[column] and 0 < float(row[f"{column} sure"]) <= 1 for column in COLUMNS)
    own = read_styles(ROOT / "styles.csv")
    right = sum(row["baseColour"] == own[row["id"]]["baseColour"] for row in rows)
    assert right > 257 / 4, "drawings are not photographs, but a red dress is red"


def test_the_tags_are_a_table_of_attributes(demo_index, tmp_path):
    tag(demo_index, tmp_path / "tags.csv")
    assert read_styles(tmp_path / "tags.csv")["10001"]["articleType"]


def test_what_cannot_be_tagged_gets_one_sentence(demo_index, tmp_path):
    for index, output, sentence in (
        (tmp_path / "nowhere", tmp_path / "tags.csv", "There is no index in"),
        (demo_index, tmp_path / "no folder" / "tags.csv", "cannot be written"),
    ):
        done = tag(index, output)
        assert done.returncode == 1 and sentence in done.stderr and len(done.stderr.splitlines()) == 1
