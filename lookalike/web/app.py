"""The app: a photo in, five products out. Start it with: streamlit run app.py"""

import os
from pathlib import Path

import streamlit as st

from lookalike.errors import LookalikeError
from lookalike.serving import health_server, live_index, telemetry
from lookalike.web import texts
from lookalike.web.catalogue import page as catalogue_page
from lookalike.web.look_up import page as look_up_page
from lookalike.web.look_up import session

INDEX = os.environ.get("LOOKALIKE_INDEX", ".")

# Empty, the default, keeps nothing; a shop that may keep photos sets it to a folder such as uploads.
KEEP_UPLOADS_IN = os.environ.get("LOOKALIKE_KEEP_UPLOADS", "")

STYLE = Path(__file__).parent / "style.css"


def main():
    telemetry.set_up_logs()
    health_server.start(lambda: live_index.shared(INDEX).current()[0])
    st.set_page_config(page_title=texts.TITLE, page_icon="👗", layout="wide")
    st.html(STYLE)
    home = st.Page(lambda: page(look_up_page.show, KEEP_UPLOADS_IN), title=texts.LOOK_UP_PAGE, default=True)
    shelf = st.Page(lambda: page(show_catalogue, home), title=texts.CATALOGUE_PAGE, url_path="catalogue")
    st.navigation([home, shelf], position="top").run()


def page(show, *more):
    """Draw a page over the index as it stands now, or say how to make one."""
    try:
        with st.spinner(texts.LOADING):
            shop, version = live_index.shared(INDEX).current()
    except LookalikeError as error:
        return no_index(error)
    show(shop, INDEX, version, *more)


def show_catalogue(shop, folder, version, home):
    session.gone_elsewhere()
    catalogue_page.show(shop, folder, version, home)


def no_index(error):
    st.title(texts.TITLE, anchor=False)
    st.subheader(texts.NO_INDEX, anchor=False)
    st.warning(str(error))
    st.write(texts.NO_INDEX_HINT)
    st.code(texts.NO_INDEX_COMMAND, language="shell")
