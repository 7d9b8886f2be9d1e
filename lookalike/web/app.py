"""The app: a photo in, five products out. Start it with: streamlit run app.py"""

from functools import partial
from pathlib import Path
from typing import Literal

import streamlit as st

from lookalike.errors import LookalikeError, TemporaryError
from lookalike.serving import telemetry
from lookalike.serving.live_index import Served
from lookalike.serving.state import server_state
from lookalike.web import actions, first_index, staff, texts
from lookalike.web.catalogue import page as catalogue_page
from lookalike.web.look_up import page as look_up_page
from lookalike.web.look_up import session, start
from lookalike.web.upload_addresses import keep_upload_addresses

STYLE = Path(__file__).with_name("style.css")


def main() -> None:
    """Draw the page that is open. Streamlit runs this again for every visitor and every click."""
    try:
        draw_page()
    finally:
        server_state().garbage.collect_if_due()


def draw_page() -> None:
    """Draw what every page has, and the one that is open."""
    telemetry.set_up_logs()
    keep_upload_addresses()
    server_state().start_health_server()
    st.set_page_config(page_title=texts.TITLE, page_icon="👗", layout="wide")
    st.html(STYLE)
    look_up = st.Page(show_look_up, title=texts.LOOK_UP_PAGE, default=True)
    pages = [look_up]
    if server_state().settings.staff_page != "off":
        # Shoppers need not see that it exists; whoever has its address is asked who they are.
        visibility: Literal["visible", "hidden"] = "visible" if staff.is_admitted() else "hidden"
        show = partial(show_catalogue, look_up)
        pages += [st.Page(show, title=texts.CATALOGUE_PAGE, url_path="catalogue", visibility=visibility)]
    # A single page has nothing to choose from, and Streamlit draws no menu then.
    page = st.navigation(pages, position="top")
    try:
        with actions.memory_may_be_short():
            page.run()
    except TemporaryError as error:
        actions.try_again_later(error)


def show_look_up() -> None:
    """Draw the page Look up."""
    recommender, version = open_index()
    look_up_page.show(recommender, version, server_state().settings.keep_uploads_in)


def show_catalogue(look_up: st.Page) -> None:
    """Draw the page Catalogue, whose products link to the page Look up, for whom the shop lets in."""
    session.leave_page()
    staff.require_admission()
    recommender, version = open_index()
    if start.listen():
        st.switch_page(look_up)
    catalogue_page.show(recommender, server_state().settings.index, version, look_up)


def open_index() -> Served:
    """Return the recommender over the index as it is now, and its version; without one, say how to make it and stop."""
    state = server_state()
    try:
        with st.spinner(texts.LOADING):
            return state.live(state.settings.index).current()
    except LookalikeError as error:
        st.title(texts.TITLE, anchor=False)
        st.subheader(texts.NO_INDEX, anchor=False)
        st.warning(texts.escape_markdown(str(error)))
        st.write(texts.NO_INDEX_HINT)
        st.code(texts.NO_INDEX_COMMAND, language="shell")
        first_index.offer(state.settings.index, state.settings.index_at_start)
        st.stop()


if __name__ == "__main__":  # lookalike/web/server.py runs this file as its page
    main()
