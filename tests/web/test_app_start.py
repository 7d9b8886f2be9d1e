"""The ways to start a search through AppTest, and what a hostile browser may send."""

import io
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from PIL import Image

from lookalike.images.guarded_connection import Policy
from lookalike.images.web_fetch import fetch_image
from lookalike.web import texts
from lookalike.web.components import paste, photo_grid
from lookalike.web.look_up import start
from tests.support.app_page import button, photo, results, submit, upload
from tests.support.data import ROOT


def test_words_and_numbers_find_products(open_app, demo_index):
    app = open_app(demo_index)
    submit(app, "dress")
    found = [button for button in app.button if (button.key or "").startswith("found-")]
    assert found and all("dress" in button.label.lower() for button in found)
    found[0].click().run()
    assert not app.exception and len(results(app)) == 5 and "product" in app.query_params


def test_surprise_me_and_the_examples_start_with_a_product(open_app, demo_index):
    app = open_app(demo_index)
    button(app, "surprise").click().run()
    assert not app.exception and len(results(app)) == 5
    app = open_app(demo_index)
    examples = [button for button in app.button if (button.key or "").startswith("example-")]
    assert len(examples) == start.EXAMPLES
    examples[0].click().run()
    assert not app.exception and len(results(app)) == 5


def test_a_web_address_on_the_local_network_gets_a_sentence(open_app, demo_index):
    app = open_app(demo_index)
    submit(app, "http://127.0.0.1/photo.jpg")
    assert not app.exception and len(app.error) == 1 and not results(app)


def test_a_picture_on_the_web_is_searched_for(open_app, demo_index, monkeypatch):
    handler = partial(SimpleHTTPRequestHandler, directory=str(ROOT / "images"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        # The real function, except that this test allows one address on the local network.
        local = Policy(ports=frozenset({server.server_port}), exceptions=frozenset({server.server_address}))
        monkeypatch.setattr(start, "fetch_image", partial(fetch_image, policy=local))
        app = open_app(demo_index)
        submit(app, f"http://127.0.0.1:{server.server_port}/{photo().name}")
        server.shutdown()
    assert not app.exception and not app.error and app.header[0].value == texts.YOUR_PHOTO
    assert len(results(app)) == 5


@pytest.mark.parametrize("sent", [None, 7, {}, ["a"], [[1]], [[7, 0], [-1, 2], [True, 1], ["1", 2]]])
def test_cells_that_a_browser_sends_are_checked(sent):
    assert photo_grid.valid_cells(sent, (7, 7)) == frozenset()
    assert photo_grid.valid_cells([[0, 6], [0, 6], [3, 3]], (7, 7)) == {(0, 6), (3, 3)}


@pytest.mark.parametrize("sent", [None, 7, "", "data:image/png,plain", "data:;base64,?", "data:;base64," + "A" * 900])
def test_photos_that_a_browser_pastes_are_checked(sent):
    assert paste.decode_data_url(sent, max_bytes=500) is None
    assert paste.decode_data_url("data:image/png;base64,aGVsbG8=", max_bytes=500) == b"hello"


def test_the_page_says_so_if_a_photo_is_unrelated_to_the_catalogue(open_app, demo_index):
    buffer = io.BytesIO()
    Image.effect_noise((300, 300), 90).convert("RGB").save(buffer, "PNG")
    app = upload(open_app(demo_index), buffer.getvalue())
    assert app.info[0].value == texts.UNRELATED and len(results(app)) == 5
    assert not upload(open_app(demo_index), photo().read_bytes()).info
