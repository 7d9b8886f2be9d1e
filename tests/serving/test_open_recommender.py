import gc
import os
import shutil
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from lookalike.errors import IndexFileError, LookalikeError
from lookalike.extraction.build import build_index
from lookalike.serving.live_index import LiveRecommender, kept_with, open_recommender
from lookalike.serving.state import server_state
from lookalike.web.catalogue import texts as words


def open_live(folder, load):
    return LiveRecommender(folder, partial(open_recommender, load=load))


def test_many_threads_load_once(toy_index, load):
    live = open_live(toy_index, load)
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: live.current()[0], range(8)))
    assert load.count == 1 and len(set(map(id, given))) == 1


def test_a_damaged_new_index_never_replaces_a_working_one(toy_index, load):
    live = open_live(toy_index, load)
    first = live.current()
    (toy_index / "embeddings.pkl").write_bytes(b"half")
    assert live.current() == first and load.count == 2 and "not the file" in live.problem
    with pytest.raises(IndexFileError, match="not the file"):
        open_live(toy_index, load).current()


def test_a_visitor_does_not_wait_for_a_new_index(toy_index, load):
    renewing, released = threading.Event(), threading.Event()

    def slow(folder, like=None):
        if load.count:
            renewing.set()
            released.wait(20)
        return load(folder)

    live = open_live(toy_index, slow)
    first = live.current()
    os.utime(toy_index / "index.json")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(live.current)
        assert renewing.wait(20) and live.current() == first
        released.set()
    second = live.current()
    assert second[0] is not first[0] and second[1] != first[1]


def test_nothing_of_a_replaced_index_stays_in_memory(toy_index, load):
    live = open_live(toy_index, load)
    replaced = []
    for _ in range(3):
        replaced.append(weakref.ref(live.current()[0].index.look))
        os.utime(toy_index / "index.json")
    live.current()
    assert all(matrix() is None for matrix in replaced)


def test_the_catalogue_pages_findings_keep_no_replaced_index_in_memory(toy_index, catalogue, toy, load, monkeypatch):
    shutil.copy(catalogue / "1.png", catalogue / "5.png")
    build_index(catalogue, toy_index, toy, toy_index / "styles.csv")
    live = open_live(toy_index, load)
    monkeypatch.setitem(server_state().live_recommenders, str(toy_index), live)
    replaced = []
    for _ in range(3):
        replaced.append(weakref.ref(live.current()[0].index.look))
        for tab in (words.MAP, words.SAME, words.DOUBTS):
            open_tab(toy_index, tab)
        os.utime(toy_index / "index.json")
    live.current()
    gc.collect()  # AppTest leaves reference cycles. A cache would still hold its entries.
    assert all(matrix() is None for matrix in replaced)


def open_tab(folder, tab):
    def script(folder):
        from lookalike.serving.state import server_state
        from lookalike.web.catalogue import page

        recommender, version = server_state().live(folder).current()
        page.show(recommender, folder, version)

    app = AppTest.from_function(script, args=(str(folder),), default_timeout=120)
    app.session_state["tab"] = tab
    assert not app.run().exception and not app.error


def test_an_index_that_failed_is_not_read_by_every_visitor(tmp_path, load):
    live = open_live(tmp_path, load)
    for _ in range(5):
        with pytest.raises(IndexFileError):
            live.current()
    assert load.count == 1


def test_a_bug_gets_a_sentence_and_no_traceback(toy_index, toy, load):
    def broken(pixels):
        raise RuntimeError("a library of this processor is missing")

    toy.feature_maps = broken
    with pytest.raises(LookalikeError, match=r"The index cannot be loaded \(RuntimeError\)"):
        open_live(toy_index, load).current()


def test_a_visit_that_sees_an_index_loaded_is_given_up_like_any_other(toy_index, load):
    class Visit:
        """Lies in a reference cycle, as Streamlit's sessions do, so that only garbage collection ends it."""

        def __init__(self):
            self.itself, self.photo = self, bytearray(1000)

    live = open_live(toy_index, load)
    for _ in range(2):  # the first one opens the index, the second one takes over another
        visit = Visit()
        kept = weakref.ref(visit)
        live.current()
        os.utime(toy_index / "index.json")
        del visit
        gc.collect()
        assert kept() is None


def test_what_is_kept_with_an_index_is_computed_once_and_goes_with_it(toy_index, load):
    live, made = open_live(toy_index, load), []

    def compute(recommender):
        return kept_with(recommender, "itself", lambda: made.append(1) or (recommender,))

    first = live.current()[0]
    with ThreadPoolExecutor(8) as pool:
        assert len({id(kept) for kept in pool.map(compute, [first] * 8)}) == 1 and made == [1]
    gone = weakref.ref(first)
    del first
    os.utime(toy_index / "index.json")
    compute(live.current()[0])
    gc.collect()
    assert gone() is None and len(made) == 2


def test_what_is_kept_with_an_index_does_not_wait_for_what_is_computed_meanwhile(toy_index, load):
    recommender, goes_on = load(toy_index), threading.Event()
    slow = threading.Thread(target=kept_with, args=(recommender, "slow", lambda: goes_on.wait(60)))
    slow.start()
    quick: list[int] = []
    threading.Thread(target=lambda: quick.append(kept_with(recommender, "quick", lambda: 1)), daemon=True).start()
    for _ in range(200):
        if not quick:
            time.sleep(0.05)
    goes_on.set()
    slow.join()
    assert quick == [1] and kept_with(recommender, "slow", lambda: 2) is True


def test_what_fails_is_not_kept_with_an_index(toy_index, load):
    def fail():
        raise MemoryError

    recommender = load(toy_index)
    with pytest.raises(MemoryError):
        kept_with(recommender, "a value", fail)
    assert kept_with(recommender, "a value", lambda: 1) == 1
