"""Favorites, kept for this visit, and lists to take along."""

import streamlit as st

from lookalike.web import pictures, texts
from lookalike.web.downloads import of_results, to_csv
from lookalike.web.look_up import session

KEPT_WIDTH = 72


def kept():
    """The ids of the favorites, in the order they were kept."""
    return st.session_state.setdefault("favorites", [])


def button(identity):
    """Keep a product, or take it out again."""
    is_kept = identity in kept()
    st.button(
        texts.KEPT if is_kept else texts.KEEP,
        icon=":material/favorite:" if is_kept else ":material/favorite_border:",
        type="primary" if is_kept else "secondary",
        key=f"keep-{identity}",
        width="stretch",
        on_click=_toggle,
        args=(identity,),
    )


def popover(shop, version):
    """The favorites behind one button."""
    # In a new index a product may go by its number that went by its name before.
    kept()[:] = dict.fromkeys(_as_now(shop, identity) for identity in kept())
    rows = [row for row in map(shop.row, kept()) if row is not None]
    with st.popover(texts.favorites(len(rows)), icon=":material/favorite:", key="favorites-list"):
        if not rows:
            st.write(texts.NO_FAVORITES)
            return
        for row in rows:
            _favorite(shop.index.product(row), version)
        _download(
            texts.DOWNLOAD_FAVORITES,
            [(texts.FAVORITES, shop.index.product(row), None) for row in rows],
            texts.FAVORITES_FILE,
            first="list",
        )


def download_results(matches):
    """The results as a table."""
    if matches:
        _download(texts.DOWNLOAD, of_results(matches), texts.RESULTS_FILE)


def _as_now(shop, identity):
    row = shop.row(identity)
    return identity if row is None else shop.index.product(row).identity


def _favorite(product, version):
    identity = product.identity
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"favorite-{identity}"):
        image = pictures.of_product(product, version)
        if image:
            st.image(image, width=KEPT_WIDTH, alt=texts.alt(product))
        with st.container(gap="xsmall"):
            st.markdown(f"**{texts.escape(texts.headline(product))}**")
            with st.container(horizontal=True, gap="xsmall"):
                st.button(
                    texts.MORE_LIKE_THIS, key=f"like-kept-{identity}", on_click=session.ask_product, args=(identity,)
                )
                st.button(texts.FORGET, key=f"forget-{identity}", on_click=_toggle, args=(identity,))


def _download(label, rows, name, **more):
    st.download_button(
        label, to_csv(rows, **more), name, "text/csv", icon=":material/download:", key=name, on_click="ignore"
    )


def _toggle(identity):
    if identity in kept():
        kept().remove(identity)
    else:
        kept().append(identity)
