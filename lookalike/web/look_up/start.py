"""Every way to start a search: a file, the camera, the clipboard, a web address, or a product of the shop."""

import random
from collections.abc import Hashable, Sequence
from typing import Literal

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lookalike.errors import LookalikeError
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.index.attributes import TYPE_COLUMN
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.serving.web_fetch import fetch_image
from lookalike.web import pictures, texts, visitors
from lookalike.web.components.paste import paste
from lookalike.web.look_up import session
from lookalike.web.look_up.answers import word_search

SUFFIXES = ["jpg", "jpeg", "png", "webp", "heic", "heif", "avif", "gif", "bmp", "tif", "tiff"]
MAX_FOUND, FOUND_WIDTH = 12, 108
EXAMPLES, EXAMPLE_WIDTH = 3, 136
PASTE_WIDTH = 150


def draw(recommender: Recommender, version: Hashable, keeps_photos: bool) -> None:
    """Draw the uploader and a button for each other way; what a button opens appears below it."""
    draw_uploader(keeps_photos)
    if keeps_photos:
        st.caption(texts.PHOTOS_KEPT)
    opened = st.session_state.get("way")
    with st.container(horizontal=True, gap="small", key="ways"):
        for way, label, icon in (
            ("camera", texts.CAMERA, ":material/photo_camera:"),
            ("address", texts.ADDRESS, ":material/link:"),
            ("pick", texts.PICK, ":material/search:"),
        ):
            kind: Literal["primary", "secondary"] = "primary" if opened == way else "secondary"
            st.button(label, icon=icon, type=kind, key=f"way-{way}", on_click=_toggle_way, args=(way,))
        wants_surprise = st.button(texts.SURPRISE, icon=":material/casino:", key="surprise")
        with st.container(width=PASTE_WIDTH):
            paste(texts.PASTE_WORDS, MAX_PHOTO_BYTES, _key("paste"), lambda photo: session.search_photos([photo]))
    if wants_surprise:
        _search_random_product(recommender)
    if opened == "camera":
        draw_camera()
    elif opened == "address":
        draw_address_form()
    elif opened == "pick":
        draw_word_search(recommender, version)


def draw_examples(recommender: Recommender, version: Hashable) -> None:
    """Draw three products of the shop to tap, for a first visit."""
    st.write(f"**{texts.EXAMPLES}**")
    with st.container(horizontal=True, gap="small", key="examples"):
        _draw_tappable(recommender, version, _example_rows(recommender, version), "example", EXAMPLE_WIDTH)


def draw_uploader(keeps_photos: bool) -> None:
    """Draw Streamlit's uploader, empty again once its photos are the query."""
    key = _key("upload")
    st.file_uploader(
        texts.UPLOAD,
        type=SUFFIXES,
        accept_multiple_files=True,
        key=key,
        help=texts.UPLOAD_HELP if keeps_photos else f"{texts.UPLOAD_HELP} {texts.PHOTOS_NOT_KEPT}",
        on_change=lambda: _take_files(st.session_state[key]),
    )


def draw_camera() -> None:
    """Draw the camera, which the browser asks about only now that its button was tapped."""
    key = _key("camera")
    st.camera_input(texts.CAMERA_LABEL, key=key, on_change=lambda: _take_files([st.session_state[key]]))


def draw_address_form() -> None:
    """Draw the field for a picture's web address, and fetch the picture once it is submitted."""
    with st.form(_key("address-form"), border=False):
        typed = st.text_input(texts.ADDRESS_LABEL, placeholder=texts.ADDRESS_PLACEHOLDER, key=_key("address"))
        if not st.form_submit_button(texts.ADDRESS_GO) or not typed.strip():
            return
    try:
        visitors.count_question()
        with st.spinner(texts.FETCHING):
            photo = fetch_image(typed.strip())
    except LookalikeError as error:
        telemetry.failed(error)
        st.error(texts.escape_markdown(str(error)))
        return
    session.search_photos([photo])
    st.rerun()


def draw_word_search(recommender: Recommender, version: Hashable) -> None:
    """Draw the search for products by their number or by words of their attributes."""
    typed = st.text_input(texts.PICK_LABEL, placeholder=texts.PICK_PLACEHOLDER, key=_key("pick"))
    if not typed.strip():
        return
    rows = word_search(recommender, version).find(typed, MAX_FOUND)
    if not rows:
        st.caption(texts.PICK_NOTHING)
    with st.container(horizontal=True, gap="small", key="found"):
        _draw_tappable(recommender, version, rows, "found", FOUND_WIDTH)


def _take_files(files: Sequence[UploadedFile | None]) -> None:
    contents = [file.getvalue() for file in files if file is not None]
    if contents:
        session.search_photos(contents)
        if len(contents) > session.MAX_PHOTOS:
            st.toast(texts.TOO_MANY_PHOTOS.format(max_photos=session.MAX_PHOTOS))


def _draw_tappable(recommender: Recommender, version: Hashable, rows: Sequence[int], kind: str, width: int) -> None:
    """Draw products, each with its picture and name as one large button."""
    for product in map(recommender.index.product, rows):
        identity = product.identity
        with st.container(width=width, key=f"tap-{kind}-{identity}", gap="xsmall"):
            pictures.draw_product(recommender.index, product, version, alt="")
            label = texts.escape_markdown(texts.alt_text(product))
            st.button(label, key=f"{kind}-{identity}", on_click=session.search_product, args=(identity,))


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
    return rows if len(rows) == EXAMPLES else sorted({0, n // 2, n - 1})


def _toggle_way(way: str) -> None:
    st.session_state.way = None if st.session_state.get("way") == way else way


def _key(name: str) -> str:
    return f"{name}-{session.generation()}"
