import hashlib
import threading
import time

import numpy as np
import pytest
from PIL import Image

from lookalike.embedding.embedder import Embedder
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File, embed_files
from tests.support.toy import ToyEngine


def files(folder, count=10):
    """Make PNGs of 8 × 8 pixels, the nth with red n and green 100 − n."""
    made = []
    for number in range(count):
        path = folder / f"{number:03}.png"
        Image.new("RGB", (8, 8), (number, 100 - number, 0)).save(path)
        made.append(File(path.name, path, Stamp(path.stat().st_size, 0)))
    return made


def none_known(content):
    return False


@pytest.mark.parametrize("batch_size, workers", [(1, 1), (3, 2), (10, 4), (64, 1)])
def test_each_file_comes_once_in_order_with_its_hash_and_look(toy, tmp_path, batch_size, workers):
    todo = files(tmp_path)
    done = list(embed_files(todo, toy, none_known, batch_size, workers))
    assert [one.file for one in done] == todo
    assert [one.content for one in done] == [hashlib.sha256(file.path.read_bytes()).hexdigest() for file in todo]
    expected = np.array([(number, 100 - number, 0) for number in range(10)])
    looks = np.stack([one.row for one in done])
    np.testing.assert_allclose(looks, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)
    assert all(one.prepared is None and one.reason is None for one in done)


def test_no_files_give_no_results(toy):
    assert list(embed_files([], toy, none_known, 4, 2)) == []


def test_a_known_content_is_hashed_and_not_embedded(toy, tmp_path):
    todo = files(tmp_path)
    known = hashlib.sha256(todo[3].path.read_bytes()).hexdigest()
    done = list(embed_files(todo, toy, lambda content: content == known, 4, 2))
    assert [number for number, one in enumerate(done) if one.row is None] == [3]
    assert done[3].content == known and done[3].reason is None


def test_a_batch_with_nothing_to_embed_never_reaches_the_engine(toy, tmp_path):
    embedder = Embedder(toy.backbone, None)
    assert all(one.row is None for one in embed_files(files(tmp_path), embedder, lambda content: True, 4, 2))


def test_a_file_that_is_not_an_image_has_a_reason_and_an_unreadable_one_no_content(toy, tmp_path):
    todo = files(tmp_path, 5)
    todo[0].path.write_text("hello")
    todo[1].path.unlink()
    todo[2].path.write_bytes(b"")
    todo[3].path.unlink()
    todo[3].path.mkdir()
    done = list(embed_files(todo, toy, none_known, 2, 2))
    assert [one.content is None for one in done] == [False, True, True, True, False]
    assert [one.row is None for one in done] == [True, True, True, True, False]
    assert done[0].reason == "The file is not an image. Use a JPEG, PNG, WebP, HEIC or AVIF file."
    assert done[1].reason == "The file cannot be read (No such file or directory)."
    assert done[2].reason == "The file is empty. Choose an image file."
    assert done[3].reason == "The file cannot be read (Is a directory)."


def test_a_file_beyond_the_limit_is_not_read(toy, tmp_path):
    path = tmp_path / "huge.jpg"
    with open(path, "wb") as file:
        file.truncate(10**12)  # a sparse file: reading it would take the machine's memory
    done = list(embed_files([File("huge.jpg", path, Stamp(10**12, 0))], toy, none_known, 2, 2))
    assert "the limit is 50 MB" in done[0].reason and done[0].content is None


class SlowEngine(ToyEngine):
    """The toy engine, slowed down; it records its batches and threads."""

    def __init__(self, seconds):
        self.seconds, self.batches, self.threads = seconds, [], set()

    def feature_maps(self, pixels):
        self.batches.append(len(pixels))
        self.threads.add(threading.current_thread())
        time.sleep(self.seconds)
        return super().feature_maps(pixels)


def test_closing_the_iterator_does_not_wait_for_pending_work(toy, tmp_path):
    engine = SlowEngine(0.5)
    finished = embed_files(files(tmp_path, 60), Embedder(toy.backbone, engine), none_known, 2, 2)
    next(finished)
    start = time.perf_counter()
    finished.close()
    assert time.perf_counter() - start < 0.4
    time.sleep(1.7)
    assert sum(engine.batches) <= 6
    assert not any(thread.is_alive() for thread in engine.threads)


def test_the_engine_computes_while_its_results_are_consumed(toy, tmp_path):
    """Recording one batch and computing the next do not wait for each other."""
    embedder, there = Embedder(toy.backbone, SlowEngine(0.1)), list(files(tmp_path, 40))
    start = time.perf_counter()
    for position, _ in enumerate(embed_files(there, embedder, none_known, 4, 2)):
        if position % 4 == 0:
            time.sleep(0.1)
    assert time.perf_counter() - start < 10 * (0.1 + 0.1) * 0.9


def test_an_error_of_the_engine_is_not_swallowed(toy, tmp_path):
    class Broken(ToyEngine):
        def feature_maps(self, pixels):
            raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        list(embed_files(files(tmp_path), Embedder(toy.backbone, Broken()), none_known, 4, 2))
