"""Every file of the hostile corpus at every edge: it works as expected, or is refused with one sentence."""

import csv
import io
import json
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

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
# A dozen of both kinds, each aimed at something else, for the edges that are slow.
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


def test_the_corpus_is_large_and_reproducible():
    assert len(CASES) >= 250 and len(WORKS) >= 120
    assert sum(len(case.content) for case in CASES.values()) < 12e6
    again = {case.name: case.content for case in cases()}
    # Only the writer of animated AVIFs puts the time of day into the file.
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


def test_a_kept_photo_does_not_reveal_where_it_was_taken(tmp_path):
    for case in WORKS:
        if case.name.startswith(("metadata", "turned")):
            content = keep(decoding.decode(case.content, 1024), case.name, tmp_path).read_bytes()
            assert (
                b"GPS" not in content
                and b"Exif" not in content
                and not Image.open(io.BytesIO(content)).info.get("exif")
            )


def test_the_indexer_skips_exactly_the_refused_files(tmp_path, toy):
    write(tmp_path / "images", CASES.values())
    report = build_index(tmp_path / "images", tmp_path, toy)
    assert report.indexed == len(WORKS)
    assert set(load_index(tmp_path).names) == {f"images/{case.name}" for case in WORKS}
    with open(tmp_path / "skipped.csv", newline="", encoding="utf-8") as file:
        reasons = {row["path"].removeprefix("images/"): row["reason"] for row in csv.DictReader(file)}
    assert reasons.keys() == {case.name for case in REFUSED}
    for case in REFUSED:
        assert_one_sentence(case, reasons[case.name], "The file")


def test_the_terminal_answers_good_files_and_explains_bad_ones(tmp_path, demo_index):
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


def test_the_page_answers_good_files_and_explains_bad_ones(open_app, demo_index):
    page = open_app(demo_index)
    for case in NASTIEST:
        page.file_uploader[0].set_value((case.name, case.content, "image/jpeg")).run()
        assert not page.exception, case.name
        if case.colors:
            assert not page.error and sum("alike" in one.value for one in page.markdown) == 5, case.name
        else:
            assert_one_sentence(case, page.error[0].value, "The photo")


@pytest.fixture
def use_sandbox(monkeypatch):
    """use_sandbox(**options) makes this process decode in a new Sandbox(**options)."""
    made = []

    def use(**options):
        made.append(sandbox.Sandbox(**options))
        monkeypatch.setattr(sandbox, "_shared", made[-1])

    yield use
    for each in made:
        each.close()


def slow_jpeg():
    """A small JPEG that keeps a decoder busy for seconds."""
    stepwise = encoded(halves(), "JPEG", progressive=True)
    return jpeg_claiming(jpeg_with_scans(stepwise, 80), 10_000, 10_000)


def assert_tiffs_are_decoded():
    assert decoding.load_pixels(encoded(halves(), "TIFF"), 64)[32, 10].tolist() == [255, 0, 0]


def test_a_file_that_takes_too_long_is_stopped_and_the_next_one_works(use_sandbox):
    use_sandbox(max_seconds=0.5)
    start = time.monotonic()
    with pytest.raises(ImageError, match="takes longer than 0.5 s to decode, the limit. Save it as an ordinary JPEG"):
        decoding.load_pixels(slow_jpeg(), 64)
    assert time.monotonic() - start < 10
    use_sandbox(max_seconds=60)
    assert_tiffs_are_decoded()


def test_a_memory_limit_set_by_the_operator_is_not_the_files_fault(use_sandbox):
    limited = ["sh", "-c", 'ulimit -v 430080; exec "$@"', "sh", sys.executable, "-m", "lookalike.images.sandbox"]
    use_sandbox(start=lambda: sandbox.Worker(limited))
    with pytest.raises(UndecidedError, match="made its decoder fail"):
        decoding.load_pixels(encoded(Image.new("RGB", (9000, 9000)), "PNG"), 64)


def test_a_decoder_that_dies_idle_is_replaced(use_sandbox):
    """The next file does not suffer for it."""
    workers = []

    def start():
        workers.append(sandbox.Worker())
        return workers[-1]

    use_sandbox(start=start)
    assert_tiffs_are_decoded()
    workers[0].stop()
    assert_tiffs_are_decoded()
    assert len(workers) == 2


def test_a_decoder_that_dies_at_work_is_replaced(use_sandbox):
    """Killed while it decodes, and so is the one that tries again."""

    class Doomed(sandbox.Worker):
        def ask(self, *request):
            threading.Timer(0.2, self.kill).start()
            return super().ask(*request)

    use_sandbox(start=Doomed)
    with pytest.raises(ImageError, match="made its decoder fail. Save it as an ordinary JPEG"):
        decoding.load_pixels(slow_jpeg(), 64)
    use_sandbox()
    assert_tiffs_are_decoded()


