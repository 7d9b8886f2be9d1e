import unicodedata

import pytest

from lookalike.errors import CatalogueError
from lookalike.index.attributes import find_styles, match_table, read_styles
from lookalike.index.catalogue import product_id
from tests.support.data import data


def written(tmp_path, text):
    path = tmp_path / "styles.csv"
    path.write_bytes(text.encode())
    return path


def test_only_known_values_are_read(tmp_path):
    path = written(tmp_path, "id,gender,baseColour,season\n1,Men,Navy Blue,Fall\n2,Women,NA,\n")
    assert read_styles(path) == {
        "1": {"gender": "Men", "baseColour": "Navy Blue", "season": "Fall"},
        "2": {"gender": "Women"},
    }


def test_the_last_column_takes_unquoted_commas(tmp_path):
    path = written(tmp_path, 'id,gender,productDisplayName\n1,Men,Shirt, blue, large\n2,Men,"Shirt, red"\n')
    assert read_styles(path)["1"]["productDisplayName"] == "Shirt, blue, large"
    assert read_styles(path)["2"]["productDisplayName"] == "Shirt, red"


def test_short_rows_blank_lines_byte_order_marks_and_windows_line_ends_are_accepted(tmp_path):
    path = written(tmp_path, "\ufeffid,gender,season\r\n\r\n1,Men\r\n")
    assert read_styles(path) == {"1": {"gender": "Men"}}


def test_a_missing_table_or_one_without_ids_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(CatalogueError, match="no column named id"):
        read_styles(written(tmp_path, "name,color\nshirt,red\n"))
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_styles(tmp_path / "none.csv")
    with pytest.raises(CatalogueError, match="it is a folder"):
        read_styles(tmp_path)
    with pytest.raises(CatalogueError, match="no column named id"):
        read_styles(written(tmp_path, ""))


@pytest.mark.parametrize("after", [3, 1_000_000])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_quotation_mark_that_is_never_closed_is_reported_with_its_line(tmp_path, after, end):
    rows = "".join(f"\n{number},Women,plain" for number in range(after))
    with pytest.raises(CatalogueError, match=r"styles.csv cannot be read .*\(in the row that begins in line 4: "):
        read_styles(written(tmp_path, f'id,gender,title\n1,Men,"a\nb"\n2,Men,"Oversized tee{rows}{end}'))


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_quoted_fields_with_line_breaks_and_quotation_marks_are_read(tmp_path, end):
    path = written(tmp_path, f'id,title\n1,"a\nb"\n2,"Slim" fit\n3,7" wide\n4,"say ""hi"""{end}')
    titles = [own["title"] for own in read_styles(path).values()]
    assert titles == ["a\nb", "Slim fit", '7" wide', 'say "hi"']


