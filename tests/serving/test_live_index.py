"""A new index is taken over while queries go on; a damaged one never is."""

import json
import pickle
import shutil
import threading
import time

import numpy as np
import pytest

from lookalike.errors import IndexFileError, ServerError
from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.index.writing import save_index
from lookalike.search.recommender import Recommender
from lookalike.serving import live_index
from lookalike.serving.live_index import LiveRecommender

ROWS = np.random.default_rng(0).standard_normal((50, 8)).astype(np.float32)


def save(folder, generation):
    """Write an index whose names all name its generation, and whose size differs from that of the others."""
    count = 20 + generation
    save_index(folder, [ROWS[:count]], [f"{generation}/{row}.jpg" for row in range(count)], {"backbone": "toy"})


def load(folder, like=None):
    return Recommender(load_index(folder), embedder=like.embedder if like else object())


def generations(recommender):
    """Return the generations that a query's answers belong to."""
    query = {"look": ROWS[:1]}
    return {match.product.name.split("/")[0] for match in recommender.distinct_matches(query, k=5)}


def test_a_new_index_is_taken_over_with_the_same_embedder(tmp_path):
    save(tmp_path, 1)
    live = LiveRecommender(tmp_path, load)
    first, version = live.current()
    assert live.current() == (first, version) and generations(first) == {"1"}
    save(tmp_path, 2)
    second, other = live.current()
    assert generations(second) == {"2"} and other != version and second.embedder is first.embedder


def test_a_corrected_table_and_skipped_files_are_taken_over_although_no_vector_changed(toy, catalogue):
    styles = catalogue.parent / "styles.csv"
    live = LiveRecommender(catalogue.parent, load)

    def served_after_a_run():
        build_index(catalogue, catalogue.parent, toy, styles)
        return live.current()

    first, version = served_after_a_run()
    assert served_after_a_run() == (first, version)
    styles.write_text(styles.read_text().replace("Blue", "Navy Blue"))
    second, corrected = served_after_a_run()
    assert corrected != version and second.index.product(2).attributes["baseColour"] == "Navy Blue"
    (catalogue / "broken.jpg").write_text("no picture")
    assert served_after_a_run()[1] != corrected


def test_a_missing_index_is_reported_until_there_is_one(tmp_path):
    live = LiveRecommender(tmp_path, load)
    for _ in range(2):
        with pytest.raises(IndexFileError, match="There is no index in .* python -m lookalike index"):
            live.current()
    save(tmp_path, 1)
    assert generations(live.current()[0]) == {"1"} and live.problem is None


@pytest.mark.parametrize("name", ["embeddings.pkl", "filenames.pkl", "index.json"])
@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(path.read_bytes()[:-3]), lambda path: path.unlink()])
def test_a_damaged_index_is_reported_and_not_taken_over(tmp_path, name, damage):
    save(tmp_path, 1)
    live = LiveRecommender(tmp_path, load)
    served = live.current()
    keep = (tmp_path / name).read_bytes()
    damage(tmp_path / name)
    if name == "index.json" and not (tmp_path / name).exists():
        # A pair without a manifest is a classic index, complete in itself, but its backbone is not known here.
        assert generations(live.current()[0]) == {"1"}
        return
    assert live.current() == served and live.current() == served
    assert "python -m lookalike index" in live.problem
    (tmp_path / name).write_bytes(keep)
    assert generations(live.current()[0]) == {"1"} and live.problem is None


def test_a_half_written_index_is_not_taken_over(tmp_path):
    """The files of a new index come one after the other, the manifest last."""
    save(tmp_path / "new", 2)
    save(tmp_path / "live", 1)
    live = LiveRecommender(tmp_path / "live", load)
    served = live.current()
    for name in ("embeddings.pkl", "filenames.pkl"):
        shutil.copy(tmp_path / "new" / name, tmp_path / "live" / name)
        assert live.current() == served and "is not the file that index.json was written with" in live.problem
    shutil.copy(tmp_path / "new" / "index.json", tmp_path / "live" / "index.json")
    assert generations(live.current()[0]) == {"2"} and live.problem is None


def test_damaged_files_are_not_read_at_every_request_but_tried_again_later(tmp_path, monkeypatch):
    tried = []

    def counting(folder, like=None):
        tried.append(folder)
        return load(folder, like)

    save(tmp_path, 1)
    live = LiveRecommender(tmp_path, counting)
    live.current()
    (tmp_path / "index.json").write_text("{")
    for _ in range(9):
        live.current()
    assert len(tried) == 2
    monkeypatch.setattr(live_index, "RETRY_SECONDS", 0)
    live.current()
    assert len(tried) == 3


def test_too_little_memory_keeps_the_old_index(tmp_path):
    def hungry(folder, like=None):
        if like:
            raise MemoryError
        return load(folder)

    save(tmp_path, 1)
    live = LiveRecommender(tmp_path, hungry)
    served = live.current()
    save(tmp_path, 2)
    assert live.current() == served and "needs more memory than there is" in live.problem


def test_queries_see_one_whole_index_while_twenty_are_swapped(tmp_path):
    save(tmp_path, 0)
    live, seen, problems, over = LiveRecommender(tmp_path, load), set(), [], threading.Event()
    live.current()

    def ask():
        try:
            while not over.is_set():
                recommender, _ = live.current()
                found = generations(recommender)
                assert len(found) == 1 and len(recommender.index.names) == 20 + int(next(iter(found)))
                seen.update(found)
        except Exception as error:  # reported in the test's own thread
            problems.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for generation in range(1, 21):
        save(tmp_path, generation)
        time.sleep(0.05)
    end = time.monotonic() + 20
    while "20" not in seen and time.monotonic() < end:
        time.sleep(0.01)
    over.set()
    for thread in threads:
        thread.join()
    assert not problems and "20" in seen and len(seen) > 3
    assert live.problem is None


def test_a_classic_pair_is_also_replaced_as_a_whole(tmp_path):
    def write(generation):
        for name, value in (
            ("embeddings.pkl", list(ROWS[:9])),
            ("filenames.pkl", [f"{generation}/{n}" for n in range(9)]),
        ):
            (tmp_path / name).write_bytes(pickle.dumps(value))

    write(1)
    live = LiveRecommender(tmp_path, load)
    assert generations(live.current()[0]) == {"1"}
    write(2)
    assert generations(live.current()[0]) == {"2"}


def test_files_that_change_while_they_are_read_are_not_served(tmp_path):
    for name, value in (("embeddings.pkl", list(ROWS[:9])), ("filenames.pkl", [str(n) for n in range(9)])):
        (tmp_path / name).write_bytes(pickle.dumps(value))

    def interrupted(folder, like=None):
        recommender = load(folder)
        if like:
            (folder / "filenames.pkl").write_bytes(pickle.dumps([json.dumps(n) + "b" for n in range(9)]))
        return recommender

    live = LiveRecommender(tmp_path, interrupted)
    served = live.current()
    (tmp_path / "filenames.pkl").write_bytes(pickle.dumps([f"{n}a" for n in range(9)]))
    assert live.current() == served


def test_a_server_that_stops_answering_during_a_takeover_changes_nothing(tmp_path, monkeypatch):
    """It may not answer when it is asked once more before loading: the old index is still served."""
    save(tmp_path, 1)
    live = LiveRecommender(tmp_path, load)
    first = live.current()
    answers = ["another version"]

    def version(folder):
        if not answers:
            raise ServerError("The server does not answer.")
        return answers.pop()

    monkeypatch.setattr(live_index, "index_version", version)
    assert live.current() == first and not answers
