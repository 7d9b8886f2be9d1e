"""Every way to start a search: a file, the camera, the clipboard, a web address, or a product of the shop."""

import random
import re
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from lookalike.errors import LookalikeError, TemporaryError
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.images.discovery import image_suffixes
from lookalike.images.web_fetch import fetch_image
from lookalike.index.attributes import TYPE_COLUMN
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.web import actions, pictures, texts, visitors
from lookalike.web.components.paste import paste
from lookalike.web.look_up import session
from lookalike.web.look_up.answers import find_by_words
from lookalike.web.look_up.permalink import WAYS

MAX_FOUND, FOUND_WIDTH = 12, 108
EXAMPLES, EXAMPLE_WIDTH = 6, 136
# So many answers of each example, and their pictures, which are small.
ANSWERS, ANSWER_SIDE = 3, 160
PASTE_WIDTH = 150  # on a phone, style.css makes room for its camera, too
WAY_LABELS, WAY_ICONS = (texts.CAMERA,), (":material/photo_camera:",)
# What is typed is an address if it names a scheme, or a host and a path without spaces.
ADDRESS = re.compile(r"[a-z][a-z\d+.-]*://|www\.|[^\s/]+\.[a-z]{2,}(:\d+)?/\S*$", re.IGNORECASE)


def draw(recommender: Recommender, version: Hashable, keeps_photos: bool, opened: str) -> None:
    """Draw the uploader, the field for words and addresses, and a button for each way of WAYS, which it opens."""
    draw_uploader(keeps_photos)
    if keeps_photos:
        st.caption(texts.PHOTOS_KEPT)
    draw_field(recommender, version)
    with st.container(horizontal=True, gap="small", key="ways"):
        for way, label, icon in zip(WAYS, WAY_LABELS, WAY_ICONS):
            kind: Literal["primary", "secondary"] = "primary" if opened == way else "secondary"
            actions.button(label, f"way-{way}", partial(session.toggle_way, way), icon=icon, type=kind)
        wants_surprise = st.button(texts.SURPRISE, icon=":material/casino:", key="surprise")
        with st.container(width=PASTE_WIDTH, key="paste"):
            _search(_paste("paste"))
    if wants_surprise:
        _search_random_product(recommender)
    if opened == "camera":
        draw_camera()


def draw_examples(recommender: Recommender, version: Hashable) -> None:
    """Draw a few products of the shop to tap, each with its first answers, small; a tap answers it on this page."""
    st.header(texts.EXAMPLES, anchor=False)
    rows = _example_rows(recommender, version)
    try:
        found = _example_answers(recommender, version)
    except LookalikeError:
        found = []  # what is wrong is said to those who ask
    with st.container(horizontal=True, gap="small", key="examples"):
        _draw_tappable(recommender, version, rows, "example", EXAMPLE_WIDTH, found)


def draw_uploader(keeps_photos: bool) -> None:
    """Draw Streamlit's uploader, empty again once its photos are the query.

    It takes any file: what is an image is told by its content, not by its name.
    """
    files = st.file_uploader(
        texts.UPLOAD,
        accept_multiple_files=True,
        key=session.start_key("upload"),
        help=texts.UPLOAD_HELP if keeps_photos else f"{texts.UPLOAD_HELP} {texts.PHOTOS_NOT_KEPT}",
    )
    _take_files(files)


def draw_camera() -> None:
    """Draw the camera, which the browser asks about only now that its button was tapped."""
    _take_files([st.camera_input(texts.CAMERA_LABEL, key=session.start_key("camera"), resolution="1080p")])


def draw_field(recommender: Recommender, version: Hashable) -> None:
    """Draw the field for words, a product's number or a picture's web address, and answer it once it is submitted."""
    with (
        st.form(session.start_key("field-form"), border=False),
        st.container(horizontal=True, gap="small", vertical_alignment="bottom"),
    ):
        key = session.start_key("field")
        typed = st.text_input(texts.FIELD_LABEL, placeholder=texts.FIELD_PLACEHOLDER, key=key).strip()
        is_wanted = st.form_submit_button(texts.FIELD_GO, icon=":material/search:")
    if ADDRESS.match(typed):
        # An address whose turn has not come yet is asked for again.
        if is_wanted or st.session_state.get("address_to_fetch") == typed:
            _fetch(typed)
    elif typed:
        _draw_found(recommender, version, typed)


def _fetch(typed: str) -> None:
    """Make the picture at a web address the query."""
    st.session_state.address_to_fetch = typed
    try:
        visitors.count_question()
        with st.spinner(texts.FETCHING):
            photo = fetch_image(typed)
    except TemporaryError as error:
        actions.try_again_later(error)
        return
    except LookalikeError as error:
        del st.session_state.address_to_fetch
        telemetry.failed(error)
        st.error(texts.escape_markdown(str(error)))
        return
    del st.session_state.address_to_fetch
    session.search_photos([photo])
    st.rerun()