def test_the_table_among_the_images_wins_over_the_one_next_to_them(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    assert find_styles(images) is None
    (tmp_path / "styles.csv").touch()
    assert find_styles(images) == tmp_path / "styles.csv"
    (images / "styles.csv").touch()
    assert find_styles(images) == images / "styles.csv"
    (tmp_path / "circle").symlink_to("circle")
    assert find_styles(tmp_path / "circle") == tmp_path / "styles.csv"
    assert find_styles(images / "none" / ("a" * 5000)) is None


@pytest.mark.parametrize(
    "unknown",
    ["", "NA", "nan", "NaN", "None", "null", "NULL", "N/A", "<NA>", "#N/A", "\\N", " NaN ", '"nan"', '=""']
    + ["(null)", "[NULL]", "undefined", "-1.#IND", "#NV", "#REF!", "-", "—", "\u200b"],
)
def test_unknown_values_are_unknown_by_any_name(tmp_path, unknown):
    assert read_styles(written(tmp_path, f"id,gender,title\n1,{unknown},Tee\n")) == {"1": {"title": "Tee"}}


@pytest.mark.parametrize(
    "spelled, ids",
    [
        (["10000.0", "10001.0"], ["10000", "10001"]),
        (["10000.00", "SKU.1"], ["10000", "SKU.1"]),
        (["10000.jpg", "10001.JPEG", "chic.webp"], ["10000", "10001", "chic"]),
        (["images/10000.jpg", r"C:\shop\10001.png"], ["10000", "10001"]),
        (["10000.heics", "10001.HIF"], ["10000", "10001"]),
        (["https://cdn.example/a/10000.jpg?v=163", "HTTP://x/10001.png#1"], ["10000", "10001"]),
        (['="0012"', "0013"], ["0012", "0013"]),
        (["\u200b0012", "0013\ufeff"], ["0012", "0013"]),
        (["che\u0301mise"], ["ch\u00e9mise"]),
        # Two would become one, or the decimals count.
        (["10000.0", "10000"], ["10000.0", "10000"]),
        (["10000.jpg", "10000.png"], ["10000.jpg", "10000.png"]),
        (["12.0", "12.5"], ["12.0", "12.5"]),
        (["10.000", "11.000"], ["10.000", "11.000"]),
        (["a?b.jpg", "what?"], ["a?b", "what?"]),
        (["v1.2.0", "a.final"], ["v1.2.0", "a.final"]),
        (["NA", "nan"], ["NA", "nan"]),
    ],
)
def test_ids_are_mended_where_only_one_meaning_is_possible(tmp_path, spelled, ids):
    rows = "".join(f"{own},{number}\n" for number, own in enumerate(spelled))
    assert read_styles(written(tmp_path, f"id,number\n{rows}")) == {
        own: {"number": str(number)} for number, own in enumerate(ids)
    }


def test_ids_agree_in_any_unicode_form_on_both_sides(tmp_path):
    composed, apart = (unicodedata.normalize(form, "chemise-été-ﬁ") for form in ("NFC", "NFD"))
    assert composed != apart and product_id(f"images/{apart}.jpg") == composed
    for form in (composed, apart):
        assert read_styles(written(tmp_path, f"id,gender\n{form},Men\n"))[product_id(f"{apart}.jpg")]


@pytest.mark.parametrize(
    "text, own",
    [
        (",id,gender\n0,1,Men\n", {"gender": "Men"}),
        ("Unnamed: 0,Unnamed: 0.1,id,gender\n0,0,1,Men\n", {"gender": "Men"}),
        ("id,color,gender,color\n1,Red,Men,\n", {"color": "Red", "gender": "Men"}),
        ("id,color,gender,color\n1,,Men,Red\n", {"gender": "Men", "color": "Red"}),
        ("id,color,color\n1,Red,Blue\n", {"color": "Red"}),
        ("id,color,id\n1,Red,2\n", {"color": "Red"}),
        ("id,price\n1,1.000\n2,2.000\n", {"price": "1.000"}),
        ("id,year\n1,2011.0\n2,\n3,2012.0\n", {"year": "2011"}),
        ("id,heel\n1,2.0\n2,2.5\n", {"heel": "2.0"}),
        ("id,title\n1,cafe\u0301\n", {"title": "caf\u00e9"}),
    ],
)
def test_columns_without_a_name_or_with_the_same_name_are_read_right(tmp_path, text, own):
    assert read_styles(written(tmp_path, text))["1"] == own


def test_a_second_row_of_a_product_fills_only_what_is_unknown(tmp_path):
    rows = "id,gender,color,size\n1,Women,,S\n2,Men,Red,M\n1,,Navy,L\n1,,,\n,Men,Red,M\n"
    read = read_styles(written(tmp_path, rows))
    assert list(read["1"].items()) == [("gender", "Women"), ("color", "Navy"), ("size", "S")]
    assert read["2"] == {"gender": "Men", "color": "Red", "size": "M"} and len(read) == 2


def test_what_does_not_match_is_counted_with_two_examples_of_each_side():
    table = {"10,000": {}, "10,001": {"a": "b"}, "10,002": {}, "7": {}}
    match = match_table(["10000", "10001", "10002", "7"], table, "shop/styles.csv")
    assert (match.products, match.ids, match.with_row, match.with_image) == (4, 4, 1, 1)
    assert match.sentences() == [
        "Attributes from shop/styles.csv: 1 of 4 products have a row in it, and 1 of its 4 ids have an image.",
        "Products without a row, for example: '10000', '10001'.",
        "Ids without an image, for example: '10,000', '10,001'.",
    ]
    assert "name of an image's file" in match_table(["1"], {"01": {}}, "t.csv").sentences()[-1]
    assert len(match_table(["1", "1"], {"1": {}}, "t.csv").sentences()) == 1
    assert all(len(line) < 150 for line in match_table(["1" * 255], {"word " * 9999: {}}, "t.csv").sentences())


def test_the_id_is_the_name_of_the_file_without_its_suffix():
    assert product_id("images/deep/1163.jpg") == "1163"
    assert product_id("C:/shop/12.5.JPG") == "12.5"


def test_the_real_table_is_read():
    styles = read_styles(data("fashion-product-images", "styles.csv"))
    assert len(styles) > 44_000
    assert styles["15970"]["baseColour"] == "Navy Blue"
