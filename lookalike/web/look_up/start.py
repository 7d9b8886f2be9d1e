"""Every way to start a search: a file, the camera, the clipboard, a web address, or a product of the shop."""

import random
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import DeletedFile, UploadedFile

from lookalike.errors import LookalikeError, TemporaryError
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.images.discovery import image_suffixes
from lookalike.index.attributes import TYPE_COLUMN
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.serving.web_fetch import fetch_image
from lookalike.web import actions, pictures, texts, visitors
from lookalike.web.components.paste import paste
from lookalike.web.look_up import session
from lookalike.web.look_up.answers import word_search
from lookalike.web.look_up.permalink import WAYS

MAX_FOUND, FOUND_WIDTH = 12, 108
EXAMPLES, EXAMPLE_WIDTH = 3, 136
PASTE_WIDTH = 150  # on a phone, style.css makes room for its camera, too
WAY_LABELS = (texts.CAMERA, texts.ADDRESS, texts.PICK)
WAY_ICONS = (":material/photo_camera:", ":material/link:", ":material/search:")


def draw(recommender: Recommender, version: Hashable, keeps_photos: bool, opened: str) -> None:
    """Draw the uploader and a button for each other way of WAYS; the one that is opened appears below them."""
    draw_uploader(keeps_photos)
    if keeps_photos:
        st.caption(texts.PHOTOS_KEPT)
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


def draw_address_form() -> None:
    """Draw the field for a picture's web address, and fetch the picture once it is submitted."""
    with st.form(session.start_key("address-form"), border=False):
        key = session.start_key("address")
        typed = st.text_input(texts.ADDRESS_LABEL, placeholder=texts.ADDRESS_PLACEHOLDER, key=key).strip()
        is_wanted = st.form_submit_button(texts.ADDRESS_GO)
    # An address whose turn has not come yet is asked for again.
    if not typed or not is_wanted and st.session_state.get("address_to_fetch") != typed:
        return
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


def draw_word_search(recommender: Recommender, version: Hashable) -> None:
    """Draw the search for products by their number or by words of their attributes."""
    typed = st.text_input(texts.PICK_LABEL, placeholder=texts.PICK_PLACEHOLDER, key=session.start_key("pick"))
    if not typed.strip():
        return
    rows = word_search(recommender).find(typed, MAX_FOUND)
    if not rows:
        st.caption(texts.PICK_NOTHING)
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


def _draw_tappable(recommender: Recommender, version: Hashable, rows: Sequence[int], kind: str, width: int) -> None:
    """Draw products, each with its picture and name as one large button."""
    for product in map(recommender.index.product, rows):
        identity = product.identity
        with st.container(width=width, key=f"tap-{kind}-{identity}", gap="xsmall"):
            pictures.draw_product(recommender.index, product, version, alt="")
            label = texts.escape_markdown(texts.alt_text(product))
            actions.button(label, f"{kind}-{identity}", partial(session.search_product, identity))


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
