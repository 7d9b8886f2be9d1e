"""What is counted on the page, once each, and the way to the shop's page that counts a click and leads nowhere else."""

import asyncio
from dataclasses import replace
from urllib.parse import unquote, urlencode

import pytest
from starlette.responses import PlainTextResponse

from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.search.clicks import read_clicks
from lookalike.search.recommender import Recommender
from lookalike.serving.admission import RateLimit
from lookalike.serving.clicks import Clicks
from lookalike.serving.live_index import LiveRecommender
from lookalike.serving.state import ServerState, server_state
from lookalike.settings import Settings
from lookalike.web.click_redirect import ClickRedirect
from tests.support.app_page import button, identity, look_up, results

LINK = "https://shop.example/p/1?a=b"


def counted(clicks, folder):
    """Return (event, product, rank) → count, as the file has it."""
    clicks.flush()
    return {tuple(key): count for _, key, count in read_clicks(folder)}


@pytest.fixture
def clicks(monkeypatch, tmp_path):
    found = Clicks(tmp_path / "clicks")
    monkeypatch.setattr(server_state(), "clicks", found)
    return found


def test_an_answer_counts_once_and_each_thing_done_counts_at_its_rank(open_app, demo_index, clicks, tmp_path):
    app = look_up(open_app, demo_index)
    shown = results(app)
    app.run()
    button(app, f"keep-{shown[1]}").click().run()
    button(app, f"keep-{shown[1]}").click().run()  # taken back: not counted
    expected = {("shown", product, rank): 1 for rank, product in enumerate(shown, start=1)}
    expected["kept", shown[1], 2] = 1
    assert counted(clicks, tmp_path / "clicks") == expected
    button(app, "more").click().run()
    more = results(app)
    assert more[:5] == shown
    expected |= {("shown", product, rank): 1 for rank, product in enumerate(more, start=1)}
    button(app, f"yes-{more[2]}").click().run()
    expected["liked", more[2], 3] = 1
    found = counted(clicks, tmp_path / "clicks")
    assert expected.items() - found.items() <= {(("shown", product, rank), 1) for rank, product in enumerate(more, 1)}
    assert found["liked", more[2], 3] == 1
    place = results(app).index(more[0]) + 1
    button(app, f"like-{more[0]}").click().run()
    assert counted(clicks, tmp_path / "clicks")["similar", more[0], place] == 1
    assert not app.exception


def test_nothing_is_counted_unless_the_shop_wants_it(open_app, demo_index, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = look_up(open_app, demo_index)
    assert server_state().clicks is None and "shown" not in app.session_state and list(tmp_path.iterdir()) == []
    assert identity() not in results(app)


def fetch(app, path, method="GET", headers=None, **params):
    """Return the status, the headers and the text of an ASGI app's answer."""
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    named = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": unquote(path), "query_string": urlencode(params).encode()}
    asyncio.run(app({**scope, "headers": named, "client": ("192.0.2.1", 1)}, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent).decode()


@pytest.fixture
def shop(catalogue, toy, tmp_path):
    """(app, state, folder): the redirect over a shop of four products, three with something in the column link."""
    links = ("id,link", f"1,{LINK}", "2,javascript:alert(1)", "3,//evil.example")
    (catalogue.parent / "styles.csv").write_text("\n".join(links))
    build_index(catalogue, catalogue.parent, toy, catalogue.parent / "styles.csv")
    state = ServerState(replace(Settings.from_environment(), index=str(catalogue.parent)))
    live = LiveRecommender(catalogue.parent, lambda folder, like=None: Recommender(load_index(folder), toy))
    state.live_recommenders[str(catalogue.parent)] = live
    state.clicks = Clicks(tmp_path / "clicks")
    return ClickRedirect(PlainTextResponse("the app"), state), state, tmp_path / "clicks"


def test_a_click_leads_to_the_products_page_and_is_counted(shop):
    app, state, folder = shop
    for rank in ("2", "2", "-1", "١", "101", "x" * 5000, ""):
        status, headers, _ = fetch(app, "/go/1", rank=rank)
        assert (status, headers["location"], headers["cache-control"]) == (303, LINK, "no-store")
    assert counted(state.clicks, folder) == {("link", "1", 2): 2, ("link", "1", 0): 5}


def test_it_leads_nowhere_but_to_the_indexs_own_links(shop):
    app, state, folder = shop
    for path in ("/go/2", "/go/3", "/go/4", "/go/nobody", "/go/", "/go/https://evil.example", "/go/%2F%2Fevil.example"):
        status, headers, text = fetch(app, path, link="https://evil.example", url=LINK)
        assert status == 404 and "location" not in headers and "no page for the product" in text
    for path, method in (("/", "GET"), ("/go/1", "POST"), ("/gone", "GET"), ("/catalogue/go/1", "GET")):
        assert fetch(app, path, method)[2] == "the app"
    state.clicks.flush()
    assert not folder.exists()


def test_what_is_no_click_on_our_page_is_led_but_not_counted(shop):
    app, state, folder = shop
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Purpose": "prefetch"}):
        assert fetch(app, "/go/1", headers=headers)[0] == 303
    assert fetch(app, "/go/1", "HEAD")[0] == 303
    state.click_limit = RateLimit(1, 1)
    for _ in range(3):
        assert fetch(app, "/go/1", headers={"Sec-Fetch-Site": "same-origin"}, rank=1)[0] == 303
    assert counted(state.clicks, folder) == {("link", "1", 1): 1}


def test_without_an_index_it_says_so(shop, tmp_path):
    app, state, _ = shop
    state.settings = replace(state.settings, index=str(tmp_path / "nowhere"))
    status, headers, text = fetch(app, "/go/1")
    assert status == 503 and "There is no index" in text and int(headers["retry-after"])
