from pathlib import Path

from lookalike import texts
from lookalike.index import Product
from lookalike.search import Match


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
