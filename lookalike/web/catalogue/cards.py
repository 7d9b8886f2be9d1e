"""A product on the page Catalogue: its picture, its words and the way to products like it."""

from urllib.parse import quote

import streamlit as st

from lookalike.web import pictures, texts
from lookalike.web.catalogue import texts as words

# Two fill the row of a group on a phone of 390 pixels.
WIDTH = 152

# Pictures of one height keep the names below them in line; long names end after two lines.
STYLE = """<style>
[class*="st-key-tile"] img { height: 150px; object-fit: contain; background: white; }
[class*="st-key-tile"] strong { display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical;
  overflow: hidden; }
</style>"""


def product_card(product, name, key, home, says="", note=""):
    """One product; name tells this card from the page's others, says, in Markdown, stands for its name."""
    with st.container(border=True, width=WIDTH, gap="xsmall", key=f"tile-{name}"):
        image = pictures.of_product(product, key[1])
        if image:
            st.image(image, width="stretch", alt=texts.alt(product))
        else:
            st.caption(texts.IMAGE_MISSING)
        st.markdown(says or words.name(product))
        st.caption(texts.escape(note or words.small_print(product)))
        more_like_this(product, name, home)


def more_like_this(product, name, home):
    if home is not None:
        st.page_link(home, label=words.MORE_LIKE_THIS, query_params={"product": product.identity})
    else:
        # Relative, so that it also leads home where the app is served below a path of its own.
        st.link_button(words.MORE_LIKE_THIS, f"./?product={quote(product.identity, safe='')}", key=f"more-{name}")


def download(content, filename):
    # With a BOM, or Excel takes the letters of "für Männer" for others.
    table = content.encode("utf-8-sig")
    st.download_button(words.DOWNLOAD, table, filename, "text/csv", on_click="ignore", icon=":material/download:")
