import io
import json
import os
import pickle
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest

from lookalike.errors import IndexFileError
from lookalike.index.attributes import normalize
from lookalike.index.catalogue import product_id, readable, stored_name
from lookalike.index.reading import load_index, load_index_header, read_look
from lookalike.index.safe_loading import load_pickle
from lookalike.index.writing import pickled_matrix, save_index

LOOK = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
NAMES = ["images/1.jpg", "images/a/2.jpg", "/elsewhere/3.jpg"]


def save(folder, look=LOOK, names=NAMES, **description):
    save_index(folder, [look], names, {"backbone": "toy", **description})


def test_a_saved_index_is_loaded(tmp_path):
    (tmp_path / "styles.csv").write_text("id,gender\n2,Men\n")
    save(tmp_path, styles="styles.csv")
    index = load_index(tmp_path)
    np.testing.assert_array_equal(index.look, LOOK)
    assert index.names == tuple(NAMES)
    assert index.product(1).attributes == {"gender": "Men"} and index.product(1).id == "2"
    assert index.product(1).path == tmp_path / "images" / "a" / "2.jpg"
    assert str(index.product(2).path) == "/elsewhere/3.jpg" and index.product(2).attributes == {}
    assert index.manifest["n"] == 3 and index.manifest["channels"] == 2


def test_a_product_is_found_by_its_id_in_any_unicode_form(tmp_path):
    composed, apart = (unicodedata.normalize(form, "été") for form in ("NFC", "NFD"))
    (tmp_path / "styles.csv").write_text(f"id,gender\n{composed},Men\n", encoding="utf-8")
    save(tmp_path, names=[f"images/{apart}.jpg", f"b/{apart}.jpg", "1.jpg"], styles="styles.csv")
    index = load_index(tmp_path)
    assert index.product(0).id == composed and index.product(0).attributes == {"gender": "Men"}
    # A path is never changed.
    assert index.product(0).path == tmp_path / "images" / f"{apart}.jpg"
    assert [index.row(asked) for asked in (composed, apart, f"images/{apart}.jpg", f"b/{apart}.jpg")] == [0, 0, 0, 1]


def test_the_classic_scripts_read_ours(tmp_path):
    save(tmp_path)
    code = (
        "import pickle, numpy as np; a = np.array(pickle.load(open('embeddings.pkl', 'rb'))); "
        "n = pickle.load(open('filenames.pkl', 'rb')); assert a.shape == (3, 2) and a.dtype == np.float32; "
        "assert type(n) is list and n[0] == 'images/1.jpg'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_we_read_the_classic_pair(tmp_path, protocol):
    (tmp_path / "embeddings.pkl").write_bytes(pickle.dumps(list(LOOK), protocol))
    (tmp_path / "filenames.pkl").write_bytes(
        pickle.dumps([r"images\1.jpg", r"images\a\2.jpg", "images/3.jpg"], protocol)
    )
    index = load_index(tmp_path)
    np.testing.assert_array_equal(index.look, LOOK)
    assert index.names == ("images/1.jpg", "images/a/2.jpg", "images/3.jpg") and index.manifest == {}


def save_classic(folder, look, names):
    (folder / "embeddings.pkl").write_bytes(pickle.dumps(list(look)))
    (folder / "filenames.pkl").write_bytes(pickle.dumps(list(names)))


@pytest.mark.parametrize("names", [("a/1.jpg", "a/2.jpg", "a/1.jpg"), ("a/1.jpg", "a/2.jpg", "a\\1.jpg"),
                                   ("a/1.jpg", "a/2.jpg", "./a//1.jpg")])  # fmt: skip
def test_a_name_that_a_classic_pair_has_twice_is_one_product(tmp_path, names):
    save_classic(tmp_path, LOOK, names)
    index = load_index(tmp_path)
    assert index.names == ("a/1.jpg", "a/2.jpg")
    np.testing.assert_array_equal(index.look, LOOK[:2])
    assert len({index.identity(row) for row in range(2)}) == 2


@pytest.mark.parametrize("factor", [50, 1e-30, 1e30, np.array([[1e-3], [1], [7]])])
def test_a_classic_pair_that_is_not_normalized_is_served_as_if_it_were(tmp_path, factor):
    save_classic(tmp_path, (LOOK * factor).astype(np.float32), NAMES)
    np.testing.assert_allclose(load_index(tmp_path).look, LOOK, atol=1e-6)


def test_a_row_of_zeros_stays_one(tmp_path):
    save_classic(tmp_path, np.float32([[0, 0], [3, 4]]), ["1.jpg", "2.jpg"])
    np.testing.assert_allclose(load_index(tmp_path).look, [[0, 0], [0.6, 0.8]], atol=1e-6)


def test_numpy_1_wrote_other_module_names(tmp_path):
    old = pickle.dumps(LOOK, 2).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert b"numpy.core.multiarray" in old
    (tmp_path / "embeddings.pkl").write_bytes(old)
    (tmp_path / "filenames.pkl").write_bytes(pickle.dumps(NAMES))
    np.testing.assert_array_equal(load_index(tmp_path).look, LOOK)


class Malice:
    def __reduce__(self):
        return os.system, ("touch hacked",)


@pytest.mark.parametrize("name", ["embeddings.pkl", "filenames.pkl"])
def test_a_pickle_that_calls_code_is_refused(tmp_path, monkeypatch, name):
    save(tmp_path)
    (tmp_path / "index.json").unlink()
    (tmp_path / name).write_bytes(pickle.dumps([Malice()]))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IndexFileError, match=f"{name} was refused: it asks for posix.system"):
        load_index(tmp_path)
    assert not (tmp_path / "hacked").exists()


