import json
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from lookalike.analysis.evaluation import leave_one_out
from lookalike.analysis.metrics import evaluate
from lookalike.cli.main import main
from lookalike.errors import CatalogueError, IndexFileError
from lookalike.extraction.checkpoint import Checkpoint
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.reading import Index, load_index
from lookalike.index.writing import save_head, save_index
from lookalike.tuning.fitting import fit_head
from lookalike.tuning.tune import SEED, Gain, forget_words, tune, tune_index


def catalogue(tmp_path, n=600, seed=0, noise=0.2):
    """An index whose fashion vectors show the gender in one number only, the rest being noise; and its attributes."""
    rng = np.random.default_rng(seed)
    genders = rng.integers(0, 2, n)
    fashion = rng.normal(0, 1, (n, 40)).astype(np.float32)
    fashion[:, 0] = genders * 2 - 1 + rng.normal(0, noise, n)
    fashion /= np.linalg.norm(fashion, axis=1, keepdims=True)
    color = np.ones((n, 1), np.float32)
    attributes = [{"gender": ("Men", "Women")[g]} for g in genders]
    names = [f"{row}.jpg" for row in range(n)]
    (tmp_path / "styles.csv").write_text(
        "id,gender\n" + "".join(f"{row},{own['gender']}\n" for row, own in enumerate(attributes))
    )
    rows = np.concatenate([fashion, fashion, color], axis=1)
    widths = {"fashion": 40, "color": 1}
    save_index(tmp_path, [rows], names, {"backbone": "toy", "styles": "styles.csv"}, widths)
    return load_index(tmp_path), attributes


def test_tuning_helps_if_attributes_are_visible(toy, tmp_path):
    index, attributes = catalogue(tmp_path)
    head, gain = tune(index, toy, attributes)
    assert gain.products[1] > gain.products[0] + 0.1 and gain.helps and gain.composed is None
    assert head.words == {"gender": ("Men", "Women")}


def test_tuning_is_left_off_if_attributes_are_not_visible(toy, tmp_path):
    index, attributes = catalogue(tmp_path)
    shuffled = [attributes[row] for row in np.random.default_rng(9).permutation(len(attributes))]
    head, gain = tune(index, toy, shuffled)
    assert head is None and not gain.helps


@pytest.mark.parametrize(
    "products, composed, helps",
    [
        ((0.4, 0.5), None, True),
        ((0.4, 0.5), (0.3, 0.3), True),
        ((0.4, 0.5), (0.3, 0.2), False),
        ((0.5, 0.5), None, False),
    ],
)
def test_tuning_must_help_products_and_not_hurt_composites(products, composed, helps):
    assert Gain(("gender",), products, 0.02, composed).helps is helps


def test_a_tuned_index_has_the_space_and_is_not_tuned_again(toy, tmp_path):
    catalogue(tmp_path)
    calls = []

    def load_embedder():
        calls.append(1)
        return toy

    assert "switched on" in tune_index(tmp_path, load_embedder)
    index = load_index(tmp_path)
    assert isinstance(index.head, AttributeHead) and index.spaces["tuned"].shape == (600, 2)
    assert json.loads((tmp_path / "index.json").read_text())["tuning"]["columns"] == ["gender"]
    assert tune_index(tmp_path, load_embedder) == "" and len(calls) == 1
    assert "switched on" in tune_index(tmp_path, load_embedder, again=True)


def test_indexing_again_leaves_a_tuned_index_untouched(toy, tmp_path):
    catalogue(tmp_path)
    tune_index(tmp_path, lambda: toy)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name != "styles.csv"}
    catalogue(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name != "styles.csv"} == before


def test_a_changed_catalogue_keeps_its_head_until_a_new_one_is_learned(toy, tmp_path):
    catalogue(tmp_path)
    tune_index(tmp_path, lambda: toy)
    old = load_index(tmp_path)
    catalogue(tmp_path, n=601, seed=1)
    kept = load_index(tmp_path)
    assert len(kept.names) == 601 and kept.head.to_bytes() == old.head.to_bytes()
    assert kept.spaces["tuned"].shape == (601, 2)
    assert "switched on" in tune_index(tmp_path, lambda: toy)
    assert load_index(tmp_path).head.to_bytes() != old.head.to_bytes()


