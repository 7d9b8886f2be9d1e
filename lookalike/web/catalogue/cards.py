"""A product on the page Catalogue: its picture, its name and a link to products like it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

import streamlit as st

from lookalike.index.catalogue import Catalogue, Product
from lookalike.web import pictures
from lookalike.web import texts as common
from lookalike.web.catalogue import texts

CacheKey: TypeAlias = tuple[str, Hashable]
"""The folder and the version of an index: a value that is cached under them holds as long as they do."""

# Two cards fit side by side on a phone 390 pixels wide.
CARD_WIDTH = 152

# As the cards of the page Look up: a picture fills its width; long names end after two lines.
STYLE = """<style>
[class*="st-key-tile"] > [data-testid="stElementContainer"]:first-child { aspect-ratio: var(--portrait); }
[class*="st-key-tile"] img { aspect-ratio: var(--portrait); width: 100%; height: auto; object-fit: contain;
  background: white; border-radius: var(--radius); outline: 1px solid var(--frame); outline-offset: -1px; }
[class*="st-key-tile"] strong { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
  overflow: hidden; line-height: 1.35; font-weight: 600; }
</style>"""


@dataclass(frozen=True)
class PageContext:
    """What every part of the page needs.

    Attributes:
        catalogue: the index that the page is about.
        key: its folder and version, for caches.
        home: the page that "More like this" leads to; None where the page stands alone: then it is a link.
    """

    catalogue: Catalogue
    key: CacheKey
    home: st.Page | None


def draw_card(context: PageContext, product: Product, key: str, title: str = "", note: str = "") -> None:
    """Draw one product. key is unique on the page; title (Markdown) replaces its name, note its attributes and id."""
    with st.container(width=CARD_WIDTH, gap="xsmall", key=f"tile-{key}"):
        pictures.draw_product(context.catalogue, product, context.key[1], if_missing=common.IMAGE_MISSING)
        st.markdown(title or texts.name(product))
        st.caption(common.escape_markdown(note or texts.details_and_id(product)))
        if context.home is not None:
            st.page_link(context.home, label=common.MORE_LIKE_THIS, query_params={"product": product.identity})
        else:
            # A relative address also works where the app is served below a path of its own.
            address = f"./?product={quote(product.identity, safe='')}"
            st.link_button(common.MORE_LIKE_THIS, address, key=f"more-{key}")


def draw_download(content: bytes | Callable[[], bytes], filename: str) -> None:
    """Draw the button that downloads a CSV file: its content, or what makes it once somebody wants it."""
    st.download_button(texts.DOWNLOAD, content, filename, "text/csv", on_click="ignore", icon=":material/download:")
