"""The CSV files that favorites and results are downloaded as."""

import csv
import io
from pathlib import Path

import pytest

from lookalike.index.catalogue import Product
from lookalike.search.recommender import Match
from lookalike.web.downloads import match_rows, products_csv


def product(name, **attributes):
    return Product(name, Path("/shop") / name, attributes, Path(name).stem)


def read(content):
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))


def test_a_file_reads_back_as_the_rows_it_was_made_of():
    rows = [
        (1, product("images/10.jpg", gender="Men", productDisplayName='He said "hi", twice'), 0.25),
        (2, product("11.jpg", baseColour="Écru\n≈ grège"), None),
    ]
    assert read(products_csv(rows)) == [
        ["rank", "id", "path", "distance", "gender", "productDisplayName", "baseColour"],
        ["1", "10", "images/10.jpg", "0.250000", "Men", 'He said "hi", twice', ""],
        ["2", "11", "11.jpg", "", "", "", "Écru\n≈ grège"],
    ]


def test_the_bytes_are_rfc_4180_with_a_bom():
    content = products_csv([("Summer, 2024", product("1.jpg", kind='5" heel'), None)], first="list")
    assert content == b'\xef\xbb\xbflist,id,path,distance,kind\r\n"Summer, 2024",1,1.jpg,,"5"" heel"\r\n'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(start):
    evil = f"{start}HYPERLINK(1)"
    header, cells = read(products_csv([(evil, product(f"{evil}.jpg", **{evil: evil}), 0.5)]))
    assert header[-1] == "'" + evil
    assert cells == ["'" + evil, "'" + evil, "'" + evil + ".jpg", "0.500000", "'" + evil]


@pytest.mark.parametrize(
    "evil, harmless",
    [
        ("\n=1+1", "'\n'=1+1"),
        ("  =1+1", "'  =1+1"),
        ('"=1+1', "'\"=1+1"),
        ("a;=1+1", "a;'=1+1"),
        ('a; "@x', "a;' \"@x"),
        ("a\n-1\tb\t+2", "a\n'-1\tb\t'+2"),
        ("a\r\n=1", "a\r'\n'=1"),
    ],
)
def test_no_part_of_a_cell_is_a_formula_where_a_spreadsheet_splits_it(evil, harmless):
    assert read(products_csv([(1, product("1.jpg", kind=evil), 1)]))[1][-1] == harmless


def test_a_formula_sign_inside_a_cell_changes_nothing():
    assert read(products_csv([(1, product("1.jpg", kind="T-shirt = 1+1@x"), 1)]))[1][-1] == "T-shirt = 1+1@x"


def test_a_shops_column_does_not_hide_ours():
    header, cells = read(products_csv([(1, product("1.jpg", path="aisle 3", rank="top"), 0)]))
    assert header == ["rank", "id", "path", "distance", "attribute path", "attribute rank"]
    assert cells == ["1", "1", "1.jpg", "0.000000", "aisle 3", "top"]


def test_products_with_the_same_picture_follow_their_match():
    matches = [Match(1, 0.1, product("1.jpg"), (product("2.jpg"),)), Match(2, 0.2, product("3.jpg"))]
    assert [(rank, one.id, distance) for rank, one, distance in match_rows(matches)] == [
        (1, "1", 0.1),
        (1, "2", 0.1),
        (2, "3", 0.2),
    ]


def test_without_products_the_file_is_a_header():
    assert read(products_csv([], first="list")) == [["list", "id", "path", "distance"]]


def test_a_name_that_is_not_utf8_is_written_with_escapes():
    assert read(products_csv([(1, product("\ud800.jpg"), None)]))[1][1] == r"\ud800"


def test_offers_come_as_columns_that_programs_read():
    link = "https://shop.example/1"
    rows = [
        (
            1,
            product("1.jpg", title="A", price="1.299,00 €", sale_price="$ 5 €", availability="in_stock", link=link),
            None,
        ),
        (2, product("1.jpg", price="59.90", sale_price="39.9", currency="PLN", link="javascript:alert(1)"), None),
        (3, product("1.jpg", price="from 20", color="red"), None),
        (4, product("1.jpg"), None),
    ]
    header, *lines = read(products_csv(rows))
    assert header[4:] == ["price", "sale_price", "currency", "availability", "link", "title", "color"]
    assert [line[4:] for line in lines] == [
        ["1299.00", "", "EUR", "in stock", link, "A", ""],
        ["59.90", "39.9", "PLN", "", "", "", ""],
        ["from 20", "", "", "", "", "", "red"],
        ["", "", "", "", "", "", ""],
    ]
    assert read(products_csv([(1, product("1.jpg", color="red"), None)]))[0][4:] == ["color"]