def test_a_changed_word_of_the_table_keeps_the_head_until_a_new_one_is_learned(toy, tmp_path):
    index, attributes = catalogue(tmp_path)
    tune_index(tmp_path, lambda: toy)
    rows = np.concatenate([index.spaces[name] for name in ("look", "fashion", "color")], axis=1)
    description = {"backbone": "toy", "styles": "styles.csv", "styles_sha256": "0" * 64}
    save_index(tmp_path, [rows], index.names, description, {"fashion": 40, "color": 1})
    assert "tuned" in load_index(tmp_path).spaces
    assert "switched on" in tune_index(tmp_path, lambda: toy)


@pytest.mark.parametrize(
    "widths, change",
    [({"fashion": 39, "color": 1}, {}), (None, {}), ({}, {"fashion": "another"}), ({}, {"styles": None})],
)
def test_a_head_that_does_not_fit_the_changed_catalogue_is_not_kept(toy, tmp_path, widths, change):
    index, _ = catalogue(tmp_path)
    tune_index(tmp_path, lambda: toy)
    rows = np.concatenate([index.spaces[name] for name in ("look", "fashion", "color")], axis=1)
    widths = {"fashion": 40, "color": 1} if widths == {} else widths
    save_index(tmp_path, [rows[:500]], index.names[:500], {"backbone": "toy", "styles": "styles.csv", **change}, widths)
    assert load_index(tmp_path).head is None and "tuning" not in load_index(tmp_path).manifest


def test_a_damaged_head_is_not_kept(toy, tmp_path):
    catalogue(tmp_path)
    tune_index(tmp_path, lambda: toy)
    (tmp_path / "tuned.npz").write_bytes(b"PK")
    catalogue(tmp_path, seed=1)
    assert load_index(tmp_path).head is None


def test_a_kept_head_goes_if_the_new_table_has_too_little_to_learn_from(toy, tmp_path):
    catalogue(tmp_path)
    tune_index(tmp_path, lambda: toy)
    catalogue(tmp_path, n=60)
    assert load_index(tmp_path).head
    with pytest.raises(CatalogueError, match="60 products have attributes"):
        tune_index(tmp_path, lambda: toy)
    assert load_index(tmp_path).head is None


def test_a_product_without_all_columns_is_scored_by_those_it_has(toy, tmp_path):
    index, attributes = catalogue(tmp_path)
    parts = [{"sleeve" if row % 2 else "heel": own["gender"]} for row, own in enumerate(attributes)]
    head, gain = tune(index, toy, parts)
    assert gain.columns == ("heel", "sleeve") and 0.1 < gain.products[0] < gain.products[1] <= 1 and gain.helps
    save_head(index, head, {"products": gain.products})
    assert set(load_index(tmp_path).head.words) == {"heel", "sleeve"}


