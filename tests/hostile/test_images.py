"""Every file of the hostile corpus at every edge: it works as one would expect, or gets its one sentence."""

import csv
import io
import json
import re
import resource
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lookalike.errors import CatalogueError, ImageError, ShortageError, UndecidedError
from lookalike.extraction.build import build_index
from lookalike.images import decoding, sandbox
from lookalike.index.reading import load_index
from lookalike.serving.uploads import keep
from tests.hostile.builders import encoded, exif_bomb, halves, jpeg_claiming, jpeg_with_scans, with_segments
from tests.hostile.make import cases, write
from tests.support.data import ROOT

CASES = {case.name: case for case in cases()}
WORKS = [case for case in CASES.values() if case.colors]
REFUSED = [case for case in CASES.values() if not case.colors]
# Each aims at something else; a dozen of both kinds, for the edges that take their time.
NASTIEST = [
    CASES[name]
    for name in (
        "too_large-bits.png", "too_large-frame.gif", "too_large-huge-canvas.webp", "too_large-in-disguise.png",
        "jpegs-scans.jpg", "tiffs-tags.tif", "shapes-column.png", "nothing-empty.jpg", "others-pickle.jpg",
        "cut-60.heic", "metadata-itxt-bomb.png", "metadata-exif-bomb.jpg", "metadata-comment.gif", "turned-6.avif",
    )
]  # fmt: skip


