"""How the page puts products, matches and counts into words."""

import tomllib
from pathlib import Path

import pytest

from lookalike.analysis.audit import SuspectLabel
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.index.catalogue import Product
from lookalike.search.recommender import Match
from lookalike.web import texts
from lookalike.web.catalogue import texts as catalogue_texts
from tests.support.data import ROOT


def product(**attributes):
    return Product("images/12.jpg", Path("images/12.jpg"), attributes, "12")


def test_the_headline_is_the_name_the_type_or_the_id():
    assert texts.headline(product(productDisplayName="Nike cap", articleType="Caps")) == "Nike cap"
    assert texts.headline(product(articleType="Caps")) == "Caps"
    assert texts.headline(product()) == "Product 12"


def test_details_do_not_repeat_the_headline():
    assert texts.details(product(articleType="Caps", baseColour="Navy Blue", gender="Men")) == "Navy Blue · Men"
    assert texts.details(product()) == ""
    assert texts.alt_text(product(articleType="Caps", gender="Men")) == "Caps, Men"


def test_closeness_is_a_percentage():
    assert texts.percent_alike(Match(1, 0.0, product())) == "100% alike"
    assert texts.percent_alike(Match(1, 1.0, product())) == "50% alike"
    assert texts.percent_alike(Match(1, 2.0, product())) == "0% alike"


def test_a_shops_text_cannot_contain_markup():
    assert texts.escape_markdown("[a](b) <i> $x$ :+1:") == r"\[a\]\(b\) \<i\> \$x\$ \:\+1\:"
    assert texts.escape_markdown("5. &lt;b&gt;\n===\n") == r"5\. \&lt;b\&gt; \=\=\="


@pytest.mark.parametrize(
    "text, shown",
    [
        ("https://a.example www.a.example", r"https:gray[]\://a.example www:gray[].a.example"),
        ("mailto:me@a.example :heart:", r"mailto\::gray[]me:gray[]@a.example \::gray[]heart\:"),
        (":material/home: :material_home:", r"\::gray[]material/home\: \::gray[]material\_home\:"),
        (":streamlit:", r"\::gray[]streamlit\:"),
        ("a -> b <-> c -- >=", r"a \-:gray[]\> b \<:gray[]\-:gray[]\> c \-:gray[]\- \>:gray[]\="),
    ],
)
def test_what_streamlit_itself_would_turn_into_links_pictures_and_arrows_is_parted(text, shown):
    assert texts.escape_markdown(text) == shown


@pytest.mark.parametrize("space", [" ", "\t\n", "\u00a0", "\u3000"])
def test_spaces_around_a_shops_text_are_left_out(space):
    assert texts.escape_markdown(f"{space}Cap{space}") == "Cap"


def test_further_products_with_the_same_picture_are_counted():
    assert texts.same_picture_label(2) == "+2 similar"


def test_closeness_compared_with_the_shops_own_neighbors():
    assert [texts.closeness_label(share) for share in (1.0, 0.9, 0.3, 0.0)] == [
        "As close as can be", "Closer than 90%", "Somewhat alike", "Loosely alike",
    ]  # fmt: skip
    assert [texts.has_number(share) for share in (1.0, 0.9, 0.3)] == [False, True, False]
    assert [texts.closeness_label(share, of_photo=True) for share in (0.6, 0.02, 0.005)] == [
        "Closer than 60%", "Somewhat alike", "Loosely alike",
    ]  # fmt: skip


def test_columns_and_counts_use_a_shoppers_words():
    assert texts.column_title("baseColour") == "Color" and texts.column_title("sleeve_length") == "Sleeve length"
    assert texts.word_with_count("Red", 1234) == "Red (1,234)"
    assert texts.filters_label(0) == "Filter" and texts.filters_label(2) == "Filter (2)"
    assert texts.favorites_label(0) == "Favorites" and texts.favorites_label(1) == "Favorites (1)"


def test_labels_become_one_line():
    assert texts.label_line(("Shirts", "Navy Blue", "Men")) == "shirts · navy blue · men"
    assert texts.label_line(()) == ""


def test_the_photo_limit_on_the_page_is_the_servers():
    config = tomllib.loads((ROOT / "lookalike" / "web" / ".streamlit" / "config.toml").read_text())
    assert config["server"]["maxUploadSize"] * 1_000_000 == MAX_PHOTO_BYTES
    assert all("20 MB" in text for text in (texts.UPLOAD_HELP, texts.PASTE_WORDS["too_large"]))


def test_the_catalogue_page_counts_in_singular_and_plural():
    assert catalogue_texts.dots_note(1, 1) == "1 product" and catalogue_texts.dots_note(5, 5) == "5 products"
    assert catalogue_texts.dots_note(6000, 44441) == "6,000 of 44,441 products, evenly sampled"
    assert catalogue_texts.truncation_note(20, 143) == "The 20 most frequent of 143."
    assert catalogue_texts.truncation_note(3, 3) == ""


def test_the_catalogue_page_shows_a_shops_text_as_it_is():
    odd = product(productDisplayName="*Cap*", baseColour="[Red]")
    assert catalogue_texts.name_and_values(odd, ["baseColour", "size"]) == (
        "**\\*Cap\\***  \nbaseColour: \\[Red\\]  \nsize: no value"
    )


def test_a_doubtful_attribute_is_shown_with_the_suggested_value():
    label = SuspectLabel(product(articleType="Caps"), "articleType", "", "Hat", 0.9, 0.0)
    assert catalogue_texts.suggestion(label) == "no value → :orange-badge[Hat?]"
    assert catalogue_texts.suspect_note(label) == "90% of its neighbors say so · 12"


def test_a_sentence_says_which_words_were_understood_and_which_not():
    assert texts.not_understood_note(["red"], ["foo"], "Try.") == "We understood “red”, but not “foo”. Try."
    assert texts.not_understood_note([], ["a", "b", "c"], "Try.") == "We don't know “a”, “b” and “c” here. Try."