def test_a_manifest_that_could_not_be_read_back_is_not_written(toy, tmp_path):
    index, _ = catalogue(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_head(index, None, {"error": float("nan")})
    assert load_index(tmp_path).manifest == index.manifest


def test_a_word_that_only_held_out_products_have_is_an_error(toy, tmp_path):
    index, attributes = catalogue(tmp_path)
    held = np.random.default_rng(SEED).permutation(len(attributes))[0]
    alike = [{"gender": "Women"} for _ in attributes]
    alike[held] = {"gender": "Men"}
    with pytest.raises(CatalogueError, match="Too few products differ in gender .*--styles FILE"):
        tune(index, toy, alike)


def test_too_little_to_learn_from_is_an_error(toy, tmp_path):
    index, attributes = catalogue(tmp_path)
    with pytest.raises(CatalogueError, match="50 products have attributes .* at least 100 are needed.*--styles FILE"):
        tune(index, toy, [*attributes[:50], *[{}] * 550])
    look_only = Index(index.folder, index.names, {"look": index.look}, {}, index.manifest)
    save_index(tmp_path, [look_only.look], index.names, {"backbone": "toy"})
    with pytest.raises(CatalogueError, match="no fashion space"):
        tune_index(tmp_path, lambda: toy)


def test_a_head_that_does_not_help_is_removed(toy, tmp_path):
    catalogue(tmp_path)
    tune_index(tmp_path, lambda: toy)
    save_head(load_index(tmp_path), None, {"attributes": "x"})
    assert load_index(tmp_path).head is None


def test_no_other_run_can_write_while_an_index_is_tuned(toy, tmp_path):
    catalogue(tmp_path)

    def other_run():
        with pytest.raises(IndexFileError, match="Another run is writing"):
            Checkpoint(tmp_path, "another")
        return toy

    tune_index(tmp_path, other_run)
    with closing(Checkpoint(tmp_path, "another")), pytest.raises(IndexFileError, match="Another run is writing"):
        tune_index(tmp_path, lambda: toy, again=True)
    load_index(tmp_path)


def test_tuning_a_missing_index_writes_nothing(tmp_path):
    with pytest.raises(IndexFileError, match="There is no index"):
        tune_index(tmp_path / "nowhere", None)
    assert not (tmp_path / "nowhere").exists()


def test_evaluation_never_asks_a_head_about_words_it_has_learned(tmp_path):
    """No picture shows the words here: a head can only know them by heart, as half of the numbers are there for."""
    index, attributes = catalogue(tmp_path, n=120)
    order = np.random.default_rng(3).permutation(120)
    shuffled = {str(row): attributes[place] for row, place in enumerate(order)}
    index = replace(index, attributes=shuffled)
    head = fit_head(index.spaces, [shuffled[str(row)] for row in range(120)])
    known = [index.attributes_of(row) for row in range(120)]
    index = replace(index, head=head, spaces={**index.spaces, "tuned": head.tuned(index.spaces, known)})
    asked = leave_one_out(index, shuffled)
    forgotten = []

    def forget(rows):
        forgotten.append(rows)
        return forget_words(index, rows)

    by_heart, honest = (
        evaluate(index, shuffled, asked, ["tuned"], forget=f)["tuned"]["gender"] for f in (None, forget)
    )
    assert by_heart.precision > 0.65 and abs(honest.precision - 0.5) < 0.1
    assert sorted(np.concatenate(forgotten).tolist()) == list(range(120))
    assert max(map(len, forgotten)) <= 0.2 * 120


def test_evaluation_takes_the_named_table_for_the_one_that_has_gone(toy, tmp_path, capsys):
    catalogue(tmp_path, n=120)
    tune_index(tmp_path, lambda: toy)
    (tmp_path / "styles.csv").rename(tmp_path / "moved.csv")
    assert load_index(tmp_path).head and not load_index(tmp_path).attributes
    command = ["evaluate", "--index", str(tmp_path), "--styles", str(tmp_path / "moved.csv"), "--space", "tuned"]
    assert main(command) == 0
    assert "Fitting a head without the words of 24 asked products" in capsys.readouterr().err


def test_a_head_is_asked_as_it_is_if_it_has_not_learned_the_words(tmp_path):
    index, attributes = catalogue(tmp_path, n=120)
    known = {str(row): own for row, own in enumerate(attributes)}
    # The shop's own table lacks the words of every second product.
    index = replace(index, attributes={name: own for name, own in known.items() if int(name) % 2})
    head = fit_head(index.spaces, [index.attributes_of(row) for row in range(120)])
    index = replace(index, head=head, spaces={**index.spaces, "tuned": head.tuned(index.spaces)})
    asked = leave_one_out(index, known, only={str(row) for row in range(0, 120, 2)})
    assert evaluate(index, known, asked, ["tuned"], forget=None) == evaluate(
        index, known, asked, ["tuned"], forget=list
    )