def _draw_found(recommender: Recommender, version: Hashable, typed: str) -> None:
    """Draw the products that have a number, that words name, or whose pictures show what words say."""
    rows, understood = find_by_words(recommender, typed, MAX_FOUND)
    if understood.unknown:
        st.caption(
            texts.escape_markdown(texts.not_understood_note(understood.known, understood.unknown, texts.FIELD_ADVICE))
        )
    elif not rows:
        st.caption(texts.NOTHING_FOUND)
    with st.container(horizontal=True, gap="small", key="found"):
        _draw_tappable(recommender, version, rows, "found", FOUND_WIDTH)


def _take_files(files: Sequence[UploadedFile | DeletedFile | None]) -> None:
    """Make the files chosen the query; without any, do nothing."""
    # The browser may still name files of a session that is gone.
    _search([file.getvalue() for file in files if isinstance(file, UploadedFile)])


def listen() -> bool:
    """Let photos be pasted and dropped anywhere on the page; return whether the visitor just did so."""
    with st.container(key="listen"):
        contents = _paste("listen", listens=True)
    if contents:
        session.search_photos(contents)
    return bool(contents)


def _paste(name: str, listens: bool = False) -> list[bytes]:
    accept = ",".join(["image/*", *sorted(image_suffixes())])
    key = session.start_key(name)
    return paste(texts.PASTE_WORDS, session.MAX_PHOTOS, MAX_PHOTO_BYTES, accept, key, listens)


def _search(contents: Sequence[bytes]) -> None:
    """Make photos the query and run the page again; without any, do nothing."""
    if contents:
        if len(contents) > session.MAX_PHOTOS:
            st.toast(texts.TOO_MANY_PHOTOS.format(max_photos=session.MAX_PHOTOS))
        session.search_photos(contents)
        # Streamlit would hold the files as long as the session lasts.
        if context := get_script_run_ctx():
            context.uploaded_file_mgr.remove_session_files(context.session_id)
        st.rerun()


def _draw_tappable(
    recommender: Recommender,
    version: Hashable,
    rows: Sequence[int],
    kind: str,
    width: int,
    found: Sequence[Sequence[int]] = (),
) -> None:
    """Draw products, each with its picture and name as one large button, and small below it those found for it."""
    index = recommender.index
    for place, product in enumerate(map(index.product, rows)):
        identity, answers = product.identity, found[place] if found else ()
        with st.container(width=width, key=f"tap-{kind}-{identity}", gap="xsmall"):
            pictures.draw_product(index, product, version, alt="")
            if answers:
                with st.container(horizontal=True, gap="xsmall", key=f"alike-{identity}"):
                    for answer in map(index.product, answers):
                        pictures.draw_product(index, answer, version, alt="", side=ANSWER_SIDE)
            label = texts.escape_markdown(texts.alt_text(product))
            actions.button(label, f"{kind}-{identity}", partial(session.search_product, identity), type="tertiary")


def _search_random_product(recommender: Recommender) -> None:
    row = random.randrange(len(recommender.index.names))  # noqa: S311 # nosec B311 - any product will do, this is no secret
    session.search_product(recommender.index.product(row).identity)
    st.rerun()


@st.cache_data(max_entries=1, show_spinner=False)
def _example_rows(_recommender: Recommender, version: Hashable) -> list[int]:
    """Return one product of each of the catalogue's most frequent kinds; the same ones every time."""
    facets, n = _recommender.facets, len(_recommender.index.names)
    words = facets.words.get(TYPE_COLUMN, ())[:EXAMPLES]
    rows = [int((facets.codes[TYPE_COLUMN] == place).argmax()) for place in range(len(words))]
    if len(rows) == EXAMPLES:
        return rows
    spread = sorted({place * (n - 1) // (EXAMPLES - 1) for place in range(EXAMPLES)})
    return _recommender.index.one_of_each(spread)


@st.cache_data(max_entries=1, show_spinner=False)
def _example_answers(_recommender: Recommender, version: Hashable) -> list[list[int]]:
    """Return the rows of the products most like each example."""
    found, index = [], _recommender.index
    for row in _example_rows(_recommender, version):
        matches = _recommender.distinct_matches(
            _recommender.product_vectors(row), ANSWERS, excluded=index.group_rows([row])
        )
        rows = [index.picture_row(match.product) for match in matches]
        found.append([place for place in rows if place is not None])
    return found
