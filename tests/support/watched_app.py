"""The app as it is, with a thread that says what is alive in its process: a line of JSON a second in WATCHED_APP.

Photos and indexes are counted by weak references, so that counting keeps nothing alive. runs_at_once is the most runs
of one visit that were ever under way together. Streamlit runs this file.
"""

import gc
import json
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lookalike.serving import live_index
from lookalike.web.app import main
from lookalike.web.look_up import session


class Runs:
    """Counts the runs of each visit that are under way."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most = 0
        self._changed = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a run while the with block runs."""
        context = get_script_run_ctx()
        visit = context.session_id if context else ""
        with self._changed:
            self.now[visit] += 1
            self.most = max(self.most, self.now[visit])
        try:
            yield
        finally:
            with self._changed:
                self.now[visit] -= 1


@st.cache_resource
def runs() -> Runs:
    return Runs()


@st.cache_resource
def start_watching() -> None:
    """Note every photo and index from now on."""
    counted = runs()
    photos: weakref.WeakSet[session.Photo] = weakref.WeakSet()
    # Indexes have no hash, for a set, and their matrices live as long as they do.
    looks: list[weakref.ref[object]] = []

    class NotedPhoto(session.Photo):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[arg-type]
            photos.add(self)

    session.Photo = NotedPhoto  # type: ignore[misc]
    load = live_index.load_recommender

    def noted(*arguments: object, **named: object) -> object:
        recommender = load(*arguments, **named)  # type: ignore[arg-type]
        looks.append(weakref.ref(recommender.index.look))
        return recommender

    live_index.open_recommender.__defaults__ = (None, noted)

    def watch() -> None:
        while True:
            gc.collect()
            alive = {"photos": len(photos), "indexes": sum(look() is not None for look in looks)}
            line = json.dumps(alive | {"runs_at_once": counted.most})
            with open(os.environ["WATCHED_APP"], "a") as file:
                file.write(f"{line}\n")
            time.sleep(1)

    threading.Thread(target=watch, daemon=True).start()


start_watching()
with runs().one():
    main()
