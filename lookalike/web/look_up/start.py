"""Every way to begin: a file, the camera, the clipboard, a web address, or a product of the shop itself."""

import random

import streamlit as st

from lookalike.errors import LookalikeError
from lookalike.serving import telemetry
from lookalike.serving.web_fetch import fetch_image
from lookalike.web import pictures, texts, visitors
from lookalike.web.components.paste import paste
from lookalike.web.look_up import session
from lookalike.web.look_up.answers import word_search

SUFFIXES = ["jpg", "jpeg", "png", "webp", "heic", "heif", "avif", "gif", "bmp", "tif", "tiff"]

MAX_BYTES = 20_000_000

FOUND, FOUND_WIDTH = 12, 108

EXAMPLES, EXAMPLE_WIDTH = 3, 136

EXAMPLE_COLUMN = "articleType"


def draw(shop, version, keep_in):
    """The uploader and the buttons of the other ways; what a button opens appears below it."""
    uploader(keep_in)
    if keep_in:
        st.caption(texts.PHOTOS_KEPT)
    with st.container(horizontal=True, gap="small", key="ways"):
        for way, label, icon in (
            ("camera", texts.CAMERA, ":material/photo_camera:"),
            ("address", texts.ADDRESS, ":material/link:"),
            ("pick", texts.PICK, ":material/search:"),
        ):
            kind = "primary" if st.session_state.get("way") == way else "secondary"
            st.button(label, icon=icon, type=kind, key=f"way-{way}", on_click=_toggle, args=(way,))
        surprise = st.button(texts.SURPRISE, icon=":material/casino:", key="surprise")
        with st.container(width=150):
            paste(texts.PASTE_WORDS, MAX_BYTES, _key("paste"), lambda photo: session.ask_photos([photo]))
    if surprise:
        _surprise(shop)
    opened = {"camera": camera, "address": address, "pick": lambda: pick(shop, version)}
    opened.get(st.session_state.get("way"), lambda: None)()


def examples(shop, version):
    """Three products of the shop to tap, for who is here for the first time."""
    st.write(f"**{texts.EXAMPLES}**")
    with st.container(horizontal=True, gap="small", key="examples"):
        for row in _example_rows(shop, version):
            _tappable(shop.index.product(row), version, "example", EXAMPLE_WIDTH)


def uploader(keep_in):
    """Streamlit's uploader, empty again once its photos are the query."""
    key = _key("upload")
    st.file_uploader(
        texts.UPLOAD,
        type=SUFFIXES,
        accept_multiple_files=True,
        key=key,
        help=texts.UPLOAD_HELP if keep_in else f"{texts.UPLOAD_HELP} {texts.PHOTOS_NOT_KEPT}",
        on_change=lambda: _take_files(st.session_state[key]),
    )


def camera():
    """The camera, asked for only once its button is tapped."""
    key = _key("camera")
    st.camera_input(texts.CAMERA_LABEL, key=key, on_change=lambda: _take_files([st.session_state[key]]))


def address():
    """The address of a picture on the web."""
    with st.form(_key("address-form"), border=False):
        typed = st.text_input(texts.ADDRESS_LABEL, placeholder=texts.ADDRESS_PLACEHOLDER, key=_key("address"))
        if not st.form_submit_button(texts.ADDRESS_GO) or not typed.strip():
            return
    try:
        visitors.count()
        with st.spinner(texts.FETCHING):
            photo = fetch_image(typed.strip())
    except LookalikeError as error:
        telemetry.failed(error)
        st.error(texts.escape(str(error)))
        return
    session.ask_photos([photo])
    st.rerun()


def pick(shop, version):
    """Products by their number or by words of their attributes."""
    typed = st.text_input(texts.PICK_LABEL, placeholder=texts.PICK_PLACEHOLDER, key=_key("pick"))
    if not typed.strip():
        return
    rows = word_search(shop, version).find(typed, FOUND)
    if not rows:
        st.caption(texts.PICK_NOTHING)
    with st.container(horizontal=True, gap="small", key="found"):
        for row in rows:
            _tappable(shop.index.product(row), version, "found", FOUND_WIDTH)


def _take_files(files):
    contents = [file.getvalue() for file in files if file is not None]
    if contents:
        session.ask_photos(contents)
        if len(contents) > session.MAX_PHOTOS:
            st.toast(texts.TOO_MANY_PHOTOS.format(most=session.MAX_PHOTOS))


def _tappable(product, version, kind, width):
    """A product's picture that is one large button."""
    with st.container(width=width, key=f"tap-{kind}-{product.identity}", gap="xsmall"):
        image = pictures.of_product(product, version)
        if image:
            st.image(image, width="stretch", alt="")
        label = texts.escape(texts.alt(product))
        st.button(label, key=f"{kind}-{product.identity}", on_click=session.ask_product, args=(product.identity,))


def _surprise(shop):
    # Not for secrets: any product will do.
    session.ask_product(shop.index.product(random.randrange(len(shop.index.names))).identity)  # noqa: S311 # nosec B311 - a random example, no secret
    st.rerun()


@st.cache_data(max_entries=1, show_spinner=False)
def _example_rows(_shop, version):
    """Products of different kinds, the catalogue's most frequent ones; the same ones every time."""
    facets, n = _shop.facets, len(_shop.index.names)
    words = facets.words.get(EXAMPLE_COLUMN, ())[:EXAMPLES]
    rows = [int((facets.codes[EXAMPLE_COLUMN] == place).argmax()) for place in range(len(words))]
    return rows if len(rows) == EXAMPLES else sorted({0, n // 2, n - 1})


def _toggle(way):
    st.session_state.way = None if st.session_state.get("way") == way else way


def _key(name):
    return f"{name}-{session.generation()}"
