"""The table in memory says what each row says, in whatever order and however often words come."""

import random

import numpy as np
import pytest

from lookalike.errors import CatalogueError
from lookalike.index.attribute_table import AttributeTable, order_columns_by_appearance
from lookalike.index.attributes import read_styles
from lookalike.index.reading import Index
from lookalike.index.table_files import PLAIN_ROWS

OWN = {"1": {"kind": "Shirt", "color": "Red"}, "2": {}, "3": {"color": "Blue"}, "4": {"kind": "Shirt"}}


def written(tmp_path, text):
    path = tmp_path / "styles.csv"
    path.write_bytes(text.encode())
    return path


def test_a_table_is_the_mapping_it_was_made_from():
    table = AttributeTable.encode(OWN)
    assert table == OWN and list(table) == list(OWN) and len(table) == 4
    assert "2" in table and "5" not in table and table.get("5") is None
    assert table.columns == ("kind", "color")
    assert AttributeTable.encode({}) == {} and AttributeTable.encode({"1": {}}) == {"1": {}}


def test_columns_are_encoded_for_any_rows():
    table = AttributeTable.encode(OWN)
    words, codes = table.encoded_column("color", table.rows_of(["3", "none", "1", "2"], 4))
    assert words == ("Blue", "Red") and codes.tolist() == [0, -1, 1, -1]
    words, codes = table.encoded_column("size", np.array([0, 1], np.int32))
    assert words == () and codes.tolist() == [-1, -1]


def test_columns_come_in_the_order_of_the_rows():
    table = AttributeTable.encode(OWN)
    encoded = {column: table.encoded_column(column, np.array([2, 3, 1], np.int32)) for column in table.columns}
    assert list(order_columns_by_appearance(encoded)) == ["color", "kind"]
    encoded = {column: table.encoded_column(column, np.array([3, 1], np.int32)) for column in table.columns}
    assert list(order_columns_by_appearance(encoded)) == ["kind"]


@pytest.mark.parametrize(
    "odd", ['"of two\nlines"', '"a ""quoted"" word"', "a, further, comma", 'a 5" heel', "", " NA "]
)
def test_an_odd_row_anywhere_among_plain_ones_changes_no_other(tmp_path, odd):
    titles = {"of two": "of two\nlines", '"a "': 'a "quoted" word'}
    for place in (0, 1, PLAIN_ROWS - 1, PLAIN_ROWS, PLAIN_ROWS + 1, 3 * PLAIN_ROWS - 1):
        rows = [f"{1000 + row},Men,title {row % 7}" for row in range(3 * PLAIN_ROWS)]
        rows[place] = f"{1000 + place},Women,{odd}"
        read = read_styles(written(tmp_path, "\n".join(["id,gender,title", *rows]) + "\n"))
        assert list(read) == [str(1000 + row) for row in range(3 * PLAIN_ROWS)]
        title = next((whole for start, whole in titles.items() if odd.startswith((start, f'"{start}'))), odd)
        known = {} if odd.strip() in ("", "NA") else {"title": title}
        assert read[str(1000 + place)] == {"gender": "Women", **known}
        for row in set(range(3 * PLAIN_ROWS)) - {place}:
            assert read[str(1000 + row)] == {"gender": "Men", "title": f"title {row % 7}"}


def test_the_line_of_a_broken_row_is_named_behind_many_plain_ones(tmp_path):
    rows = "".join(f"{1000 + row},Men,Tee\n" for row in range(3 * PLAIN_ROWS))
    with pytest.raises(CatalogueError, match=rf"line {3 * PLAIN_ROWS + 2}"):
        read_styles(written(tmp_path, f'id,gender,title\n{rows}1,Men,"Tee\n{rows}'))


def test_words_meet_whatever_is_around_them(tmp_path):
    texts = [" Red ", "Red", "\u200bRed", '"\\"Red\\""', '"Red"', "None", "\\N"]
    order = random.Random(1).choices(texts, k=500)
    read = read_styles(written(tmp_path, "id,color\n" + "".join(f"{row},{text}\n" for row, text in enumerate(order))))
    words = {text: text.strip(" \u200b") for text in texts} | {'"\\"Red\\""': '"Red"', '"Red"': "Red"}
    unknown = ("None", "\\N")
    assert [read[str(row)] for row in range(500)] == [
        {} if text in unknown else {"color": words[text]} for text in order
    ]
    words, codes = read.encoded_column("color", np.arange(500, dtype=np.int32))
    assert sorted(words) == ['"Red"', "Red"] and [words[code] for code in codes if code >= 0] == [
        own["color"] for own in read.values() if own
    ]


def test_an_index_says_the_same_with_a_table_of_either_kind(tmp_path):
    names = ("3.jpg", "1.jpg", "1~2.jpg", "x/5.jpg", "2.jpg", "4~9.jpg")
    look = np.eye(6, dtype=np.float32)
    of_dicts, of_codes = (Index(tmp_path, names, {"look": look}, own, {}) for own in (OWN, AttributeTable.encode(OWN)))
    expected = [OWN["3"], OWN["1"], OWN["1"], {}, {}, OWN["4"]]
    for index in (of_dicts, of_codes):
        assert [index.attributes_of(row) for row in range(6)] == expected
        assert [index.product(row).attributes for row in range(6)] == expected
        words, codes = index.encoded_columns(["color"])["color"]
        assert words == ("Blue", "Red") and codes.tolist() == [0, 1, 1, -1, -1, -1]
        assert index.groups.first.tolist() == [0, 1, 1, 3, 4, 5]
