"""Make the first index from the page itself, on a host that runs no command but streamlit run app.py."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import streamlit as st

from lookalike.errors import CatalogueError
from lookalike.images.discovery import find_images
from lookalike.web import texts

# More take longer than a person waits for a page, and belong to a machine with a terminal.
MAX_IMAGES = 2000
MAX_IMAGES_AGE_SECONDS = 60
SECONDS_BETWEEN_LOOKS = 0.5

PROGRESS = re.compile(r"([\d,]+) of ([\d,]+)$")


class IndexRun:
    """A run of the command that indexes, in a process of its own, and how far it is."""

    def __init__(self, folder: Path) -> None:
        """Start it for the images in folder/images; the index goes into folder."""
        self.share, self.said = 0.0, ""
        command = [sys.executable, "-m", "lookalike", "index", "--images", str(folder / "images"), "--output"]
        paths = [str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(  # noqa: S603 # nosec B603 - our own command, no shell
            [*command, str(folder)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def exit_code(self) -> int | None:
        """The exit code of the command, None while it runs."""
        return self._process.poll()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            sys.stderr.write(line)
            if found := PROGRESS.search(line):
                done, of = (int(number.replace(",", "")) for number in found.groups())
                self.share, self.said = min(done / max(of, 1), 1.0), line.strip()


def offer(index: str, at_start: bool) -> None:
    """Offer to make the index in a folder, or make it at once if at_start; the page runs again when it is there.

    Nothing is drawn where there is an index, if only a damaged one, or no small folder images.
    """
    folder = Path(index)
    count = _count_images(folder)
    if not 0 < count <= MAX_IMAGES or (folder / "index.json").exists() or (folder / "filenames.pkl").exists():
        return
    runs, lock = _runs()
    st.write(texts.MAKE_INDEX_HINT.format(count=count, folder=f"`{folder / 'images'}`"))
    wanted = st.button(texts.MAKE_INDEX, type="primary")
    with lock:
        run = runs.get(index)
        # A run that failed is begun again only by somebody's tap.
        if (wanted and (run is None or run.exit_code is not None)) or (at_start and run is None):
            run = runs[index] = IndexRun(folder)
    if run and _follow(run) == 0:
        runs.pop(index, None)
        st.rerun()


def _follow(run: IndexRun) -> int:
    """Show how far a run is until it ends, and return its exit code."""
    bar = st.progress(0.0, texts.MAKING_INDEX)
    while (exit_code := run.exit_code) is None:
        bar.progress(run.share, run.said or texts.MAKING_INDEX)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    bar.empty()
    if exit_code:
        st.error(texts.NO_INDEX_MADE)
    return exit_code


@st.cache_data(ttl=MAX_IMAGES_AGE_SECONDS, show_spinner=False)
def _count_images(folder: Path) -> int:
    try:
        return len(find_images(folder / "images"))
    except CatalogueError:
        return 0


@st.cache_resource(show_spinner=False)
def _runs() -> tuple[dict[str, IndexRun], threading.Lock]:
    """Return the process's runs by the folder of their index, and their lock: all visitors follow the same run."""
    return {}, threading.Lock()
