"""What a visitor does with a query, through AppTest: addresses, filters, the balance, favorites, why."""

import shutil

import streamlit as st

from lookalike.extraction.build import build_index
from lookalike.web import texts
from lookalike.web.look_up import page
from lookalike.web.look_up.permalink import DEFAULT_COUNT
from lookalike.web.look_up.start import EXAMPLES
from tests.support.app_page import button, identity, look_up, open_product, photo, results, upload
from tests.support.browser import NO_MATCH


def test_the_address_of_a_product_holds_the_whole_search(open_app, demo_index):
    app = look_up(open_app, demo_index, **{"only.gender": "Women", "balance": "1.0", "count": "10", "part": "3334"})
    assert not app.exception and not app.error
    assert len(results(app)) == 10 and identity() not in results(app)
    assert app.select_slider[0].value == 1.0 and app.session_state["query"].region(0) == {(3, 3), (3, 4)}
    women = app.session_state["query"].search.filters
    assert women == {"gender": ("Women",)} and app.pills[0].value == ["Women"]


def test_the_browser_is_given_a_photo_though_the_first_run_ends_too_early(open_app, demo_index, monkeypatch):
    """Streamlit ends a run at any drawing when the visitor does something else, and runs the page again."""
    keep_photos, given = page.keep_photos, []

    def end_first_run(name, photos):
        given.append(len(photos))
        st.stop() if len(given) == 1 else keep_photos(name, photos)

    monkeypatch.setattr(page, "keep_photos", end_first_run)
    app = upload(open_app(demo_index), photo().read_bytes())
    app.run()
    app.run()
    assert not app.exception and given == [1, 1, 0]


def test_nonsense_in_an_address_gets_a_sentence_or_is_ignored(open_app, demo_index):
    app = open_product(open_app(demo_index), "no-such-*product*")
    assert not app.exception and "no product with the number" in app.error[0].value
    app = look_up(open_app, demo_index, **{"only.price": "1", "balance": "NaN", "count": "-3", "part": "9z-☂"})
    assert not app.exception and not app.error and results(app)
    assert app.session_state["query"].search.filters == {} and not app.session_state["query"].region(0)


def test_more_like_this_makes_a_result_the_query_and_updates_the_address(open_app, demo_index):
    app = look_up(open_app, demo_index, **{"only.gender": "Women"})
    first = results(app)[0]
    button(app, f"like-{first}").click().run()
    assert not app.exception and app.query_params["product"] == first
    assert app.query_params["only.gender"] == "Women" and first not in results(app)
    assert app.header[0].value == texts.YOUR_PRODUCT


def test_products_with_the_same_id_in_two_folders_are_two_products(open_app, embedder, tmp_path):
    """A shop may keep bags/1.jpg and shoes/1.jpg: both may be among the results, and be searched for."""
    for place in range(8):
        folder = tmp_path / "images" / "ab"[place // 4]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo(place), folder / f"{place % 4}.jpg")
    build_index(tmp_path / "images", tmp_path, embedder)
    app = open_product(open_app(tmp_path), "0")
    assert not app.exception and len(set(results(app))) == 5
    second = next(result for result in results(app) if result.startswith("images/b/"))
    button(app, f"why-{second}").click().run()
    assert not app.exception
    button(app, f"like-{second}").click().run()
    assert not app.exception and app.query_params["product"] == second and second not in results(app)
    first = results(app)[0]
    button(app, f"keep-{first}").click().run()
    assert button(app, f"forget-{first}") and not app.exception


def test_a_filter_still_gives_five_results_if_five_exist(open_app, demo_index):
    app = look_up(open_app, demo_index)
    before = results(app)
    app.pills[0].set_value(["Boys"]).run()
    assert not app.exception and len(results(app)) == 5 and results(app) != before
    assert app.query_params["only.gender"] == "Boys"
    button(app, "chip-gender-Boys").click().run()
    assert results(app) == before and "only.gender" not in app.query_params


def test_a_word_that_neighbors_share_becomes_a_filter(open_app, demo_index, agreed_on):
    app = look_up(open_app, demo_index, agreed_on)
    chip = next(button for button in app.button if (button.key or "").startswith("chip-"))
    _, column, word = chip.key.split("-", 2)
    chip.click().run()
    assert not app.exception and app.query_params[f"only.{column}"] == word and len(results(app)) == 5


def test_the_balance_changes_the_ranking(open_app, demo_index):
    app = look_up(open_app, demo_index)
    before = results(app)
    app.select_slider[0].set_value(1.0).run()
    assert not app.exception and results(app) != before and app.query_params["balance"] == "1.0"


def test_show_more_adds_results(open_app, demo_index):
    app = look_up(open_app, demo_index)
    first = results(app)
    button(app, "more").click().run()
    assert results(app)[:5] == first and len(results(app)) == 10 and app.query_params["count"] == "10"


def test_favorites_are_kept_and_removed(open_app, demo_index):
    app = look_up(open_app, demo_index)
    kept = results(app)[0]
    button(app, f"keep-{kept}").click().run()
    assert app.session_state["favorites"] == [kept]
    assert {b.proto.label for b in app.get("download_button")} == {texts.DOWNLOAD, texts.DOWNLOAD_FAVORITES}
    button(app, f"forget-{kept}").click().run()
    assert not app.exception and app.session_state["favorites"] == []


def test_why_shows_both_pictures_their_colors_and_their_labels(open_app, demo_index):
    app = look_up(open_app, demo_index)
    button(app, f"why-{results(app)[0]}").click().run()
    said = " ".join(element.value for element in [*app.markdown, *app.caption])
    assert not app.exception
    assert all(text in said for text in (texts.WHY_HEATS, texts.WHY_COLORS, texts.WHY_LABELS))
    assert f"{texts.YOUR_PRODUCT}:" in said and texts.YOUR_PHOTO not in said


def test_an_answer_without_products_has_ways_on(open_app, demo_index):
    app = look_up(open_app, demo_index, **NO_MATCH)
    assert [warning.value for warning in app.warning] == [texts.NONE_LEFT] and results(app) == []
    tiles = [one.key for one in app.button if (one.key or "").startswith("example-")]
    assert len(tiles) == EXAMPLES
    app = button(app, "clear-all").click().run()
    assert not app.exception and not app.warning and len(results(app)) == DEFAULT_COUNT


def test_a_product_that_is_not_there_leaves_others_to_start_from(open_app, demo_index):
    app = open_product(open_app(demo_index), "nothing")
    assert len(app.error) == 1
    tile = next(one for one in app.button if (one.key or "").startswith("example-"))
    app = tile.click().run()
    assert not app.error and len(results(app)) == DEFAULT_COUNT
