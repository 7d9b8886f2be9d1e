"""The page: a photo in, five products out. Start it with: streamlit run app.py"""

import os
from pathlib import Path

import streamlit as st

from lookalike import texts
from lookalike.errors import ImageError, LookalikeError
from lookalike.images import thumbnail
from lookalike.loading import index_version, load_recommender
from lookalike.uploads import keep

INDEX = os.environ.get("LOOKALIKE_INDEX", ".")
# Empty, the default, keeps nothing; a shop that may keep photos sets it to a folder such as uploads.
KEEP_UPLOADS_IN = os.environ.get("LOOKALIKE_KEEP_UPLOADS", "")
SUFFIXES = ["jpg", "jpeg", "png", "webp", "heic", "heif", "avif", "gif", "bmp", "tif", "tiff"]
STYLE = Path(__file__).parent / ".streamlit" / "style.css"
CARD_WIDTH, THUMBNAIL_SIDE = 168, 480


@st.cache_resource(max_entries=1, show_spinner=texts.LOADING)
def recommender(folder, version):
    return load_recommender(folder)


@st.cache_data(max_entries=5000, show_spinner=False)
def picture(path, version):
    try:
        return thumbnail(path, THUMBNAIL_SIDE)
    except ImageError:
        return None


def main():
    st.set_page_config(page_title=texts.TITLE, page_icon="👗", layout="wide")
    st.html(STYLE)
    st.title(texts.TITLE)
    st.write(texts.LEAD)
    version = index_version(INDEX)
    try:
        shop = recommender(INDEX, version)
    except LookalikeError as error:
        return no_index(error)
    photo = st.file_uploader(
        texts.UPLOAD, type=SUFFIXES, help=texts.UPLOAD_HELP_KEPT if KEEP_UPLOADS_IN else texts.UPLOAD_HELP
    )
    if photo is not None:
        answer(shop, photo.getvalue(), version)


def no_index(error):
    st.subheader(texts.NO_INDEX)
    st.warning(str(error))
    st.write(texts.NO_INDEX_HINT)
    st.code(texts.NO_INDEX_COMMAND, language="shell")


def answer(shop, photo, version):
    try:
        with st.spinner(texts.SEARCHING):
            shown, matches = thumbnail(photo, THUMBNAIL_SIDE), shop.similar(photo)
            if KEEP_UPLOADS_IN:
                keep(photo, KEEP_UPLOADS_IN)
    except LookalikeError as error:
        st.error(str(error))
        return
    with st.container(horizontal=True, gap="small", key="answer"):
        query_card(shown)
        for match in matches:
            match_card(match, version)


def query_card(shown):
    with card("photo"):
        st.image(shown, width="stretch", alt=texts.YOUR_PHOTO)
        st.markdown(f"**{texts.YOUR_PHOTO}**")
        st.caption(texts.RESULTS_HINT)


def match_card(match, version):
    product = match.product
    with card(match.rank):
        image = picture(str(product.path), version)
        if image:
            st.image(image, width="stretch", alt=texts.alt(product))
        else:
            st.caption(texts.IMAGE_MISSING)
        st.badge(texts.closeness(match))
        st.markdown(f"**{texts.escape(texts.headline(product))}**")
        st.caption(texts.escape(texts.details(product)))
        if match.same:
            same_pictures(match.same, version)


def same_pictures(products, version):
    with st.popover(texts.same_pictures(len(products)), width="stretch"):
        for product in products:
            image = picture(str(product.path), version)
            if image:
                st.image(image, width=120, alt=texts.alt(product))
            st.caption(texts.escape(f"{texts.headline(product)} · {product.id}"))


def card(name):
    # Six cards fill a desktop's row, two a phone's.
    return st.container(border=True, width=CARD_WIDTH, gap="xsmall", key=f"card-{name}")


main()