BAD_PAIRS = {
    "unequal lengths": (LOOK, NAMES[:2], "do not belong together"),
    "nan": (LOOK * np.nan, NAMES, "finite vectors"),
    "one dimension": (LOOK[0], NAMES[:2], "finite vectors"),
    "empty": (LOOK[:0], [], "finite vectors"),
    "ragged": ([LOOK[0], LOOK[0][:1], LOOK[1]], NAMES, "finite vectors"),
    "words": (["a", "b", "c"], NAMES, "finite vectors"),
    "names not a list": (LOOK, "abc", "list of paths"),
    "names not strings": (LOOK, [1, 2, 3], "list of paths"),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_a_bad_classic_pair_is_refused(tmp_path, case):
    embeddings, names, sentence = BAD_PAIRS[case]
    (tmp_path / "embeddings.pkl").write_bytes(pickle.dumps(embeddings))
    (tmp_path / "filenames.pkl").write_bytes(pickle.dumps(names))
    with pytest.raises(IndexFileError, match=sentence):
        load_index(tmp_path)


def test_a_missing_index_says_which_command_makes_it(tmp_path):
    with pytest.raises(IndexFileError, match="There is no index in .* python -m lookalike index"):
        load_index(tmp_path)


@pytest.mark.parametrize("name", ["embeddings.pkl", "filenames.pkl"])
def test_a_mixed_index_is_never_served(tmp_path, name):
    save(tmp_path / "a")
    save(tmp_path / "b", LOOK[::-1], NAMES[::-1])
    (tmp_path / "b" / name).replace(tmp_path / "a" / name)
    with pytest.raises(IndexFileError, match=f"{name} is not the file that index.json was written with"):
        load_index(tmp_path / "a")


@pytest.mark.parametrize("name", ["embeddings.pkl", "filenames.pkl", "index.json"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_a_cut_file_is_never_served(tmp_path, name, kept):
    save(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(IndexFileError):
        load_index(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"format": 2}', '{"format": 1, "backbone": 3}'])
def test_a_manifest_of_another_version_is_refused(tmp_path, text):
    save(tmp_path)
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(IndexFileError, match="damaged or of another version"):
        load_index(tmp_path)


def test_a_manifest_that_states_another_shape_is_refused(tmp_path):
    save(tmp_path)
    manifest = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**manifest, "channels": 3}))
    with pytest.raises(IndexFileError, match="does not have the shape"):
        load_index(tmp_path)


def test_a_full_disk_leaves_the_old_index_unchanged(tmp_path):
    """/dev/full refuses every byte, as a full disk does."""
    save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "filenames.pkl.new").symlink_to("/dev/full")
    with pytest.raises(IndexFileError, match="No space left on device.*unchanged.*another folder"):
        save(tmp_path, LOOK[::-1])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_names_are_relative_if_possible(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert stored_name("images/1.jpg", ".") == "images/1.jpg"
    assert stored_name(tmp_path / "images" / "1.jpg", tmp_path) == "images/1.jpg"
    assert stored_name("/else/where.jpg", tmp_path) == "/else/where.jpg"


def test_an_array_of_objects_is_refused(tmp_path):
    objects = io.BytesIO()
    pickle.dump(np.array([Malice()], dtype=object), objects)
    (tmp_path / "embeddings.pkl").write_bytes(objects.getvalue())
    (tmp_path / "filenames.pkl").write_bytes(pickle.dumps(["1.jpg"]))
    with pytest.raises(IndexFileError, match="was refused"):
        load_index(tmp_path)


def test_writing_again_repairs_a_file_that_was_damaged_without_changing_its_size(tmp_path):
    save(tmp_path)
    good = (tmp_path / "embeddings.pkl").read_bytes()
    (tmp_path / "embeddings.pkl").write_bytes(good[:-9] + b"damaged!" + good[-1:])
    with pytest.raises(IndexFileError, match="is not the file"):
        load_index(tmp_path)
    save(tmp_path)
    assert (tmp_path / "embeddings.pkl").read_bytes() == good
    np.testing.assert_array_equal(load_index(tmp_path).look, LOOK)


def test_a_picture_outside_the_catalogue_is_never_shown(toy_index):
    index = load_index(toy_index)
    assert index.picture(index.product(0)) == (toy_index / "images" / "1.png").resolve()
    (toy_index.parent / "secret.png").write_bytes((toy_index / "images" / "1.png").read_bytes())
    for name in ("../secret.png", str(toy_index.parent / "secret.png"), "images/../../secret.png", "/etc/passwd"):
        strayed = replace(index, names=(name, *index.names[1:]))
        assert strayed.picture(strayed.product(0)) is None, name


def test_a_sample_is_drawn_by_a_fixed_seed_in_catalogue_order(tmp_path):
    look = np.eye(50, dtype=np.float32)
    save(tmp_path, look, [f"{number}.jpg" for number in range(50)])
    index = load_index(tmp_path)
    assert index.is_in_memory and index.sample(50) is index
    sample = index.sample(7)
    rows = np.sort(np.random.default_rng(0).choice(50, 7, replace=False))
    assert sample.names == tuple(f"{row}.jpg" for row in rows) and sample.manifest == index.manifest
    np.testing.assert_array_equal(sample.look, look[rows])


def test_products_with_one_id_are_asked_for_by_name_except_the_first(tmp_path):
    save(tmp_path, names=["a/1.jpg", "b/1.jpg", "b/2.jpg"])
    index = load_index(tmp_path)
    identities = [index.product(row).identity for row in range(3)]
    assert identities == ["1", "b/1.jpg", "2"] and [index.row(identity) for identity in identities] == [0, 1, 2]
    assert index.row("a/1.jpg") == 0 and index.row("c/1.jpg") is None and index.row("3") is None


def test_a_name_that_is_another_products_id_does_not_stand_for_both(tmp_path):
    save(tmp_path, names=["a/1.png", "1.jpg", "1.jpg.png"])
    index = load_index(tmp_path)
    identities = [index.product(row).identity for row in range(3)]
    assert identities == ["1", "./1.jpg", "1.jpg"] and [index.row(identity) for identity in identities] == [0, 1, 2]


def test_a_header_holds_everything_but_names_and_vectors(toy_index):
    header, index = load_index_header(toy_index), load_index(toy_index)
    assert (header.folder, header.manifest, header.attributes) == (index.folder, index.manifest, index.attributes)
    assert header.head is None and header.written_at == index.written_at > 1.6e9


def test_numbers_of_a_saved_index_are_read_without_a_copy_and_where_processors_want_them(tmp_path):
    save(tmp_path)
    look = load_index(tmp_path).look
    assert look.flags.aligned and not look.flags.owndata and not look.flags.writeable


@pytest.mark.parametrize("change", [b"", b"tb.", b"\x00"])
@pytest.mark.parametrize("place", [0, 70, 88, 93, 129])
def test_a_pickle_that_is_ours_but_for_a_byte_is_read_as_any_other(place, change):
    whole = b"".join(pickled_matrix(LOOK.shape, [LOOK]))
    np.testing.assert_array_equal(read_look(whole), LOOK)
    flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    for content in (flipped + change, whole[:-1] + change, whole[: len(whole) // 2] + change):
        try:
            expected = load_pickle(content, "embeddings.pkl")
        except IndexFileError:
            expected = None
        if isinstance(expected, np.ndarray) and expected.ndim == 2 and np.isfinite(expected).all():
            np.testing.assert_array_equal(read_look(content), expected)
        else:
            with pytest.raises(IndexFileError):
                read_look(content)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused_in_our_own_pickles(number):
    look = LOOK.copy()
    look[1, 0] = number
    with pytest.raises(IndexFileError, match="finite vectors"):
        read_look(b"".join(pickled_matrix(look.shape, [look])))


def test_numbers_whose_squares_are_too_large_are_finite():
    look = (LOOK * 1e30).astype(np.float32)
    np.testing.assert_array_equal(read_look(b"".join(pickled_matrix(look.shape, [look]))), look)


def test_a_searcher_is_made_once(tmp_path):
    save(tmp_path)
    index = load_index(tmp_path)
    assert index.searcher() is index.searcher() is not index.sample(2).searcher()


@pytest.mark.parametrize("name", ["1.jpg", "a/1.jpg", "a/b.c.jpg", "a", "a/b", "a.", "a/b.", ".jpg", "a/.jpg", "..jpg",
                                  "a/..jpg", "a/...", "a.b/", "a.b//", "a.b/.", "a/./b.x", "..", "a/..", "a.jpg/..",
                                  "é.jpg", "e\u0301/e\u0301.jpg", "\udce9.jpg", " .jpg", "a\\b.jpg"])  # fmt: skip
def test_an_id_is_the_stem_of_the_files_path(name):
    assert product_id(name) == normalize(readable(PurePosixPath(name).stem))


@pytest.mark.parametrize("other", ["a//1.jpg", "a/./1.jpg", "./a/1.jpg", "a/1.jpg/", "a/1.jpg/."])
def test_names_of_one_path_are_one_product_in_a_classic_pair(tmp_path, other):
    save_classic(tmp_path, LOOK, ["a/1.jpg", "a/2.jpg", other])
    assert load_index(tmp_path).names == ("a/1.jpg", "a/2.jpg")