def assert_shows(case, pixels):
    side = len(pixels)
    shown = pixels[side // 2, [side // 5, side - side // 5]]
    wanted = np.array([case.colors[0], case.colors[-1]], dtype=float)
    np.testing.assert_allclose(shown, wanted, atol=16, err_msg=case.name)


def assert_one_sentence(case, text, name):
    assert re.search(case.sentence, text), f"{case.name}: {text}"
    assert text.startswith(name) and "\n" not in text and "Traceback" not in text and len(text) < 300


def test_the_corpus_is_large_and_always_the_same():
    assert len(CASES) >= 250 and len(WORKS) >= 120
    assert sum(len(case.content) for case in CASES.values()) < 12e6
    again = {case.name: case.content for case in cases()}
    # Only the writer of AVIF's animations puts the time of day into them.
    assert [name for name, case in CASES.items() if again[name] != case.content] in ([], ["animations-first.avif"])


@pytest.mark.parametrize("case", WORKS, ids=lambda case: case.name)
def test_an_odd_file_works(case):
    assert_shows(case, decoding.load_pixels(case.content, 64))
    shown = Image.open(io.BytesIO(decoding.thumbnail(case.content, 64)))
    assert max(shown.size) <= 64 and shown.format == "JPEG"
    assert not shown.getexif() and not {"exif", "xmp", "comment", "icc_profile"} & shown.info.keys()
    assert_shows(case, np.asarray(shown.resize((64, 64))))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_hostile_file_gets_its_sentence(case):
    for use in (decoding.load_pixels, decoding.thumbnail):
        with pytest.raises(ImageError) as caught:
            use(case.content, 64)
        assert_one_sentence(case, str(caught.value), "The photo")


def test_what_is_kept_says_nothing_of_the_place(tmp_path):
    for case in WORKS:
        if case.name.startswith(("metadata", "turned")):
            content = keep(case.content, tmp_path).read_bytes()
            assert (
                b"GPS" not in content
                and b"Exif" not in content
                and not Image.open(io.BytesIO(content)).info.get("exif")
            )


def test_the_indexer_lists_exactly_the_refused(tmp_path, toy):
    write(tmp_path / "images", CASES.values())
    report = build_index(tmp_path / "images", tmp_path, toy)
    assert report.indexed == len(WORKS)
    assert set(load_index(tmp_path).names) == {f"images/{case.name}" for case in WORKS}
    with open(tmp_path / "skipped.csv", newline="", encoding="utf-8") as file:
        reasons = {row["path"].removeprefix("images/"): row["reason"] for row in csv.DictReader(file)}
    assert reasons.keys() == {case.name for case in REFUSED}
    for case in REFUSED:
        assert_one_sentence(case, reasons[case.name], "The file")


def test_the_terminal_answers_what_works_and_says_what_does_not(tmp_path, demo_index):
    write(tmp_path, NASTIEST)
    photos = [str(tmp_path / case.name) for case in NASTIEST]
    command = [sys.executable, "-m", "lookalike", "similar", *photos, "--index", str(demo_index), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    answered = {answer["query"]: answer["matches"] for answer in json.loads(done.stdout)}
    assert answered.keys() == {str(tmp_path / case.name) for case in NASTIEST if case.colors}
    assert all(len(matches) == 5 for matches in answered.values())
    lines = done.stderr.strip().splitlines()
    for case, line in zip((case for case in NASTIEST if not case.colors), lines, strict=True):
        assert_one_sentence(case, line.removeprefix("error: "), case.name)


def test_the_page_answers_what_works_and_says_what_does_not(demo_index, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_INDEX", str(demo_index))
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    for case in NASTIEST:
        page.file_uploader[0].set_value((case.name, case.content, "image/jpeg")).run()
        assert not page.exception, case.name
        if case.colors:
            assert not page.error and sum("alike" in one.value for one in page.markdown) == 5, case.name
        else:
            assert_one_sentence(case, page.error[0].value, "The photo")


def test_a_file_that_takes_too_long_is_stopped_and_the_next_one_works(monkeypatch):
    stepwise = encoded(halves(), "JPEG", progressive=True)
    slow = jpeg_claiming(jpeg_with_scans(stepwise, 80), 10_000, 10_000)
    monkeypatch.setattr(sandbox, "SECONDS", 0.5)
    start = time.monotonic()
    with pytest.raises(ImageError, match="takes longer than 0.5 s to decode, the limit. Save it as an ordinary JPEG"):
        decoding.load_pixels(slow, 64)
    assert time.monotonic() - start < 10
    monkeypatch.setattr(sandbox, "SECONDS", 60)
    assert decoding.load_pixels(encoded(halves(), "TIFF"), 64)[32, 10].tolist() == [255, 0, 0]


def test_what_an_operators_limit_of_memory_does_to_a_file_is_not_held_against_it(monkeypatch):
    def limited(*arguments, popen=subprocess.Popen, **options):
        return popen(*arguments, **options, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (420 << 20,) * 2))

    monkeypatch.setattr(sandbox, "_idle", [])
    monkeypatch.setattr(sandbox.subprocess, "Popen", limited)
    with pytest.raises(UndecidedError, match="made its decoder fail"):
        decoding.load_pixels(encoded(Image.new("RGB", (9000, 9000)), "PNG"), 64)


def test_a_decoder_that_dies_idle_is_replaced():
    """The next file is none the worse for it."""
    photo = encoded(halves(), "TIFF")
    decoding.load_pixels(photo, 64)
    for worker in sandbox._idle:
        worker.kill()
        worker.wait()
    assert decoding.load_pixels(photo, 64)[32, 10].tolist() == [255, 0, 0]


def test_a_decoder_that_dies_at_work_is_replaced(monkeypatch):
    """Killed while it decodes, and so is the one that tries again."""
    stepwise = encoded(halves(), "JPEG", progressive=True)
    slow = jpeg_claiming(jpeg_with_scans(stepwise, 80), 10_000, 10_000)
    start = sandbox._start

    def start_and_kill(name):
        worker = start(name)
        threading.Timer(0.2, worker.kill).start()
        return worker

    monkeypatch.setattr(sandbox, "_idle", [])
    monkeypatch.setattr(sandbox, "_start", start_and_kill)
    with pytest.raises(ImageError, match="made its decoder fail. Save it as an ordinary JPEG"):
        decoding.load_pixels(slow, 64)
    monkeypatch.setattr(sandbox, "_start", start)
    assert decoding.load_pixels(encoded(halves(), "TIFF"), 64)[32, 10].tolist() == [255, 0, 0]


def killed_at_work(monkeypatch, count):
    """Kill the next so many decoders as soon as they were asked, as the system does where memory runs out."""
    ask, left = sandbox._ask, [count]

    def ask_and_kill(worker, *asked):
        left[0] -= 1
        if left[0] >= 0:
            worker.kill()
            worker.wait()
        return ask(worker, *asked)

    monkeypatch.setattr(sandbox, "_ask", ask_and_kill)


def test_a_file_whose_decoder_was_killed_is_tried_once_more(monkeypatch):
    killed_at_work(monkeypatch, 1)
    assert decoding.load_pixels(encoded(halves(), "TIFF"), 64)[32, 10].tolist() == [255, 0, 0]


def test_a_product_whose_decoder_was_killed_is_left_out_of_one_run_only(monkeypatch, tmp_path, toy):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.tif").write_bytes(encoded(halves(), "TIFF"))
    (tmp_path / "images" / "2.jpg").write_bytes(encoded(halves(), "JPEG"))
    with monkeypatch.context() as machine:
        killed_at_work(machine, 2)
        report = build_index(tmp_path / "images", tmp_path, toy)
    assert report.indexed == 1 and "made its decoder fail" in report.skipped[0][1]
    report = build_index(tmp_path / "images", tmp_path, toy)
    assert (report.indexed, report.embedded, report.skipped) == (2, 1, ())


@pytest.mark.parametrize("program", ["/bin/false", "/no/such/program"])
def test_a_decoder_that_cannot_start_is_not_the_files_fault(monkeypatch, tmp_path, toy, program):
    """The photo may be tried again, and no product is left out for it, now or by the next run."""
    monkeypatch.setattr(sandbox, "_idle", [])
    (tmp_path / "images").mkdir()
    photo = tmp_path / "images" / "1.tif"
    photo.write_bytes(encoded(halves(), "TIFF"))
    with monkeypatch.context() as machine:
        machine.setattr(sys, "executable", program)
        with pytest.raises(ShortageError, match=r"^The photo cannot be opened just now \(.*Try again in a moment\.$"):
            decoding.load_pixels(photo.read_bytes(), 64)
        with pytest.raises(CatalogueError, match=r"could not go on at decoding/1\.tif .*finished work is kept"):
            build_index(photo.parent, tmp_path, toy)
    assert not (tmp_path / "skipped.csv").exists()
    assert build_index(photo.parent, tmp_path, toy).indexed == 1


def test_a_decoder_that_never_begins_is_given_up(monkeypatch, tmp_path):
    """Nobody waits for ever for a process that hangs before it can say that it is ready."""
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(sandbox, "_idle", [])
    monkeypatch.setattr(sandbox, "SECONDS_TO_BEGIN", 0.3)
    monkeypatch.setattr(sys, "executable", str(hanging))
    with pytest.raises(ShortageError, match=r"^The photo cannot be opened just now \(its decoder does not begin, on "):
        decoding.load_pixels(encoded(halves(), "TIFF"), 64)


def test_a_file_that_grows_while_it_is_read_stops_at_the_limit(tmp_path):
    """A device without end has no size that could be asked for first."""
    with pytest.raises(ImageError, match="is empty"):
        decoding.load_pixels("/dev/zero", 64)


def test_an_ordinary_photo_is_decoded_here_however_much_metadata_it_has(monkeypatch):
    monkeypatch.setattr(sandbox, "_start", None)
    monkeypatch.setattr(sandbox, "_idle", [])
    blocks = [exif_bomb()[at : at + 65_000] for at in range(0, 260_000, 65_000)]
    photo = with_segments(encoded(halves((900, 1200)), "JPEG"), *((0xE1, b"Exif\0\0" + block) for block in blocks))
    assert decoding.decode(photo, 224).size == (450, 600)


MEASURE = """
import resource, sys
from lookalike import sandbox, decoding
from lookalike.errors import CatalogueError, ImageError, ShortageError
for path in sys.argv[1:]:
    try:
        decoding.load_pixels(path, 224)
    except ImageError:
        pass
sandbox._stop_all()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read the way Linux tells it")
def test_bombs_stay_small_in_memory(tmp_path):
    chosen = [
        case for case in CASES.values() if case.name.startswith(("too_large", "metadata", "jpegs", "tiffs", "gifs"))
    ]
    write(tmp_path, chosen)
    command = [sys.executable, "-c", MEASURE, *(str(tmp_path / case.name) for case in chosen)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    here, apart = (int(kilobytes) / 1000 for kilobytes in done.stdout.split())
    assert here < 300 and apart < 600, done.stdout
