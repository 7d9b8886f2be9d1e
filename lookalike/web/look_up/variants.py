"""A product's variants on the page: another color leads to more like it, a size to its page in the shop."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lookalike.index.catalogue import Product
from lookalike.index.offers import SIZE, offer_of
from lookalike.web import actions, clicks, texts
from lookalike.web.look_up import session

# A dress may come in forty colors.
MAX_COLORS, MAX_SIZES = 6, 12
SIZE_SCALE = ("XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL")


def draw(product: Product, variants: Sequence[Product], rank: int = 0) -> None:
    """Draw the variants of a product at its rank in an answer; nothing if it has none that the table tells apart."""
    others = _by_label(product, variants)
    same = others.pop("", [])
    if others:
        _draw_others(product, others, rank)
    if same:
        _draw_sizes([product, *same], rank)


def _by_label(product: Product, variants: Sequence[Product]) -> dict[str, list[Product]]:
    """Return the variants by what tells them from the product beside their size, "" for nothing, in order."""
    found: dict[str, list[Product]] = {}
    for variant in variants:
        found.setdefault(texts.variant_label(variant, product), []).append(variant)
    return found


def _draw_others(product: Product, others: dict[str, list[Product]], rank: int) -> None:
    """Draw a button for each label: it asks for products like the first variant in stock that has it."""
    with st.container(horizontal=True, gap="xsmall", key=f"variants-{rank}", vertical_alignment="center"):
        st.caption(texts.ALSO_IN, width="content")
        for label, alike in list(others.items())[:MAX_COLORS]:
            variant = next((one for one in alike if offer_of(one.attributes).is_in_stock), alike[0])
            search_similar = partial(_search_similar, product.identity, variant.identity, rank)
            key = f"variant-{rank}-{variant.identity}"
            actions.button(texts.escape_markdown(label), key, search_similar, type="tertiary")
        if len(others) > MAX_COLORS:
            st.caption(texts.more_variants_note(len(others) - MAX_COLORS), width="content")


def _draw_sizes(products: Sequence[Product], rank: int) -> None:
    """Draw the sizes of products that differ in nothing else, the smallest first, each with the way to its page."""
    sizes: dict[str, Product] = {}
    for product in products:
        if size := product.attributes.get(SIZE):
            sizes.setdefault(size, product)
    if len(sizes) < 2:
        return
    ordered = sorted(sizes, key=_size_order)
    shown = [_size(size, sizes[size], rank) for size in ordered[:MAX_SIZES]]
    more = [texts.more_variants_note(len(sizes) - MAX_SIZES)] if len(sizes) > MAX_SIZES else []
    with st.container(key=f"sizes-{rank}"):
        st.markdown(f"{texts.SIZES}: {' · '.join([*shown, *more])}")


def _size_order(size: str) -> tuple[int, float]:
    """Return what sizes are ordered by: numbers, then S, M, L and so on, then all others as they come."""
    if size.upper() in SIZE_SCALE:
        return 1, SIZE_SCALE.index(size.upper())
    try:
        return 0, float(size.replace(",", "."))
    except ValueError:
        return 2, 0


def _size(size: str, product: Product, rank: int) -> str:
    """Return a size as Markdown: a link to its page in the shop where there is one, struck through if out of stock."""
    offer, label = offer_of(product.attributes), texts.escape_markdown(size)
    if not offer.is_in_stock:
        label = f"~~{label}~~"
    # In angle brackets, an address may hold parentheses; offer_of lets none of those through.
    return f"[{label}](<{clicks.shop_link(product.identity, offer.link, rank)}>)" if offer.link else label


def _search_similar(shown: str, variant: str, rank: int) -> None:
    clicks.count("similar", shown, rank)
    session.search_similar(variant)
