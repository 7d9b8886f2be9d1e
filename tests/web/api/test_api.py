"""A real server answers programs: photos, products and words; bad requests get one sentence, as problem+json."""

import base64
import contextlib
import hashlib
import http.client
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lookalike.index.reading import load_index
from lookalike.search.loading import load_recommender
from lookalike.search.word_ranking import WordRanking
from tests.support.data import ROOT
from tests.support.outfit import drawn_outfit

KEY = "a key that only the test knows"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
PICTURE = sorted((ROOT / "images").glob("*.jpg"))[0]


@pytest.fixture(scope="module")
def index(demo_index):
    return load_index(demo_index)


def ask(address, body=None, method=None, **headers):
    """Return status, headers and JSON, or the bytes where it is none."""
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {
        name.replace("_", "-"): value for name, value in ({"Content_Type": "application/json"} | headers).items()
    }
    request = urllib.request.Request(address, content, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            status, found, text = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, found, text = error.code, error.headers, error.read()
    return status, found, json.loads(text) if "json" in found.get("Content-Type", "") else text


def photo(path=PICTURE):
    return {"base64": base64.b64encode(path.read_bytes()).decode()}


def multipart(question=None, *files):
    edge = uuid.uuid4().hex
    parts = [b'Content-Disposition: form-data; name="photo"; filename="p.jpg"\r\n\r\n' + content for content in files]
    if question is not None:
        parts.append(b'Content-Disposition: form-data; name="question"\r\n\r\n' + json.dumps(question).encode())
    body = b"".join(f"--{edge}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{edge}--\r\n".encode()
    return body, f"multipart/form-data; boundary={edge}"


def ids(answer):
    return [match["product"]["id"] for match in answer["matches"]]


def test_a_photo_gets_the_matches_of_the_terminal(api, demo_index):
    expected = load_recommender(demo_index).similar(PICTURE.read_bytes(), 4)
    status, _, answer = ask(f"{api}/v1/similar", {"photos": [photo()], "k": 4})
    assert status == 200 and ids(answer) == [match.product.identity for match in expected]
    for match, other in zip(answer["matches"], expected):
        assert match["rank"] == other.rank and match["distance"] == pytest.approx(other.distance, abs=1e-5)
        assert match["product"]["attributes"] == dict(other.product.attributes)
        assert "/" not in match["product"]["name"]
    body, kind = multipart({"k": 4}, PICTURE.read_bytes())
    assert ids(ask(f"{api}/v1/similar", body, Content_Type=kind)[2]) == ids(answer)


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has open is read from /proc")
def test_a_large_photo_stays_in_memory_while_it_comes_in(api, start):
    def files():
        found = []
        for link in Path(f"/proc/{start.servers[0].pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed in the meantime
                found.append(str(link.readlink()))
        return {name for name in found if "(deleted)" in name}

    before = files()
    # Whatever follows a JPEG's end is no part of it.
    body, kind = multipart({"k": 3}, PICTURE.read_bytes() + bytes(5_000_000))
    with contextlib.closing(http.client.HTTPConnection(urlsplit(api).netloc)) as connection:
        connection.putrequest("POST", "/v1/similar")
        connection.putheader("Content-Type", kind)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:4_000_000])
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert files() == before
            time.sleep(0.05)
        connection.send(body[4_000_000:])
        answer = connection.getresponse()
        assert answer.status == 200 and len(json.loads(answer.read())["matches"]) == 3


def test_products_words_and_filters_ask_too(api):
    _, _, answer = ask(f"{api}/v1/products/{PICTURE.stem}/similar?k=3")
    assert len(answer["matches"]) == 3 and PICTURE.stem not in ids(answer)
    _, _, same = ask(f"{api}/v1/similar", {"product": PICTURE.stem, "k": 3})
    assert ids(same) == ids(answer)
    _, _, women = ask(f"{api}/v1/similar", {"product": PICTURE.stem, "filters": {"gender": ["Women"]}})
    assert all(match["product"]["attributes"]["gender"] == "Women" for match in women["matches"])
    _, _, dresses = ask(f"{api}/v1/similar", {"words": "red dress", "k": 3})
    assert dresses["matches"][0]["product"]["attributes"]["articleType"] == "Dresses"
    _, _, part = ask(f"{api}/v1/similar", {"product": PICTURE.stem, "region": [0, 0, 0.5, 0.5]})
    assert len(part["matches"]) == 5
    _, _, colors = ask(f"{api}/v1/similar", {"photos": [photo()], "weights": {"color": 1}})
    assert colors["matches"][0]["product"]["id"] == PICTURE.stem


def test_words_alone_find_what_the_terminal_finds_and_say_what_was_understood(api, index):
    expected = WordRanking(index).find("red dress frobnicator", 4)
    _, _, answer = ask(f"{api}/v1/similar", {"words": "red dress frobnicator", "k": 4})
    assert ids(answer) == [match.product.identity for match in expected.matches]
    assert answer["understood"]["known"] == ["red", "dress"] and answer["understood"]["unknown"] == ["frobnicator"]
    assert answer["understood"]["words"]["baseColour"] == ["Red"]
    distances = [match["distance"] for match in answer["matches"]]
    assert distances == sorted(distances)
    _, _, men = ask(f"{api}/v1/similar", {"words": "red", "filters": {"gender": ["Men"]}})
    assert {match["product"]["attributes"]["gender"] for match in men["matches"]} == {"Men"}


def test_words_join_a_photo_and_a_product(api):
    _, _, plain = ask(f"{api}/v1/similar", {"photos": [photo()], "k": 5})
    _, _, white = ask(f"{api}/v1/similar", {"photos": [photo()], "words": "in white", "k": 5})
    assert plain["understood"] is None and white["understood"]["known"] == ["white"] and ids(white) != ids(plain)
    colors = [match["product"]["attributes"]["baseColour"] for match in white["matches"]]
    assert sum(color in ("White", "Off White") for color in colors) >= 3
    _, _, other = ask(f"{api}/v1/similar", {"product": PICTURE.stem, "words": "frobnicator"})
    _, _, same = ask(f"{api}/v1/similar", {"product": PICTURE.stem})
    assert ids(other) == ids(same) and other["understood"]["unknown"] == ["frobnicator"]
    body, kind = multipart({"words": "in white"}, PICTURE.read_bytes())
    assert ids(ask(f"{api}/v1/similar", body, Content_Type=kind)[2]) == ids(white)


def test_where_the_look_alone_ranks_words_cannot_join(start):
    api = start(LOOKALIKE_RANKING="look")
    status, _, problem = ask(f"{api}/v1/similar", {"product": PICTURE.stem, "words": "in red"})
    assert status == 422 and "Words cannot join photos or a product here" in problem["detail"]
    assert ask(f"{api}/v1/similar", {"words": "red dress"})[0] == 200


def test_products_facets_index_and_vectors_are_told(api, index):
    _, _, found = ask(f"{api}/v1/products?q=dress&k=2")
    assert len(found["products"]) == 2
    status, headers, picture = ask(f"{api}{found['products'][0]['picture']}?side=64")
    assert status == 200 and headers["Content-Type"] == "image/jpeg" and picture[:2] == b"\xff\xd8"
    assert ask(f"{api}/v1/products/{PICTURE.stem}")[2]["id"] == PICTURE.stem
    assert sum(ask(f"{api}/v1/facets")[2]["facets"]["gender"].values()) == len(index.names)
    _, _, told = ask(f"{api}/v1/index")
    assert told["products"] == len(index.names) and told["spaces"] == dict(index.widths)
    _, _, answer = ask(f"{api}/v1/vectors", {"photos": [photo()]})
    assert {name: len(vector) for name, vector in answer["vectors"].items()} == {
        name: width for name, width in index.widths.items() if name != "tuned" or index.head
    }
    assert sum(number**2 for number in answer["vectors"]["look"]) == pytest.approx(1, abs=1e-3)
    assert ask(f"{api}/healthz")[:1] == ask(f"{api}/readyz")[:1] == (200,)


def test_the_garments_of_each_photo_are_found(api):
    shown = BytesIO()
    drawn_outfit().save(shown, "PNG")
    outfit = {"base64": base64.b64encode(shown.getvalue()).decode()}
    status, _, answer = ask(f"{api}/v1/garments", {"photos": [outfit, photo()]})
    assert status == 200 and len(answer["photos"]) == 2 and len(answer["photos"][0]) >= 2
    for one in answer["photos"][0]:
        left, top, right, bottom = one["box"]
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1 and 0 < one["score"] <= 1
        status, _, matches = ask(f"{api}/v1/similar", {"photos": [outfit], "region": one["box"]})
        assert status == 200 and len(matches["matches"]) == 5
    status, _, problem = ask(f"{api}/v1/garments", {"photos": []})
    assert status == 422 and problem["detail"] == "Send at least one photo."
    broken = {"base64": base64.b64encode(b"no picture").decode()}
    status, _, problem = ask(f"{api}/v1/garments", {"photos": [broken]})
    assert status == 422 and problem["detail"].startswith("The photo")


def test_an_unchanged_index_is_said_in_few_bytes(api):
    address = f"{api}/v1/products/{PICTURE.stem}/similar"
    _, headers, _ = ask(address)
    status, again, body = ask(address, If_None_Match=headers["ETag"])
    assert status == 304 and again["ETag"] == headers["ETag"] and body == b""
    assert ask(f"{address}?k=4", If_None_Match=headers["ETag"])[0] == 200


BAD = [
    ("similar", {}, 422, "Send photos or the id of a product"),
    ("similar", {"product": "1", "photos": [photo()]}, 422, "or words alone"),
    ("similar", {"product": "1", "photos": [photo()], "words": "red"}, 422, "or words alone"),
    ("similar", {"product": "nobody"}, 404, "no product nobody"),
    ("similar", {"words": "qqqq"}, 422, "None of these words is known here: qqqq."),
    ("similar", {"words": ""}, 422, "None of these words is known"),
    ("similar", {"product": PICTURE.stem, "k": 0}, 422, "k: "),
    ("similar", {"product": PICTURE.stem, "k": 1000}, 422, "k: "),
    ("similar", {"product": PICTURE.stem, "what": 1}, 422, "what: "),
    ("similar", {"product": PICTURE.stem, "region": [0, 0, 2, 1]}, 422, "region.2: "),
    ("similar", {"product": PICTURE.stem, "filters": {"nothing": ["x"]}}, 422, "no column nothing"),
    ("similar", {"product": PICTURE.stem, "weights": {"nothing": 1}}, 422, "Weights must be"),
    ("similar", {"photos": [{}]}, 422, "either base64 or address"),
    ("similar", {"photos": [{"base64": "!"}]}, 422, "not valid base64"),
    ("similar", {"photos": [{"base64": "bm8gaW1hZ2U="}]}, 422, "not an image"),
    ("similar", {"photos": [{"address": "http://127.0.0.1/a.jpg"}]}, 422, "public web site"),
    ("similar", {"photos": [{"base64": ""}] * 5}, 422, "photos: "),
    ("similar", b"{", 400, "not JSON"),
    ("similar", b"[]", 422, ""),
    ("vectors", {}, 422, "at least one photo"),
    ("nothing", {}, 404, "nothing at this address"),
]


@pytest.mark.parametrize("path, body, status, sentence", BAD)
def test_a_bad_request_gets_one_sentence(api, path, body, status, sentence):
    found, headers, problem = ask(f"{api}/v1/{path}", body)
    assert found == status and headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status and problem["title"] and sentence in problem["detail"]
    assert "\n" not in problem["detail"] and "Traceback" not in problem["detail"]


def test_other_types_methods_and_huge_bodies_are_refused(api):
    assert ask(f"{api}/v1/similar", b"x", Content_Type="text/plain")[0] == 415
    assert ask(f"{api}/v1/similar", method="DELETE")[0] == 405
    host, port = api.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.putrequest("POST", "/v1/similar")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(10**10))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413 and "larger than" in json.loads(answer.read())["detail"]


