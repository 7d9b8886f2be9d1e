import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from lookalike import __version__
from lookalike.cli.commands import publish
from lookalike.index.attributes import read_styles
from lookalike.milvus.layout import SEARCH_INDEXES
from lookalike.search.clicks import Key, to_lines
from tests.support.data import ROOT, data
from tests.support.processes import child_seconds, heed_ctrl_c


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


def test_json_output_is_only_json(shop):
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


def test_text_output_has_a_line_for_each_match(shop):
    photo = sorted((shop / "images").iterdir())[0]
    lines = lookalike("similar", "--index", shop, photo).stdout.splitlines()
    assert lines[0] == str(photo) and len(lines) == 6
    assert lines[1].split()[0] == "1" and str(photo) in lines[1]


def test_a_bad_photo_gets_a_sentence_and_the_others_are_answered(shop, tmp_path):
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


def test_photos_of_shoes_find_footwear(tmp_path):
    """The real model on real photos: at least 90 % of the matches are footwear by styles.csv."""
    images, photos = data("fashion-product-images", "images"), sorted(data("shopper-photos", "shoes").iterdir())
    (tmp_path / "images").mkdir()
    for path in sorted(images.iterdir())[::10]:
        (tmp_path / "images" / path.name).symlink_to(path)
    styles = data("fashion-product-images", "styles.csv")
    command = [sys.executable, "extract_features.py", "--backbone", "efficientnet-lite0", "--styles", styles]
    subprocess.run([*command, "--images", tmp_path / "images", "--output", tmp_path], cwd=ROOT, check=True)
    answers = json.loads(lookalike("similar", "--index", tmp_path, "--json", *photos).stdout)
    types = [match["attributes"]["masterCategory"] for answer in answers for match in answer["matches"]]
    assert len(types) == 5 * len(photos)
    assert types.count("Footwear") / len(types) >= 0.9


def test_a_match_whose_name_is_not_utf8_is_printed(tmp_path):
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


def test_a_photo_whose_name_is_not_utf8_is_printed(shop, tmp_path):
    photo = shutil.copy(sorted((ROOT / "images").glob("*.jpg"))[0], tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    for options in ([], ["--json"]):
        done = lookalike("similar", "--index", shop, photo, *options)
        assert done.returncode == 0 and "caf\\udce9.jpg" in done.stdout.replace("\\\\", "\\")


SHORT_OF_MEMORY = """
import resource, sys
from lookalike.cli.main import main
import numpy, sklearn, streamlit
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**20,) * 2)
sys.exit(main(sys.argv[1:]))
"""


def test_too_little_memory_gets_one_sentence(shop):
    command = [sys.executable, "-c", SHORT_OF_MEMORY, "tune", "--index", str(shop)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: This machine has too little memory free.")


FETCH = """
import sys, kagglehub
from lookalike.cli.main import main
kagglehub.dataset_download = lambda handle: sys.argv[1]  # the download itself needs the network
sys.exit(main(["fetch", "--output", sys.argv[2]]))
"""


def test_fetch_indexes_what_it_downloaded(catalogue, tmp_path):
    command = [sys.executable, "-c", FETCH, str(catalogue.parent), str(tmp_path / "index")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"Images: {catalogue}" in done.stdout and "4 found, 4 indexed, 0 skipped" in done.stdout
    assert (tmp_path / "index" / "index.json").is_file()


def test_ctrl_c_during_fetch_says_what_is_saved(tmp_path):
    shutil.copytree(ROOT / "images", tmp_path / "images")
    command = [sys.executable, "-c", FETCH, str(tmp_path), str(tmp_path / "index")]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed_ctrl_c
    )
    while " of 257" not in (seen := process.stderr.readline()) and seen:
        pass
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "Traceback" not in said
    assert "Stopped. " in said.splitlines()[-1] and "saved" in said.splitlines()[-1]


def test_it_says_its_version():
    assert lookalike("--version").stdout == f"lookalike {__version__}\n"


def test_help_names_every_command_and_answers_at_once():
    before = child_seconds()
    done = lookalike("--help")
    assert done.returncode == 0 and child_seconds() - before < 1
    for name in ("index", "serve", "similar", "evaluate", "tune", "publish", "fetch"):
        assert re.search(rf"^  {name} ", done.stdout, re.M), name


def test_publish_offers_the_kinds_that_milvus_has():
    kinds = next(option.type.choices for option in publish.params if option.name == "search_index")
    assert list(kinds) == list(SEARCH_INDEXES)


def test_evaluate_tells_what_shoppers_clicked(tmp_path):
    counts = {Key("shown", "a", 1): 100, Key("shown", "b", 2): 100, Key("link", "a", 1): 50, Key("link", "c", 2): 10}
    (tmp_path / "clicks-2026-11-30-00000000.jsonl").write_bytes(to_lines("2026-11-30", counts))
    done = lookalike("evaluate", "--clicks", tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert "1     100    50       0.500 (0.404–0.596)" in done.stdout
    assert "mean reciprocal rank of clicks: 0.917" in done.stdout
    assert re.search(r"^b +100 +10\.0$", done.stdout, re.M)
    figures = json.loads(lookalike("evaluate", "--clicks", tmp_path, "--json").stdout)
    assert figures["never_clicked"] == [{"product": "b", "shown": 100, "expected": 10.0}]


def test_evaluate_without_clicks_to_judge_says_so(tmp_path):
    done = lookalike("evaluate", "--clicks", tmp_path)
    assert done.returncode == 1 and re.fullmatch(r"error: .* has no files clicks-….*\.\n", done.stderr)
    done = lookalike("evaluate", "--clicks", tmp_path, "--queries", tmp_path)
    assert done.returncode == 2 and "--clicks is judged alone" in done.stderr


def test_filters_leave_products_with_one_of_the_words_in_each_column(shop):
    photo = sorted((shop / "images").iterdir())[0]
    arguments = ("similar", "--index", shop, "--json", "-k", 50, photo)
    chosen = ("--filter", "gender=Women", "--filter", "baseColour=Red", "--filter", "baseColour=Blue")
    found = json.loads(lookalike(*arguments, *chosen).stdout)[0]["matches"]
    everything = json.loads(lookalike(*arguments).stdout)[0]["matches"]
    expected = [
        one["path"]
        for one in everything
        if one["attributes"]["gender"] == "Women" and one["attributes"]["baseColour"] in ("Red", "Blue")
    ]
    assert [one["path"] for one in found] == expected and 0 < len(found) < len(everything)


@pytest.mark.parametrize(
    "chosen, code, sentence",
    [
        ("gender", 2, "--filter gender is no filter. Write COLUMN=WORD"),
        ("=Women", 2, "is no filter"),
        ("nothing=x", 1, "error: There is no column nothing to filter by. Choose among: gender,"),
        ("price=20..50", 1, "error: There is no column price to filter by."),
    ],
)
def test_a_filter_that_cannot_be_gets_a_sentence(shop, chosen, code, sentence):
    done = lookalike("similar", "--index", shop, "--filter", chosen, sorted((shop / "images").iterdir())[0])
    assert done.returncode == code and sentence in done.stderr and done.stdout == "" and "Traceback" not in done.stderr
