"""What a visitor does, done exactly once: by a widget's callback or, where Streamlit calls none, by what it returns.

A phone that slept, or a server that was started again, leaves a page in the browser whose session is gone. The first
thing done on it comes with the first run of a new session, and Streamlit calls no callback for a widget that this
session has not drawn yet.
"""

import gc
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st

from lookalike.errors import LookalikeError, ShortageError, TemporaryError, is_out_of_memory
from lookalike.serving import telemetry
from lookalike.web import texts


def is_first_drawn(key: str) -> bool:
    """Return whether this session draws a widget for the first time, so that its callback cannot have been called."""
    drawn: set[str] = st.session_state.setdefault("drawn", set())
    is_first = key not in drawn
    drawn.add(key)
    return is_first


def button(label: str, key: str, act: Callable[[], None], **options: Any) -> None:
    """Draw Streamlit's button, which acts before the page is drawn again."""
    is_first = is_first_drawn(key)
    if st.button(label, key=key, on_click=act, **options) and is_first:
        act()
        st.rerun()


@contextmanager
def memory_may_be_short() -> Iterator[None]:
    """Raise TemporaryError where the block runs out of memory: it may be free again in a moment."""
    try:
        yield
    except LookalikeError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        telemetry.count_error(error)
        gc.collect()
        raise ShortageError(texts.THE_SHOP, "too little memory is free") from None


def try_again_later(error: TemporaryError) -> None:
    """Show an error that passes, and run the page again once its seconds are over, or when the visitor asks for it."""
    seconds = math.ceil(error.retry_after)
    due = time.monotonic() + seconds
    st.warning(f"{texts.escape_markdown(str(error))} {texts.GOES_ON.format(seconds=seconds)}")

    @st.fragment(run_every=seconds)
    def wait() -> None:
        if st.button(texts.TRY_AGAIN, key="try-again") or time.monotonic() >= due:
            st.rerun()

    wait()
