import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from lookalike.index.attributes import read_styles
from tests.support.data import ROOT, data


def lookalike(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "lookalike", *map(str, arguments)], capture_output=True, text=True, cwd=cwd
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The index of the demo catalogue's shoes and dresses, made by the real command."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "images").mkdir()
    for name, attributes in sorted(read_styles(ROOT / "styles.csv").items()):
        if attributes["articleType"] in ("Casual Shoes", "Dresses"):
            shutil.copy(ROOT / "images" / f"{name}.jpg", folder / "images")
    shutil.copy(ROOT / "styles.csv", folder)
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0"]
    subprocess.run([*command, "--images", folder / "images", "--output", folder], cwd=ROOT, check=True)
    return folder


def test_json_is_all_there_is_on_stdout(shop):
    photos = sorted((shop / "images").iterdir())[:2]
    done = lookalike("similar", "--index", shop, "--json", "-k", 3, *photos)
    answers = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == ""
    assert [answer["query"] for answer in answers] == [str(photo) for photo in photos]
    for photo, answer in zip(photos, answers):
        assert [match["rank"] for match in answer["matches"]] == [1, 2, 3]
        first = answer["matches"][0]
        assert set(first) == {"rank", "distance", "path", "attributes"}
        assert first["path"] == str(photo) and first["distance"] < 5e-3
        assert first["attributes"]["articleType"] in ("Casual Shoes", "Dresses")


def test_text_has_a_line_a_match(shop):
    photo = sorted((shop / "images").iterdir())[0]
    lines = lookalike("similar", "--index", shop, photo).stdout.splitlines()
    assert lines[0] == str(photo) and len(lines) == 6
    assert lines[1].split()[0] == "1" and str(photo) in lines[1]


def test_a_bad_photo_gets_its_sentence_and_the_others_their_answer(shop, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("hello")
    good = sorted((shop / "images").iterdir())[0]
    done = lookalike("similar", "--index", shop, "--json", bad, good)
    assert done.returncode == 1
    assert done.stderr.startswith("error: bad.jpg is not an image") and "Traceback" not in done.stderr
    assert [answer["query"] for answer in json.loads(done.stdout)] == [str(good)]


def test_no_index_exits_1_with_one_sentence(tmp_path):
    done = lookalike("similar", "--index", tmp_path, "photo.jpg")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: There is no index in") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [[], ["similar"], ["similar", "-k", "0", "x.jpg"], ["dance"]])
def test_wrong_usage_exits_2(arguments):
    assert lookalike(*arguments).returncode == 2


def test_shoppers_shoes_find_footwear(tmp_path):
    """The real model on real photos: at least 90 % of the matches are footwear by styles.csv."""
    images, photos = data("fashion-product-images", "images"), sorted(data("shopper-photos", "shoes").iterdir())
    (tmp_path / "images").mkdir()
    for path in sorted(images.iterdir())[::5]:
        (tmp_path / "images" / path.name).symlink_to(path)
    styles = data("fashion-product-images", "styles.csv")
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0", "--styles", styles]
    subprocess.run([*command, "--images", tmp_path / "images", "--output", tmp_path], cwd=ROOT, check=True)
    answers = json.loads(lookalike("similar", "--index", tmp_path, "--json", *photos).stdout)
    types = [match["attributes"]["masterCategory"] for answer in answers for match in answer["matches"]]
    assert len(types) == 5 * len(photos)
    assert types.count("Footwear") / len(types) >= 0.9


def test_a_match_whose_name_is_no_utf8_is_printed(tmp_path):
    name = os.fsencode(tmp_path) + b"/images/caf\xe9.jpg"
    (tmp_path / "images").mkdir()
    shutil.copy(ROOT / "images" / "10001.jpg", name)
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0"]
    command += ["--images", tmp_path / "images", "--output", tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    for more in ([], ["--json"]):
        command = [sys.executable, "-m", "lookalike", "similar", ROOT / "images" / "10001.jpg", "--index", tmp_path]
        done = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, env=strict)
        assert done.returncode == 0 and b"caf\\" in done.stdout, done.stderr


def test_a_photo_whose_name_is_no_utf8_is_printed(shop, tmp_path):
    photo = shutil.copy(
        ROOT / "images" / sorted(os.listdir(ROOT / "images"))[0], tmp_path / os.fsdecode(b"caf\xe9.jpg")
    )
    for options in ([], ["--json"]):
        done = lookalike("similar", "--index", shop, photo, *options)
        assert done.returncode == 0 and "caf\\udce9.jpg" in done.stdout.replace("\\\\", "\\")


SHORT_OF_MEMORY = """
import resource, sys
from lookalike.cli.commands import main
import numpy, sklearn, streamlit
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**20,) * 2)
sys.exit(main(sys.argv[1:]))
"""


def test_too_little_memory_is_told_in_one_sentence(shop):
    command = [sys.executable, "-c", SHORT_OF_MEMORY, "tune", "--index", str(shop)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: This machine has too little memory free.")


SLOW_TO_STOP = """
import time
try:
    print("at work", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.8)
    print("Stopped. All is saved.", flush=True)
    raise SystemExit(130)
"""
WAITING = """
import subprocess, sys
from lookalike.cli.commands import _ended
sys.exit(_ended(subprocess.Popen([sys.executable, "-c", sys.argv[1]])))
"""


def test_ctrl_c_leaves_the_indexing_that_fetch_began_the_time_to_say_what_is_saved():
    command = [sys.executable, "-c", WAITING, SLOW_TO_STOP]
    both = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_heed_interrupts
    )
    assert both.stdout.readline() == "at work\n"
    os.killpg(both.pid, signal.SIGINT)
    assert both.communicate(timeout=30)[0] == "Stopped. All is saved.\n" and both.returncode == 130


def _heed_interrupts():
    signal.signal(signal.SIGINT, signal.default_int_handler)
