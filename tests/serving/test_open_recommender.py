import gc
import os
import shutil
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from lookalike.errors import IndexFileError, LookalikeError
from lookalike.extraction.build import build_index
from lookalike.serving.live_index import LiveRecommender, open_recommender
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
    assert gc.get_freeze_count() and all(matrix() is None for matrix in replaced)


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
    # AppTest leaves reference cycles, which were frozen with the next index. A cache would still hold its entries.
    gc.unfreeze()
    gc.collect()
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
