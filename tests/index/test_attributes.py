import pytest

from lookalike.errors import CatalogueError
from lookalike.index.attributes import find_styles, read_styles
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


def test_the_table_is_found_next_to_the_images_or_among_them(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    assert find_styles(images) is None
    (images / "styles.csv").touch()
    assert find_styles(images) == images / "styles.csv"
    (tmp_path / "styles.csv").touch()
    assert find_styles(images) == tmp_path / "styles.csv"


def test_the_id_is_the_name_of_the_file_without_its_suffix():
    assert product_id("images/deep/1163.jpg") == "1163"
    assert product_id("C:/shop/12.5.JPG") == "12.5"


def test_the_real_table_is_read():
    styles = read_styles(data("fashion-product-images", "styles.csv"))
    assert len(styles) > 44_000
    assert styles["15970"]["baseColour"] == "Navy Blue"
