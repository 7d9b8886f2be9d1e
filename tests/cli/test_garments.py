"""`lookalike garments`, and `lookalike similar` about a part of a photo."""

import json
import subprocess
import sys

import pytest

from tests.support.data import ROOT, data

PICTURES = sorted((ROOT / "images").glob("*.jpg"))


def lookalike(*arguments):
    command = [sys.executable, "-m", "lookalike", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_each_photo_is_answered_and_a_bad_one_explained(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    done = lookalike("garments", PICTURES[0], tmp_path / "broken.jpg", PICTURES[1], "--json")
    answers = json.loads(done.stdout)
    assert done.returncode == 1 and [answer["photo"] for answer in answers] == [str(PICTURES[0]), str(PICTURES[1])]
    assert done.stderr.startswith("error: broken.jpg") and "Traceback" not in done.stderr
    done = lookalike("garments", PICTURES[0])
    assert done.returncode == 0 and done.stdout.startswith(f"{PICTURES[0]}\n  ")


def test_the_garments_of_an_outfit_have_names_and_boxes():
    street = sorted(data("street-outfits", "images").iterdir())[-3:]
    answers = json.loads(lookalike("garments", *street, "--json").stdout)
    for answer in answers:
        assert set(answer) == {"photo", "garments"} and len(answer["garments"]) >= 2
        for one in answer["garments"]:
            left, top, right, bottom = one["box"]
            assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1 and 0 < one["score"] <= 1
            assert set(one) == {"garment", "box", "score"}


def test_a_part_of_a_photo_asks_by_itself(demo_index):
    whole, part, all_of_it = (
        json.loads(lookalike("similar", PICTURES[0], "--index", demo_index, "--json", *more).stdout)
        for more in ((), ("--part", "0,0,0.5,0.5"), ("--part", "0,0,1,1"))
    )
    paths = [[match["path"] for match in answer[0]["matches"]] for answer in (whole, part, all_of_it)]
    assert paths[0] == paths[2] and paths[1] != paths[0] and len(paths[1]) == 5


@pytest.mark.parametrize("part", ["0.5,0.5,0.4,1", "0,0,2,1", "0,0,1", "left", "nan,0,1,1", "0..1,0,1,1", ""])
def test_what_is_no_part_gets_one_sentence(part, demo_index):
    done = lookalike("similar", PICTURES[0], "--index", demo_index, "--part", part)
    assert done.returncode == 2 and "is no part of a photo. Give left, top, right and bottom" in done.stderr
    assert "Traceback" not in done.stderr and not done.stdout
