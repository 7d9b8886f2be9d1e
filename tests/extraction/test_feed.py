"""Feeds as shops have them: every kind, every usual fault, and what of it becomes a product."""

import gzip
import json
from decimal import Decimal

import pytest

from lookalike.errors import CatalogueError
from lookalike.extraction.feed import FeedProduct, RefusedRow, read_feed
from lookalike.index.prices import Price, parse_price

EXPECTED = FeedProduct(
    "A1",
    ("https://shop.example/a.jpg", "https://shop.example/b.jpg"),
    {
        "productDisplayName": "Blue Jeans",
        "link": "https://shop.example/p/A1",
        "availability": "in stock",
        "baseColour": "Blue",
        "gender": "Women",
        "size": "M",
        "item_group_id": "G1",
        "articleType": "Jeans",
        "price": "59.90",
        "currency": "EUR",
        "sale_price": "39.90",
    },
)
HEADER = (
    "id\ttitle\tlink\timage_link\tadditional_image_link\tprice\tsale_price\tavailability\tcolor\tgender\tsize\t"
    "product_type\titem_group_id"
)
ROW = (
    "A1\tBlue Jeans\thttps://shop.example/p/A1\thttps://shop.example/a.jpg\thttps://shop.example/b.jpg\t59.90 EUR\t"
    "39.90 EUR\tin_stock\tBlue\tfemale\tM\tApparel > Bottoms > Jeans\tG1"
)
ITEM = """<g:id>A1</g:id><title>Blue Jeans</title>{link}<g:image_link>https://shop.example/a.jpg</g:image_link>
<g:additional_image_link>https://shop.example/b.jpg</g:additional_image_link><g:price>59.90 EUR</g:price>
<g:sale_price>39.90 EUR</g:sale_price><g:availability>in stock</g:availability><g:color>Blue</g:color>
<g:gender>female</g:gender><g:size>M</g:size><g:product_type>Apparel &gt; Jeans</g:product_type>
<g:item_group_id>G1</g:item_group_id>"""
RSS = (
    '<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>'
    f"<item>{ITEM.format(link='<link>https://shop.example/p/A1</link>')}</item></channel></rss>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>'
    f"<entry>{ITEM.format(link='<link href=' + chr(34) + 'https://shop.example/p/A1' + chr(34) + '/>')}</entry></feed>"
)
LINE = json.dumps(
    {
        "id": "A1",
        "title": "Blue Jeans",
        "link": "https://shop.example/p/A1",
        "images": ["https://shop.example/a.jpg", "https://shop.example/b.jpg"],
        "price": "59.90 EUR",
        "sale_price": "39.90 EUR",
        "availability": "in stock",
        "color": "Blue",
        "gender": "female",
        "size": "M",
        "product_type": "Jeans",
        "item_group_id": "G1",
    }
)


def read(tmp_path, content, link=None, name="feed"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_feed(path, link))


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{ROW}\n",
        f"\ufeff{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\n{ROW}\n".replace("\t", ";"),
        RSS,
        ATOM,
        LINE,
        gzip.compress(RSS.encode(), mtime=0),
    ],
    ids=["tsv", "tsv of Windows", "semicolons", "rss", "atom", "json lines", "gzip"],
)
def test_every_kind_of_feed_gives_the_same_product(tmp_path, content):
    assert read(tmp_path, content) == [EXPECTED]


def test_shopifys_rows_of_one_handle_are_one_product(tmp_path):
    table = (
        "Handle,Title,Vendor,Type,Option1 Name,Option1 Value,Variant Price,Image Src\n"
        "jeans,Blue Jeans,Acme,Jeans,Color,Blue,59.90,https://cdn.example/1.jpg\n"
        "jeans,,,,,Red,59.90,https://cdn.example/2.jpg\n"
        'dress,"Dress, red",Acme,Dresses,Size,M,80.00,https://cdn.example/3.jpg\n'
        "nothing,No picture,Acme,Jeans,,,1.00,\n"
    )
    jeans, dress, refused = read(tmp_path, table)
    assert jeans.pictures == ("https://cdn.example/1.jpg", "https://cdn.example/2.jpg")
    assert jeans.attributes["articleType"] == "Jeans" and jeans.attributes["baseColour"] == "Blue"
    assert jeans.attributes["price"] == "59.90" and "currency" not in jeans.attributes
    assert dress.attributes["productDisplayName"] == "Dress, red" and dress.attributes["size"] == "M"
    assert refused == RefusedRow("nothing", "it has no picture")


SHOPIFY_EXPORT = """\
Handle,Title,Vendor,Type,Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant Inventory Tracker,\
Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,Variant Image,Status
shirt,Linen shirt,Acme,Shirts,Colour,Blue,Size,S,shopify,4,deny,39.00,59.00,https://cdn.example/1.jpg,,active
shirt,,,,,Blue,,M,shopify,0,deny,59.00,,https://cdn.example/2.jpg,,
shirt,,,,,Red,,S,shopify,0,continue,59.00,,,https://cdn.example/red.jpg,
shirt,,,,,Red,,M,,-3,deny,59.00,,,,
shirt,,,,,Green,,S,shopify,1,deny,59.00,,,,
shirt,,,,,,,,,,,,,https://cdn.example/3.jpg,,
old,Old shirt,Acme,Shirts,Title,Default Title,,,,,,5.00,,https://cdn.example/4.jpg,,archived
bag,Bag,Acme,Bags,Title,Default Title,,,,,,5.00,,https://cdn.example/5.jpg,,active
"""