def killed_at_work(count):
    """A start for Sandbox: the first count requests kill their workers, as the system does if memory runs out."""
    left = [count]

    class Killed(sandbox.Worker):
        def ask(self, *request):
            left[0] -= 1
            if left[0] >= 0:
                self.stop()
            return super().ask(*request)

    return Killed


def test_a_file_whose_decoder_was_killed_is_tried_once_more(use_sandbox):
    use_sandbox(start=killed_at_work(1))
    assert_tiffs_are_decoded()


def test_a_product_whose_decoder_was_killed_is_left_out_of_one_run_only(use_sandbox, tmp_path, toy):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.tif").write_bytes(encoded(halves(), "TIFF"))
    (tmp_path / "images" / "2.jpg").write_bytes(encoded(halves(), "JPEG"))
    use_sandbox(start=killed_at_work(2))
    report = build_index(tmp_path / "images", tmp_path, toy)
    assert report.indexed == 1 and "made its decoder fail" in report.skipped[0][1]
    use_sandbox()
    report = build_index(tmp_path / "images", tmp_path, toy)
    assert (report.indexed, report.embedded, report.skipped) == (2, 1, ())


@pytest.mark.parametrize("program", ["/bin/false", "/no/such/program"])
def test_a_decoder_that_cannot_start_is_not_the_files_fault(use_sandbox, tmp_path, toy, program):
    """The photo may be tried again, and no product is left out for it, by this run or the next."""
    (tmp_path / "images").mkdir()
    photo = tmp_path / "images" / "1.tif"
    photo.write_bytes(encoded(halves(), "TIFF"))
    use_sandbox(start=lambda: sandbox.Worker([program]))
    with pytest.raises(ShortageError, match=r"^The photo cannot be opened right now \(.*Try again in a moment\.$"):
        decoding.load_pixels(photo.read_bytes(), 64)
    with pytest.raises(CatalogueError, match=r"images/1\.tif .*finished work is kept"):
        build_index(photo.parent, tmp_path, toy)
    assert not (tmp_path / "skipped.csv").exists()
    use_sandbox()
    assert build_index(photo.parent, tmp_path, toy).indexed == 1


def test_a_decoder_that_never_starts_is_given_up(use_sandbox):
    """Nobody waits forever for a process that hangs before it can say that it is ready."""
    use_sandbox(max_seconds_to_start=0.3, start=lambda: sandbox.Worker(["sleep", "600"]))
    with pytest.raises(ShortageError, match=r"^The photo cannot be opened right now \(its decoder does not begin on "):
        decoding.load_pixels(encoded(halves(), "TIFF"), 64)


def no_worker():
    raise AssertionError("this file must be decoded in this process")


def test_a_file_that_grows_while_it_is_read_stops_at_the_limit(tmp_path):
    """An endless device reports no size that could be checked first."""
    with pytest.raises(ImageError, match="is empty"):
        decoding.load_pixels("/dev/zero", 64)


def test_an_ordinary_photo_is_decoded_in_this_process_however_much_metadata_it_has(use_sandbox):
    use_sandbox(start=no_worker)
    blocks = [exif_bomb()[at : at + 65_000] for at in range(0, 260_000, 65_000)]
    photo = with_segments(encoded(halves((900, 1200)), "JPEG"), *((0xE1, b"Exif\0\0" + block) for block in blocks))
    assert decoding.decode(photo, 224).size == (450, 600)


def test_pillows_own_limit_stays_and_does_not_lower_ours(monkeypatch, recwarn):
    """A program that imports the package keeps its guard against bombs. Larger images are decoded in the sandbox."""
    ours = encoded(Image.new("L", (9_900, 9_900), 128), "JPEG")
    assert Image.MAX_IMAGE_PIXELS < 9_900**2
    np.testing.assert_allclose(decoding.load_pixels(ours, 8), 128, atol=2)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decoding.load_pixels(encoded(halves(), "PNG"), 64)[32, 10].tolist() == [255, 0, 0]
    assert Image.MAX_IMAGE_PIXELS == 100 and not recwarn.list


MEASURE = """
import resource, sys
from lookalike.errors import ImageError
from lookalike.images import decoding, sandbox
for path in sys.argv[1:]:
    try:
        decoding.load_pixels(path, 224)
    except ImageError:
        pass
sandbox.shared_sandbox().close()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of a process's memory from Linux's /proc")
def test_bombs_stay_small_in_memory(tmp_path):
    chosen = [
        case for case in CASES.values() if case.name.startswith(("too_large", "metadata", "jpegs", "tiffs", "gifs"))
    ]
    write(tmp_path, chosen)
    command = [sys.executable, "-c", MEASURE, *(str(tmp_path / case.name) for case in chosen)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    in_process, sandboxed = (int(kilobytes) / 1000 for kilobytes in done.stdout.split())
    assert in_process < 300 and sandboxed < 600, done.stdout
