"""Tables as programs and people save them: each is read right, or one sentence says what is wrong and in which line."""

import gzip
import io
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import CatalogueError
from lookalike.index.attributes import read_styles

PLAIN = "id,gender,title\n10000,Men,Tee\n10001,Women,Café crème\n"
READ = {"10000": {"gender": "Men", "title": "Tee"}, "10001": {"gender": "Women", "title": "Café crème"}}


def written(tmp_path, content, name="styles.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def archive(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(zipfile.ZipInfo(name), "x")  # of a fixed date: tests are called by their content
    return content.getvalue()


def gzipped(content):
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        *(PLAIN.replace(",", separator) for separator in ";\t|"),
        *(f"sep={one}\r\n{PLAIN.replace(',', one)}" for one in ";,^"),
        *(PLAIN.replace("\n", end) for end in ("\r\n", "\r")),
        *(before + PLAIN for before in ("\ufeff", "\ufeff\ufeff", "\n", "\r\n \n", ";;;\n", "\ufeff\n")),
        PLAIN.replace("id", '"ID"'),
        PLAIN.replace("id", " Id "),
        PLAIN.replace("id", '"\ufeffid"'),
        PLAIN.replace("id", "\u200bid\u200e").replace("Tee", "\ufeff Tee\u200b").replace("10001", "\u206010001\xa0"),
        PLAIN + "\x1a",
        PLAIN + "\0" * 100,
        PLAIN.replace(",", '","').replace("\n", '"\n"')[:-1].replace("id", '"id'),
        PLAIN.replace(",", " , "),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("\n1", "\n\n1"),
        PLAIN.replace("\n1", ",\n1", 1).replace("Tee", "Tee,,,"),
        gzipped(PLAIN.encode()),
        gzipped(PLAIN.replace(",", "\t").encode("utf-16")),
    ],
)
def test_separators_line_ends_and_what_comes_before_the_columns_are_recognized(tmp_path, content):
    assert read_styles(written(tmp_path, content)) == READ


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
def test_encodings_are_recognized(tmp_path, encoding):
    assert read_styles(written(tmp_path, PLAIN.encode(encoding))) == READ
    assert read_styles(written(tmp_path, PLAIN.replace(",", "\t").encode(encoding))) == READ


def test_utf_16_without_a_byte_order_mark_is_recognized_in_any_language(tmp_path):
    text = "название\tид товара\tid\r\nШарф\tа\t1\r\n开关\tб\t2\r\n"
    read = {"1": {"название": "Шарф", "ид товара": "а"}, "2": {"название": "开关", "ид товара": "б"}}
    for encoding in ("utf-16-le", "utf-16-be"):
        assert read_styles(written(tmp_path, text.encode(encoding))) == read