def test_a_key_is_needed_where_keys_are_set_and_each_has_its_own_limit(start):
    keys = f"shop:{DIGEST},other:{hashlib.sha256(b'other').hexdigest()}"
    api = start(LOOKALIKE_API_KEYS=keys, LOOKALIKE_QUERIES_PER_MINUTE="3", LOOKALIKE_API_ORIGINS="https://shop.example")
    address = f"{api}/v1/products/{PICTURE.stem}/similar"
    status, headers, problem = ask(address)
    assert status == 401 and headers["WWW-Authenticate"] == "Bearer" and "needs a key" in problem["detail"]
    assert ask(address, X_API_Key="wrong")[0] == 401
    assert [ask(address, Authorization=f"Bearer {KEY}")[0] for _ in range(3)] == [200] * 3
    status, headers, problem = ask(address, Authorization=f"Bearer {KEY}")
    assert status == 429 and int(headers["Retry-After"]) > 0 and "Try again in" in problem["detail"]
    assert ask(address, X_API_Key="other")[0] == 200
    _, headers, _ = ask(address, X_API_Key="other", Origin="https://shop.example")
    assert headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert ask(address, X_API_Key="other", Origin="https://evil.example")[1]["Access-Control-Allow-Origin"] is None


def test_openapi_describes_every_address(api):
    _, _, described = ask(f"{api}/openapi.json")
    assert {
        "/v1/similar",
        "/v1/vectors",
        "/v1/garments",
        "/v1/products",
        "/v1/facets",
        "/v1/index",
        "/healthz",
    } <= described["paths"].keys()
    assert "ProblemOut" in described["components"]["schemas"]
