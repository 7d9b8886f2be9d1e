import json
import shutil
import unicodedata

import pytest
from PIL import Image

from lookalike.analysis.evaluation import content_keys, leave_one_out, photo_queries, read_classes, read_ids
from lookalike.analysis.metrics import evaluate
from lookalike.errors import CatalogueError
from lookalike.extraction.build import build_index
from lookalike.index.attributes import read_styles
from lookalike.index.reading import load_index
from lookalike.search.recommender import Recommender
from tests.cli.test_commands import lookalike
from tests.support.data import ROOT


@pytest.fixture
def shop(catalogue, toy):
    """The toy catalogue with a fifth product that is a byte-identical copy of the first, both of them red."""
    shutil.copy(catalogue / "1.png", catalogue / "5.png")
    styles = catalogue.parent / "styles.csv"
    styles.write_text(styles.read_text() + "\n5,Women,Red,Red shirt again\n")
    build_index(catalogue, catalogue.parent, toy, styles)
    return Recommender(load_index(catalogue.parent), toy)


def photo(path, color, size=(20, 20)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


def scored(recommender, queries):
    return evaluate(recommender.index, recommender.index.attributes, queries)["look"]


def test_a_product_matches_neither_itself_nor_its_copy(shop):
    figures = scored(shop, leave_one_out(shop.index, shop.index.attributes))
    # The only other red one is the copy. Three products are left for the two red ones, four for the others.
    assert figures["baseColour"].precision == 0 and figures["baseColour"].queries == 5
    assert figures["gender"].precision == pytest.approx((2 * 3 + 3 * 4) / 25)
    assert set(figures) == {"baseColour", "gender"}


def test_leave_one_out_can_be_restricted(shop):
    def asked(**options):
        return leave_one_out(shop.index, shop.index.attributes, **options).rows.tolist()

    assert asked(only={"2", "4", "99"}) == [1, 3]
    assert len(asked(limit=3)) == 3 and asked(limit=3) == asked(limit=3) == sorted(asked(limit=3))
    with pytest.raises(CatalogueError, match="None of the 5 products of the index can be a query"):
        asked(only={"99"})


def test_ids_agree_in_any_spelling_that_has_one_meaning(shop, tmp_path):
    """A photo from a Mac has é as e and its accent; a list from pandas has its ids as decimals."""
    composed, apart = (unicodedata.normalize(form, "été") for form in ("NFC", "NFD"))
    photo(tmp_path / "photos" / f"{apart}.png", "red")
    (tmp_path / "ids.json").write_text(json.dumps([apart, 2.0, "3.png"]))
    only = read_ids(tmp_path / "ids.json")
    assert only == {composed, "2", "3"}
    queries = photo_queries(tmp_path / "photos", shop, {composed: {"baseColour": "Red"}}, only=only)
    assert [right["baseColour"] for right in queries.right] == [{("Red",)}]


def test_a_photo_never_matches_the_product_it_shows(shop, tmp_path):
    """2 is a copy of the product's file, 3 the product at another size; 9 is not an id."""
    photos = tmp_path / "photos"
    photo(photos / "deep" / "3.png", "blue")
    photo(photos / "9.png", "blue")
    shutil.copy(shop.index.product(1).path, photos / "2.png")
    queries = photo_queries(photos, shop, shop.index.attributes)
    assert [right["baseColour"] for right in queries.right] == [{("Green",)}, {("Blue",)}]
    assert queries.notes == ("1 of 3 photos are left out: they have no such id, or no such class.",)
    assert scored(shop, queries)["baseColour"].precision == 0


def test_a_product_under_another_name_is_recognized_by_its_bytes(shop, tmp_path):
    shutil.copy(shop.index.product(0).path, photo(tmp_path / "photos" / "2.png", "red"))
    figures = scored(shop, photo_queries(tmp_path / "photos", shop, shop.index.attributes))
    # 2, which is its own id, and the two red ones are out: 3 and 4 are left.
    assert figures["gender"].precision == pytest.approx(2 / 5)


def test_classes_are_scored_by_the_article_types_that_fit(shop, tmp_path):
    types = {"1": "Tshirts", "2": "Tops", "3": "Hat", "4": "Tops", "5": "Tshirts"}
    attributes = {name: {"articleType": value} for name, value in types.items()}
    for name in ("a", "b", "c"):
        photo(tmp_path / "photos" / "t-shirt" / f"{name}.png", "red")
    photo(tmp_path / "photos" / "hat" / "3.png", "blue")
    photo(tmp_path / "photos" / "body" / "d.png", "red")
    classes = {"t-shirt": ["Tshirts", "Tops"], "hat": ["Hat"], "body": []}
    queries = photo_queries(tmp_path / "photos", shop, attributes, classes)
    assert queries.notes == ("1 of 5 photos are left out: they have no such id, or no such class.",)
    figures = evaluate(shop.index, attributes, queries)["look"]
    # Of the five products four fit a T-shirt and one a hat; the hat's photo happens to have that product's number.
    assert figures["class"].precision == pytest.approx((3 * 0.8 + 0.2) / 4) and figures["class"].queries == 4
    assert figures["class mean"].precision == pytest.approx((0.8 + 0.2) / 2)


def test_unreadable_photos_are_reported_and_left_out(shop, tmp_path):
    photo(tmp_path / "photos" / "1.png", "red")
    (tmp_path / "photos" / "2.png").write_text("hello")
    queries = photo_queries(tmp_path / "photos", shop, shop.index.attributes)
    assert len(queries.rows) == 1 and queries.notes[0].startswith("2.png is not an image")


def test_no_usable_photo_is_an_error(shop, tmp_path):
    photo(tmp_path / "photos" / "9.png", "red")
    with pytest.raises(CatalogueError, match="None of the 1 photos .* can be a query"):
        photo_queries(tmp_path / "photos", shop, shop.index.attributes)
    with pytest.raises(CatalogueError, match="There is no folder .*nowhere"):
        photo_queries(tmp_path / "nowhere", shop, shop.index.attributes)


def test_content_keys_are_equal_for_equal_bytes(tmp_path):
    texts = {"a": "one", "b": "one", "c": "two", "d": "three"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    a, b, c, d, gone, lost = content_keys([tmp_path / name for name in (*texts, "gone", "lost")])
    assert a == b and len({a, c, d, gone, lost}) == 5


def test_missing_files_are_reported(shop):
    shop.index.product(4).path.unlink()
    queries = leave_one_out(shop.index, shop.index.attributes)
    assert queries.notes == ("1 products' files are not on disk: copies of them are not recognized.",)


@pytest.mark.parametrize(
    "text", ["{", pytest.param("[" * 100_000, id="nested"), "[]", '{"hat": "Hat"}', '{"hat": [1]}', '{"hat": null}']
)
def test_a_broken_mapping_is_an_error(tmp_path, text):
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(CatalogueError, match=r"classes\.json (cannot be read as JSON|must map each class)"):
        read_classes(tmp_path / "classes.json")


def test_held_out_ids_are_read_from_a_list_or_a_networks_description(tmp_path):
    file = tmp_path / "ids.json"
    for text in ('["1", 2]', '{"held_out": {"product_ids": ["1", "2"]}}'):
        file.write_text(text)
        assert read_ids(file) == {"1", "2"}
    for text in ('{"held_out": []}', "{}", "3", '{"held_out": {"product_ids": "12"}}', "nothing"):
        file.write_text(text)
        with pytest.raises(CatalogueError, match=r"ids\.json"):
            read_ids(file)


def test_the_classes_of_the_benchmark_are_well_formed():
    classes = read_classes(ROOT / "benchmarks" / "classes.json")
    assert len(classes) == 17 and classes["body"] == [] and classes["t-shirt"] == ["Tshirts", "Tops"]


def test_stdout_contains_nothing_but_json(shop):
    done = lookalike("evaluate", "--index", shop.index.folder, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == ""  # a bar is for terminals
    assert (answer["queries"], answer["default"], set(answer["spaces"])) == (5, {"look": 1.0}, {"look", "default"})
    assert answer["spaces"]["default"]["baseColour"] == {"precision": 0, "low": 0, "high": 0, "queries": 5}


def test_the_table_has_one_line_per_space(shop):
    styles = shop.index.folder / "styles.csv"
    done = lookalike("evaluate", "--index", shop.index.folder, "--styles", styles, "--limit", 4, "--space", "look")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["precision", "at", "5", "baseColour", "gender"]
    assert lines[1].split() == ["queries", "4", "4"]
    assert lines[2].startswith("look") and "0.000 (0.000–0.000)" in lines[2]
    assert lines[3:] == ["default = 1 look"]


def test_bad_input_exits_1_with_one_sentence(shop, tmp_path):
    (tmp_path / "ids.json").write_text('["99"]')
    (tmp_path / "bare").mkdir()
    for name in ("embeddings.pkl", "filenames.pkl"):
        shutil.copy(shop.index.folder / name, tmp_path / "bare")
    for arguments, sentence in {
        ("--index", tmp_path / "bare"): "The index has no attributes to judge by. Name their table with --styles.",
        ("--index", tmp_path / "nowhere"): "There is no index in",
        ("--index", shop.index.folder, "--styles", tmp_path / "no.csv"): f"{tmp_path / 'no.csv'} cannot be read",
        (
            "--index",
            shop.index.folder,
            "--queries",
            tmp_path,
            "--classes",
            tmp_path / "no.json",
        ): f"{tmp_path / 'no.json'} cannot be read",
        (
            "--index",
            shop.index.folder,
            "--classes",
            ROOT / "benchmarks" / "classes.json",
        ): "--classes is about photos. Name the folder of the photos with --queries.",
        ("--index", shop.index.folder, "--held-out", tmp_path / "ids.json"): "None of the 5 products",
        ("--index", shop.index.folder, "--space", "taste"): "The index has no space taste.",
    }.items():
        done = lookalike("evaluate", *arguments)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith(f"error: {sentence}") and len(done.stderr.splitlines()) == 1


def test_the_demo_catalogues_own_images_as_shoppers_photos(demo_index, tmp_path):
    """The real model: shoes and dresses by class and by id, which never match themselves."""
    styles, classes = read_styles(ROOT / "styles.csv"), {"shoes": ["Casual Shoes"], "dress": ["Dresses"]}
    for group, (kind,) in classes.items():
        (tmp_path / "photos" / group).mkdir(parents=True)
        for name in [name for name, own in styles.items() if own.get("articleType") == kind][:4]:
            shutil.copy(ROOT / "images" / f"{name}.jpg", tmp_path / "photos" / group)
    (tmp_path / "classes.json").write_text(json.dumps(classes))
    command = ["evaluate", "--index", demo_index, "--styles", ROOT / "styles.csv", "--queries", tmp_path / "photos"]
    by_class = json.loads(lookalike(*command, "--classes", tmp_path / "classes.json", "--json").stdout)
    by_id = json.loads(lookalike(*command, "--json").stdout)
    assert by_class["queries"] == by_id["queries"] == 8
    for name, figures in by_class["spaces"].items():
        assert set(figures) == {"class", "class mean"}
        # The same queries, whose class is their article type, against the same products.
        assert figures["class"]["precision"] == by_id["spaces"][name]["articleType"]["precision"]
    assert by_id["spaces"]["look"]["articleType"]["precision"] >= 0.3
