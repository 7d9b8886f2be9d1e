"""Words that join a photo or a product, and words alone, through AppTest: chips, sentences, the address."""

import pickle
import shutil

import pytest

from lookalike.index.reading import load_index
from lookalike.search.recommender import Ranking
from lookalike.search.steering import can_steer
from lookalike.web import texts
from tests.support.app_page import button, look_up, open_product, photo, results, submit, upload


def field(app):
    return next(field for field in app.text_input if field.key == "words-field")


def has_field(app):
    return any(field.key == "words-field" for field in app.text_input)


def chips(app):
    return [button.key.partition(":")[2] for button in app.button if (button.key or "").startswith("chip-words:")]


def captions(app):
    return " ".join(caption.value for caption in app.caption)


def attributes(app, index):
    shop = load_index(index)
    return [shop.attributes_of(shop.row(identity)) for identity in results(app)]


def test_words_become_chips_change_the_results_and_can_be_taken_off(open_app, demo_index):
    app = look_up(open_app, demo_index)
    before = results(app)
    field(app).set_value("in white").run()
    assert not app.exception and chips(app) == ["white"] and app.query_params["words"] == "in white"
    white = results(app)
    assert white != before and len(white) == 5 and field(app).value == ""
    assert sum(own["baseColour"] in ("White", "Off White") for own in attributes(app, demo_index)) >= 3
    field(app).set_value("for men").run()
    assert chips(app) == ["white", "men"] and results(app) != white
    field(app).set_value("black").run()
    assert chips(app) == ["men", "black"]
    button(app, "chip-words:black").click().run()
    button(app, "chip-words:men").click().run()
    assert not app.exception and results(app) == before and not chips(app) and "words" not in app.query_params


def test_the_address_holds_the_words(open_app, demo_index):
    app = look_up(open_app, demo_index, words="in white")
    assert not app.exception and chips(app) == ["white"]
    first = results(app)
    app = upload(open_app(demo_index), photo().read_bytes())
    field(app).set_value("in white").run()
    assert not app.exception and chips(app) == ["white"] and "photo" in app.query_params
    assert len(set(first) & set(results(app))) >= 3
    button(app, f"like-{results(app)[0]}").click().run()
    assert not chips(app) and "words" not in app.query_params


def test_words_that_are_not_understood_are_named(open_app, demo_index):
    app = look_up(open_app, demo_index)
    before = results(app)
    field(app).set_value("frobnicator*").run()
    assert not app.exception and results(app) == before and not chips(app)
    assert "We don't know “frobnicator” here." in captions(app) and texts.WORDS_ADVICE in captions(app)
    field(app).set_value("red frobnicator").run()
    assert chips(app) == ["red"] and "We understood “red”, but not “frobnicator”." in captions(app)


@pytest.mark.parametrize("words", ["x" * 150, "<b> ' \u200f ☂", "red red red", ":red[x] red"])
def test_any_words_in_an_address_get_an_answer(open_app, demo_index, words):
    app = look_up(open_app, demo_index, words=words)
    assert not app.exception and not app.error and len(results(app)) == 5


def test_words_join_filters_the_balance_and_judgments(open_app, demo_index):
    app = look_up(open_app, demo_index, **{"only.gender": "Men", "balance": "1.0", "words": "in white"})
    assert not app.exception and {own["gender"] for own in attributes(app, demo_index)} == {"Men"}
    first = results(app)[0]
    button(app, f"no-{first}").click().run()
    assert not app.exception and first not in results(app) and chips(app) == ["white"]


def test_where_the_look_alone_is_known_no_words_can_join(open_app, demo_index, tmp_path):
    shutil.copytree(demo_index, tmp_path / "ranked")
    app = look_up(lambda index: open_app(index, LOOKALIKE_RANKING="look"), tmp_path / "ranked", words="in white")
    assert not app.exception and not has_field(app) and not chips(app) and len(results(app)) == 5
    (tmp_path / "classic").mkdir()
    shop = load_index(demo_index)
    for name, content in (("embeddings.pkl", list(shop.look)), ("filenames.pkl", [str(n) for n in shop.names])):
        (tmp_path / "classic" / name).write_bytes(pickle.dumps(content))
    index = load_index(tmp_path / "classic")
    assert not can_steer(Ranking(index))


def test_a_field_on_the_start_page_takes_words_and_says_what_it_did_not_understand(open_app, demo_index):
    app = open_app(demo_index)
    assert len(app.text_input) == 1
    submit(app, "red frobnicator")
    found = [button for button in app.button if (button.key or "").startswith("found-")]
    assert not app.exception and found and "We understood “red”, but not “frobnicator”." in captions(app)
    submit(app, "frobnicator")
    assert "We don't know “frobnicator” here." in captions(app)
    assert any((button.key or "").startswith("example-") for button in app.button), "the page goes on"
    submit(app, photo().stem)
    assert any(button.key == f"found-{photo().stem}" for button in app.button)


@pytest.mark.parametrize("typed", ["ftp://shop.example/a.jpg", "www.shop.example", "shop.example/a.jpg", "HTTP://[::1"])
def test_what_looks_like_an_address_gets_a_sentence_about_addresses(open_app, demo_index, typed):
    app = open_app(demo_index)
    submit(app, typed)
    assert not app.exception and len(app.error) == 1 and not results(app)
    app = open_product(app, photo().stem)
    assert not app.error and len(results(app)) == 5
