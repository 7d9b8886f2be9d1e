"""The app as it is, with a thread that says what is alive in its process: a line of JSON a second in WATCHED_APP.

Photos and indexes are counted by weak references, so that counting keeps nothing alive. Streamlit runs this file.
"""

import gc
import json
import os
import threading
import time
import weakref

import streamlit as st

from lookalike.serving import live_index
from lookalike.web.app import main
from lookalike.web.look_up import session


@st.cache_resource
def start_watching() -> None:
    """Note every photo and index from now on."""
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
            line = json.dumps({"photos": len(photos), "indexes": sum(look() is not None for look in looks)})
            with open(os.environ["WATCHED_APP"], "a") as file:
                file.write(f"{line}\n")
            time.sleep(1)

    threading.Thread(target=watch, daemon=True).start()


start_watching()
main()