def test_shopifys_variants_are_products_of_one_group(tmp_path):
    blue, blue_m, red, red_m, refused, bag = read(tmp_path, SHOPIFY_EXPORT)
    assert [one.id for one in (blue, blue_m, red, red_m)] == [
        "shirt_Blue_S",
        "shirt_Blue_M",
        "shirt_Red_S",
        "shirt_Red_M",
    ]
    assert {one.attributes["item_group_id"] for one in (blue, blue_m, red, red_m)} == {"shirt"}
    pictures = [f"https://cdn.example/{name}.jpg" for name in ("1", "2", "3", "red")]
    assert blue.pictures == tuple(pictures[:3]) and blue_m.pictures == (pictures[0],)
    assert red.pictures == red_m.pictures == (pictures[3],)
    assert blue.attributes["price"] == "59.00" and blue.attributes["sale_price"] == "39.00"
    assert "sale_price" not in red.attributes and red.attributes["price"] == "59.00"
    in_stock = [one.attributes["availability"] for one in (blue, blue_m, red, red_m)]
    assert in_stock == ["in stock", "out of stock", "in stock", "in stock"]
    assert blue.attributes["productDisplayName"] == red_m.attributes["productDisplayName"] == "Linen shirt"
    assert refused == RefusedRow("old", "it is a draft or archived, so that no shopper can buy it")
    assert bag.id == "bag" and not {"item_group_id", "availability", "size"} & bag.attributes.keys()


def test_products_without_a_link_get_the_shops_page(tmp_path):
    link = "https://shop.example/products/{group}?variant={id}"
    products = read(tmp_path, SHOPIFY_EXPORT.replace("\nshirt,", "\na shirt,"), link)
    assert products[0].attributes["link"] == "https://shop.example/products/a%20shirt?variant=a%20shirt_Blue_S"
    assert products[-1].attributes["link"] == "https://shop.example/products/bag?variant=bag"
    assert read(tmp_path, f"{HEADER}\n{ROW}", link)[0].attributes["link"] == "https://shop.example/p/A1"


def test_bad_rows_are_told_and_the_others_are_read(tmp_path):
    rows = [
        HEADER,
        ROW,
        ROW,
        ROW.replace("A1", "", 1),
        ROW.replace("A1", "A2", 1).replace("https://shop.example/a.jpg\thttps://shop.example/b.jpg", "\t", 1),
        ROW.replace("A1", "A3", 1).replace("59.90 EUR", "from 20", 1).replace("https://shop.example/p", "ftp://x", 1),
        "A4\tCut",
    ]
    found = read(tmp_path, "\n".join(rows))
    assert [type(one) for one in found] == [FeedProduct, RefusedRow, RefusedRow, RefusedRow, FeedProduct, RefusedRow]
    reasons = [one.reason for one in found if isinstance(one, RefusedRow)]
    assert reasons == [
        "another row has this id",
        "it has no id",
        "it has no picture",
        "the feed ends in the middle of an item",
    ]
    assert found[4].id == "A3" and "price" not in found[4].attributes and "link" not in found[4].attributes


def test_a_feed_cut_in_the_middle_gives_what_came_before(tmp_path):
    two = RSS.replace("</channel>", f"<item>{ITEM.format(link='').replace('A1', 'A2')}</item></channel>")
    first, cut = read(tmp_path, two[: len(two) - 120])
    assert first == EXPECTED and cut == RefusedRow("item 2", "the feed ends in the middle of an item")


def test_words_of_another_encoding_are_read(tmp_path):
    table = f"{HEADER}\n{ROW.replace('Blue Jeans', 'Hübsche Hose')}\n".encode("cp1252")
    assert read(tmp_path, table)[0].attributes["productDisplayName"] == "Hübsche Hose"


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("", "no columns id and image_link"),
        ("<html><body>Not found</body></html>", "no product that can be used"),
        ("<rss><channel>", "not a feed that can be read"),
        ("a,b\n1,2\n", "no columns id and image_link"),
        (f"{HEADER}\n", "no product that can be used"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><rss><item>&a;</item></rss>', "not a feed that can be read"),
        ("[1, 2]", "no product that can be used"),
    ],
)
def test_what_is_no_feed_gets_a_sentence(tmp_path, content, sentence):
    with pytest.raises(CatalogueError, match=sentence):
        read(tmp_path, content)


def test_a_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(CatalogueError, match="cannot be read"):
        list(read_feed(tmp_path / "nothing"))


@pytest.mark.parametrize(
    "text, price",
    [
        ("19.99 USD", Price(Decimal("19.99"), "USD")),
        ("1.299,00 €", Price(Decimal("1299.00"), "EUR")),
        ("€1,299.00", Price(Decimal("1299.00"), "EUR")),
        ("1'299.50 CHF", Price(Decimal("1299.50"), "CHF")),
        ("1 299,5\u00a0zł", Price(Decimal("1299.5"), "PLN")),
        ("¥1,980", Price(Decimal("1980"), "JPY")),
        ("20", Price(Decimal("20"))),
        ("12.345.678", Price(Decimal("12345678"))),
        ("from 20", None),
        ("20 - 30 EUR", None),
        ("free", None),
        ("", None),
        ("-5", None),
    ],
)
def test_prices_are_read_as_shops_write_them(text, price):
    assert parse_price(text) == price
