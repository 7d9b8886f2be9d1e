"""A question decodes its photo once at each scale that it needs, on the page, in the API and in the terminal.

A JPEG is decoded at a small scale of its own for a whole photo, and once more, larger, where a part of it is asked for.
"""

import io
import json

import pytest
from PIL import Image

from lookalike.cli.main import main
from lookalike.extraction.build import build_index
from lookalike.files import sha256
from lookalike.search.query import MAX_SIDE
from lookalike.serving.state import server_state
from lookalike.settings import Settings
from lookalike.web.api.service import Service
from tests.support.app_page import button, open_product, photo, results, upload
from tests.support.decodings import count_decodings
from tests.support.outfit import drawn_outfit

SIZE = 224
WHOLE_PHOTO = {SIZE: 1}
WITH_A_PART = {SIZE: 1, MAX_SIDE: 1}
PART = (0.3, 0.3, 0.6, 0.6)


@pytest.fixture
def of(monkeypatch):
    """of(content) says how often a file was decoded at each size, from now on."""
    counts = count_decodings(monkeypatch)
    return lambda content: {size: count for (name, size), count in counts.items() if name == sha256(content)}


@pytest.fixture
def taken(request):
    """A photo as a phone takes it, and no other test's: caches of the process outlive a test."""
    with Image.open(photo()) as image:
        large = image.resize((1800, 2400))
    large.putpixel((0, 0), (sum(map(ord, request.node.name)) % 256, len(request.node.name), 0))
    buffer = io.BytesIO()
    large.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@pytest.fixture
def outfit(request):
    """An outfit of several garments with more pixels than the networks see."""
    buffer = io.BytesIO()
    drawn_outfit().resize((1440, 2160)).save(buffer, "JPEG", quality=92, comment=request.node.name.encode())
    return buffer.getvalue()


def choose_part(app, part):
    """Mark a part, as a tap in the browser does: it is in the address."""
    app.query_params["part"] = part
    return app.run()


def test_a_photo_and_what_refines_its_answer(open_app, demo_index, taken, of):
    app = upload(open_app(demo_index), taken)
    assert not app.exception and len(results(app)) == 5 and of(taken) == WHOLE_PHOTO
    app.pills[0].set_value(["Boys"]).run()
    app.select_slider[0].set_value(1.0).run()
    button(app, "more").click().run()
    next(field for field in app.text_input if "words" in (field.key or "")).set_value("in red").run()
    app.run()
    assert not app.exception and of(taken) == WHOLE_PHOTO


def test_a_part_of_a_photo_and_another(open_app, demo_index, taken, of):
    app = upload(open_app(demo_index), taken)
    for part in ("3334", "4344", ""):
        choose_part(app, part)
        assert not app.exception and not app.error
    assert of(taken) == WITH_A_PART


def test_the_garments_of_an_outfit(open_app, demo_index, outfit, of):
    app = upload(open_app(demo_index), outfit)
    assert not app.exception and len(results(app)) == 5
    first = of(outfit)
    assert first in (WHOLE_PHOTO, WITH_A_PART)
    app.run()
    assert of(outfit) == first


def test_why(open_app, demo_index, taken, of):
    app = upload(open_app(demo_index), taken)
    first = results(app)[0]
    shown = photo().with_name(f"{first}.jpg").read_bytes()
    before = of(shown)
    for _ in range(2):
        button(app, f"why-{first}").click().run()
        assert not app.exception
    assert of(taken) == WHOLE_PHOTO
    # Its card has shown it before, from a file too small to keep a thumbnail of.
    assert of(shown) == {**before, SIZE: 1}


@pytest.fixture
def shop(embedder, tmp_path):
    """A shop of six originals and its index, with thumbnails."""
    (tmp_path / "images").mkdir()
    for number in range(6):
        with Image.open(photo(number)) as image:
            image.resize((1200, 1600)).save(tmp_path / "images" / f"{number}.jpg", quality=90)
    build_index(tmp_path / "images", tmp_path, embedder)
    return tmp_path


def test_a_product_a_part_of_it_and_why(open_app, shop, of):
    originals = [(shop / "images" / f"{number}.jpg").read_bytes() for number in range(6)]
    app = open_product(open_app(shop), "0")
    assert [of(content) for content in originals] == [{}] * 6
    choose_part(app, "3334")
    assert not app.exception and not app.error
    assert [of(content) for content in originals] == [WITH_A_PART] + [{}] * 5
    first = results(app)[0]
    button(app, f"why-{first}").click().run()
    assert not app.exception and of(originals[0]) == WITH_A_PART and of(originals[int(first)]) == WHOLE_PHOTO


@pytest.fixture
def service(demo_index, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_INDEX", str(demo_index))
    monkeypatch.setattr(server_state(), "settings", Settings.from_environment())
    return Service(server_state())


@pytest.mark.parametrize(
    "question, expected",
    [
        ({}, WHOLE_PHOTO),
        ({"words": "in red"}, WHOLE_PHOTO),
        ({"filters": {"gender": ["Women"]}}, WHOLE_PHOTO),
        ({"region": (0.0, 0.0, 1.0, 0.8)}, WHOLE_PHOTO),
        ({"region": PART}, WITH_A_PART),
        ({"region": PART, "words": "in red"}, WITH_A_PART),
    ],
    ids=["photo", "words", "filter", "large part", "part", "part and words"],
)
def test_the_api(service, taken, of, question, expected):
    assert len(service.similar("somebody", [taken], **question).matches) == 5
    assert of(taken) == expected


def test_vectors_and_garments_of_the_api(service, outfit, of):
    service.vectors("somebody", [outfit])
    assert of(outfit) == WHOLE_PHOTO
    service.garments("somebody", [outfit])
    assert sorted(of(outfit).values()) == [1, 1]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ((), WHOLE_PHOTO),
        (("--words", "in red"), WHOLE_PHOTO),
        (("--ranking", "look"), WHOLE_PHOTO),
        (("--part", "0.3,0.3,0.6,0.6"), WITH_A_PART),
    ],
    ids=["photo", "words", "look alone", "part"],
)
def test_the_terminal(demo_index, taken, of, tmp_path, capsys, arguments, expected):
    (tmp_path / "photo.jpg").write_bytes(taken)
    assert main(["similar", str(tmp_path / "photo.jpg"), "--index", str(demo_index), "--json", *arguments]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert len(answer["matches"]) == 5 and of(taken) == expected


def test_garments_in_the_terminal(outfit, of, tmp_path, capsys):
    (tmp_path / "outfit.jpg").write_bytes(outfit)
    assert main(["garments", str(tmp_path / "outfit.jpg"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["garments"] and list(of(outfit).values()) == [1]