def test_capitals_and_signs_in_windows_1252_are_read(tmp_path):
    titles = ["BEAUTÉ™ à 20 € – “Noël”…", "Crème brûlée, 5° n°3", "Größe ½ m²"]
    titles += ["“Slim”fit", "red•blue", "l’été", "Women›Shoes", "Cotton†, „Wolle“", "10‰", "men´s"]
    text = "id,title\n" + "".join(f"{n},{title}\n" for n, title in enumerate(titles))
    assert [own["title"] for own in read_styles(written(tmp_path, text.encode("cp1252"))).values()] == titles


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("id,title\n1,x\n2,Рубашка\n".encode("cp1251"), "neither UTF-8 nor Windows-1252 (line 3). Save it"),
        ("id,title\n1,x\n2,Café\n".encode("mac_roman"), "neither UTF-8 nor Windows-1252 (line 3). Save it"),
        ("id,title\n1,x\n2,Café\n".encode("cp850"), "neither UTF-8 nor Windows-1252 (line 3). Save it"),
        ("id,title\n1,x\n2,Mädchen\n".encode("cp437"), "neither UTF-8 nor Windows-1252 (line 3). Save it"),
        ("id,title\n1,x\n2,weiß\n".encode("mac_roman"), "neither UTF-8 nor Windows-1252 (line 3). Save it"),
        ("id,title\n1,x\n2,żółty\n".encode("cp1250"), "neither UTF-8 nor Windows-1252 (line 3). Save it"),
        ("id,title\n1,x\n2,蓝色衬衫\n".encode("gbk"), "neither UTF-8 nor Windows-1252 (line 3). Save it"),
        ("id,title\n1,é\n2,è\n".encode() + b"3,caf\xe9\n", "is UTF-8 except for line 4. Save it"),
        ("\ufeffid,title\n1,x\n".encode() + b"3,caf\xe9\n", "is UTF-8 except for line 3. Save it"),
        (PLAIN.encode("utf-16")[:-1], "is UTF-16 except for line 3. Save it"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "is an Excel workbook. Save it as CSV (UTF-8)."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an Excel workbook. Save it as CSV (UTF-8)."),
        (archive("mimetype", "content.xml"), "is a spreadsheet. Save it as CSV (UTF-8)."),
        (archive("styles.csv"), "is a ZIP archive. Unpack it."),
        (b"BZh91AY&SY" + bytes(20), "is compressed. Unpack it, or use gzip."),
        (gzipped(archive("xl/workbook.xml")), "has no CSV in it. Unpack it, and save the table as CSV (UTF-8)."),
        (gzipped(gzipped(PLAIN.encode())), "has no CSV in it. Unpack it, and save the table"),
        (PLAIN.encode("utf-32-le"), "is not a table. Save the table as CSV (UTF-8)."),
        (gzipped(PLAIN.encode())[:-9], "cannot be read as a table of attributes"),
        ("<html><table><tr><td>id", "is HTML or XML. Save it as CSV (UTF-8)."),
        ('[{"id": 1}]', "is JSON. Save it as CSV (UTF-8)."),
        ("", "has no column named id: it is empty"),
        ("\n;;\n", "has no column named id: it is empty"),
        ("sku;color\n1;red\n", "no column named id. The first line must name the columns, one of them id. It is: sku;"),
        ('sku,"color\n(any)",title\n1,red,x\n', 'one of them id. It is: sku,"color'),
        ('sku,"color\n1,red', 'one of them id. It is: sku,"color'),
        ("a\x1b[2J" + "b" * 1000, r"one of them id. It is: a\x1b[2Jbbb"),
        (b"PAR1" + bytes(100), "cannot be read as a table of attributes"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_the_cause(tmp_path, content, sentence):
    with pytest.raises(CatalogueError) as error:
        read_styles(written(tmp_path, content))
    assert sentence in str(error.value) and len(str(error.value)) < 400 and str(error.value).isprintable()


@pytest.mark.parametrize(
    "text, titles",
    [
        # Spaces around marks, as people type them.
        ('id, title, gender\n1, "Shirt, blue", Men\n2 ,"a, b" ,Men\n', ["Shirt, blue", "a, b"]),
        ('id,title,gender\n1, "two\nlines, here" , Men\n', ["two\nlines, here"]),
        # Marks after a backslash, as MySQL and PHP write them.
        ('id,title,gender\n1,"5\\" heel, red",Women\n2,"\\"Lucky\\" tee",Men\n', ['5" heel, red', '"Lucky" tee']),
        ('id,title,gender\n1,"heel 5\\"",Women\n2,"heel 6\\"",Men\n', ['heel 5"', 'heel 6"']),
        ('id,title,gender\n1,"heel 5\\"",Women\n2,plain,Men\n', ['heel 5"', "plain"]),
        ("id,title,gender\n1,5\\\" heel,Women\n", ['5" heel']),
        # Separators after a backslash, as MySQL writes them without quotation marks.
        ("id,title,gender\n1,Shirt\\, blue,Men\n2,Tee,Men\n", ["Shirt, blue", "Tee"]),
        ("id,gender,title\n1,M\\, W,Shirt\\, blue, \\\"x\\\"\n", ['Shirt, blue, "x"']),
        ("id,gender,title\n1,M,Shirt\\, blue\n", ["Shirt, blue"]),
        ("id,title,gender\n1,a\\\nb,Men\n2,c,Men\n", ["a\nb", "c"]),
        ("id,gender,title\n1,Men,a\\\r\nb\r\n2,Men,c\r\n", ["a\nb", "c"]),
        # A backslash that is text.
        ('id,title,gender\n1,"5\\" heel, red",Men\n2,"C:\\new, a\\\\b\\n",Men\n', ['5" heel, red', "C:\\new, a\\b\\n"]),
        ('id,title,gender\n1,"C:\\",Men\n2,back\\slash,Men\n', ["C:\\", "back\\slash"]),
        ("id,gender,title\n1,Men,C:\\\n2,Men,back\\\n", ["C:\\", "back\\"]),
        # Marks that are text.
        ('id,title,gender\n1,5" heel,Women\n2,"Slim" fit,Men\n3,say "x",Men\n', ['5" heel', "Slim fit", 'say "x"']),
        ('id,title,gender\n1,"5" heel","Men"\n2,"5" x 7"","M"\n', ['5" heel', '5 x 7""']),
        # Text of several lines, with separators in it.
        ('id,title,gender\n1,"a,b\nc,d",Men\n2,"e\r\n\r\nf",Men\n', ["a,b\nc,d", "e\r\n\r\nf"]),
        ('id,gender,title\n1,M,"Soft, warm, light\nCotton, wool, silk"\n', ["Soft, warm, light\nCotton, wool, silk"]),
        ('title,id\n"a, b\nc, d",10001\n"e\nf",10002\n', ["a, b\nc, d", "e\nf"]),
        ('title,id\na,10001\n"Total, net\nCheap, fast"\n', ["a"]),
        ('id,gender,title\n10001,M,"Sizes\n36,38,40\n42,44,46"\n', ["Sizes\n36,38,40\n42,44,46"]),
        # Separators without quotes in the last column, as in the Kaggle table.
        ('id,gender,title\n1,M,Tee, blue, 5" wide\n2,M,"Slim" fit, red\n', ['Tee, blue, 5" wide', '"Slim" fit, red']),
        ('id,gender,title\n1,"M, W",Shirt, blue\n2, "M""W" ,a, "b" ,c\n', ["Shirt, blue", 'a, "b" ,c']),
        ('id,gender,title\n1,"M\nW",Shirt, blue\n', ["Shirt, blue"]),
        ("id;gender;title\n1;Men;Shirt; blue\n", ["Shirt; blue"]),
        ('id,"ti\ntle",title\n1,x,y\n', ["y"]),
        ('\n"a\n\n(b)";"c\nd";id;title\n1;2;3;y\n', ["y"]),
        (f"id,gender,title\n1,Men,{'x' * 200_000}\n", ["x" * 200_000]),
    ],
)  # fmt: skip
def test_quotation_marks_and_separators_within_text_are_read(tmp_path, text, titles):
    assert [own["title"] for own in read_styles(written(tmp_path, text)).values()] == titles


def shop(**marked):
    """Return a table of 12 rows; marked is row_N → the title in that row."""
    rows = [f"{10000 + n},Men,Navy,{marked.get(f'row_{n}', 'Tee')}\n" for n in range(12)]
    return "id,gender,baseColour,title\n" + "".join(rows)


@pytest.mark.parametrize(
    "text, line",
    [
        (shop(row_1='"Oversized tee', row_6='"Slim" fit'), 3),
        (shop(row_1='"Oversized tee', row_6='Tee 7"'), 3),
        (shop(row_1='"Oversized tee', row_2='Tee 7"'), 3),
        (shop(row_3='"Oversized tee', row_4='"'), 5),
        (shop(row_3='"Oversized tee, 5"" wide', row_9='a "b" c"').replace(",", ";"), 5),
        (shop(row_3='"Oversized', row_5='6"', row_8='"x', row_9='5"'), 5),
        ('id,title,gender\n1,"5 inch,M\n2,x,M\n3,7",W\n4,a,b\n', 2),
        ('title,id\n"x,A1\ny,A2\nz",A3\n', 2),
        ('title,id\na,A0\n"x,A1\ny",A2\n', 3),
        ('\n\nid,title\na-1,"x\na-2,y"\n', 4),
        ('id,title,gender\n1,"5" heel, 7" sole",Women\n', 2),
        ('id,title,gender\n1,a,Men\n2,"Oversized tee,"Men"\n', 3),
        ('id,title\n1,"a\\"b"\n2,"c\n3,d\n', 3),
        ('"a\nb",id,title\n1,2,x\n1,3,"y\n', 4),
        # The id of the broken row itself is lost, or of another kind than the others'.
        ('title,season,id\na,,S-0\n"x,,S-1\n,,S-2\ny,z",S-3\n', 3),
        ('title,gender,id\n"x,Men,S-1\nz,Men,S-2\ny",Women,S-3\nw,Men,S-4\n', 2),
        ('id,title\n100,a\nA1,b\n101,"x\nA2,y"\nA3,c\n', 4),
        ('title,gender,id\na,Men,1\n"Oversized tee,",2\n', 3),
        (f'id,title\n1,x\n2,"{"x" * 11_000_000}"\n', 3),
    ],
)
def test_a_quotation_mark_that_would_swallow_rows_or_columns_is_reported_with_its_line(tmp_path, text, line):
    with pytest.raises(CatalogueError, match=rf"styles.csv cannot be read .*\(in the row that begins in line {line}: "):
        read_styles(written(tmp_path, text))


def test_parquet_is_read_as_the_same_table(tmp_path):
    table = pd.DataFrame(
        {
            "id": [10000.0, 10001.0],
            "year": [2011, None],
            "title": ["Café", None],
            "kind": pd.Categorical(["a", "b"]),
            "vector": [[1, 2], [3, 4]],
            "picture": [b"\xff", b"\xd8"],
        },
        index=["x", "y"],
    )
    expected = {"10000": {"year": "2011", "title": "Café", "kind": "a"}, "10001": {"kind": "b"}}
    table.to_parquet(tmp_path / "styles.parquet")
    assert read_styles(tmp_path / "styles.parquet") == expected
    table.set_index("id").to_parquet(tmp_path / "named.parquet")
    assert read_styles(tmp_path / "named.parquet") == expected
    table.drop(columns=["vector", "picture"]).to_csv(tmp_path / "styles.csv")
    assert read_styles(tmp_path / "styles.csv") == expected


def test_parquet_of_other_programs_is_read(tmp_path):
    columns = {
        " ID": pa.array([1, 2]),
        "price": pa.array([19.99, 5], pa.float32()),
        "uuid": pa.array([b"ab", b"cd"], pa.binary(2)),
    }
    pq.write_table(pa.table(columns), tmp_path / "styles.parquet")
    assert read_styles(tmp_path / "styles.parquet") == {"1": {"price": "19.99"}, "2": {"price": "5"}}
    pq.write_table(pa.table({"id": pa.array([b"1", b"2"]), "color": ["red", "blue"]}), tmp_path / "styles.parquet")
    with pytest.raises(CatalogueError, match="has ids of the type binary. Save them as text or numbers."):
        read_styles(tmp_path / "styles.parquet")


def test_parquet_without_ids_or_cut_is_refused_with_a_sentence(tmp_path):
    pd.DataFrame({"sku": [1], "color": ["red"]}).to_parquet(tmp_path / "styles.parquet")
    with pytest.raises(CatalogueError, match="no column named id. Its columns are: sku, color"):
        read_styles(tmp_path / "styles.parquet")
    content = (tmp_path / "styles.parquet").read_bytes()
    for length in range(4, len(content) - 1, 97):
        with pytest.raises(CatalogueError, match="cannot be read as a table"):
            read_styles(written(tmp_path, content[:length], "cut.parquet"))
