from pathlib import Path

from lookalike.index.catalogue import Product
from lookalike.search.recommender import Match
from lookalike.web import texts


def product(**attributes):
    return Product("images/12.jpg", Path("images/12.jpg"), attributes)


def test_a_product_is_called_by_its_name_its_type_or_its_id():
    assert texts.headline(product(productDisplayName="Nike cap", articleType="Caps")) == "Nike cap"
    assert texts.headline(product(articleType="Caps")) == "Caps"
    assert texts.headline(product()) == "Product 12"


def test_details_do_not_repeat_the_headline():
    assert texts.details(product(articleType="Caps", baseColour="Navy Blue", gender="Men")) == "Navy Blue · Men"
    assert texts.details(product()) == ""
    assert texts.alt(product(articleType="Caps", gender="Men")) == "Caps, Men"


def test_closeness_is_a_percentage():
    assert texts.closeness(Match(1, 0.0, product())) == "100% alike"
    assert texts.closeness(Match(1, 1.0, product())) == "50% alike"
    assert texts.closeness(Match(1, 2.0, product())) == "0% alike"


def test_a_shops_text_cannot_write_markup():
    assert texts.escape("[a](b) <i> $x$ :red:") == r"\[a\]\(b\) \<i\> \$x\$ \:red\:"


def test_further_products_with_the_same_picture_are_counted():
    assert texts.same_pictures(2) == "+2 similar"


def test_closeness_beside_the_shops_own_neighbors():
    assert [texts.closer_than(share) for share in (1.0, 0.9, 0.3, 0.0)] == [
        "As close as can be", "Closer than 90 %", "Somewhat alike", "Loosely alike",
    ]  # fmt: skip
    assert [texts.is_explained(share) for share in (1.0, 0.9, 0.3)] == [False, True, False]


def test_columns_and_counts_in_a_shoppers_words():
    assert texts.column("baseColour") == "Color" and texts.column("sleeve_length") == "Sleeve length"
    assert texts.counted("Red", 1234) == "Red (1,234)"
    assert texts.filters(0) == "Filter" and texts.filters(2) == "Filter (2)"
    assert texts.favorites(0) == "Favorites" and texts.favorites(1) == "Favorites (1)"


def test_what_is_seen_is_one_line():
    assert texts.believed(("Shirts", "Navy Blue", "Men")) == "shirts · navy blue · men"
    assert texts.believed(()) == ""
