"""What programs and the script tag report as shown and clicked: counted where the shop wants it, and nowhere else."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from lookalike.search.clicks import read_clicks
from lookalike.serving.state import CLICKS_AT_ONCE
from tests.support.data import ROOT
from tests.support.server import wait_until_healthy
from tests.support.shop_page import running_shop
from tests.web.api.test_api import PICTURE, ask

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
<script src="{api}/embed.js" data-link="{shop}/p/{{id}}" defer></script>
<lookalike-similar product="{product}" count="3"></lookalike-similar></html>"""


@pytest.fixture(scope="module")
def shop():
    """A shop's server on an origin of its own, that gives one page, set by the test, and the titles of its others."""

    with running_shop() as shop:
        yield shop


@pytest.fixture(scope="module")
def counting(start, tmp_path_factory):
    return start(LOOKALIKE_CLICKS=str(tmp_path_factory.mktemp("clicks")))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def event(event="link", product=PICTURE.stem, **more):
    return {"event": event, "product": product, **more}


def test_events_of_known_products_are_counted_and_bad_ones_get_a_sentence(counting):
    address = f"{counting}/v1/events"
    told = [event(rank=2), event("shown", rank=1), event("liked"), event(product="nobody", rank=1)]
    status, _, answer = ask(address, {"events": told})
    assert status == 200 and answer == {"counted": 3}
    for body in (
        {},
        {"events": []},
        {"events": [event("bought")]},
        {"events": [event(rank=101)]},
        {"events": [event(rank="first")]},
        {"events": [event(product="")]},
        {"events": [event(visitor="Anna")]},
        {"events": [event()] * 101},
    ):
        status, headers, problem = ask(address, body)
        assert status == 422 and headers["Content-Type"] == "application/problem+json" and problem["detail"], body
    assert ask(address, b"{", Content_Type="application/json")[0] == 400
    assert ask(address, b"a=b", Content_Type="application/x-www-form-urlencoded")[0] == 415


def test_one_asker_is_not_believed_without_end(start, tmp_path):
    address = f"{start(LOOKALIKE_CLICKS=str(tmp_path))}/v1/events"
    answers = [ask(address, {"events": [event(rank=1)] * 100}) for _ in range(CLICKS_AT_ONCE // 100 + 1)]
    assert [status for status, *_ in answers] == [200] * (CLICKS_AT_ONCE // 100) + [429]
    assert int(answers[-1][1]["Retry-After"]) > 0 and "Try again in" in answers[-1][2]["detail"]


def test_nothing_is_counted_or_reported_unless_the_shop_wants_it(api):
    assert ask(f"{api}/v1/events", {"events": [event()]})[0] == 404
    assert b"const COUNTS = false;" in ask(f"{api}/embed.js")[2]
    assert "/v1/events" not in ask(f"{api}/openapi.json")[2]["paths"]


def test_the_script_tag_reports_what_it_shows_and_what_is_clicked(start, shop, browser, tmp_path):
    address = shop.address
    port = free_port()
    api = start(LOOKALIKE_CLICKS=str(tmp_path), LOOKALIKE_API_ORIGINS=address, LOOKALIKE_METRICS_PORT=str(port))
    shop.page = PAGE.format(api=api, shop=address, product=PICTURE.stem)
    page = browser.new_page()
    with page.expect_response(f"{api}/v1/events") as shown:
        page.goto(address)
    assert shown.value.json() == {"counted": 3}
    link = page.locator("lookalike-similar").get_by_role("link").nth(1)
    expect(link).to_be_visible()
    product = link.get_attribute("href").rpartition("/")[2]
    with page.context.expect_event("request", lambda request: request.url.endswith("/v1/events")) as clicked:
        link.click()
    page.wait_for_url(f"{address}/p/{product}")
    assert clicked.value.post_data_json == {"events": [{"event": "link", "product": product, "rank": 2}]}
    page.close()
    # It arrives although the page is gone.
    end, metrics = time.monotonic() + 30, ""
    while 'event="link",rank="2"} 1.0' not in metrics and time.monotonic() < end:
        time.sleep(0.1)
        metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    assert 'lookalike_clicks_total{event="link",rank="2"} 1.0' in metrics
    assert 'lookalike_clicks_total{event="shown",rank="3"} 1.0' in metrics and product not in metrics


def test_the_server_writes_them_when_it_stops(demo_index, tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "lookalike", "serve", "--api", "--index", str(demo_index), "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "LOOKALIKE_CLICKS": str(tmp_path)})
    wait_until_healthy(f"http://127.0.0.1:{port}", "/healthz")
    assert ask(f"http://127.0.0.1:{port}/v1/events", {"events": [event(rank=4)]})[2] == {"counted": 1}
    server.send_signal(signal.SIGTERM)
    server.wait(60)
    ((_, key, count),) = read_clicks(tmp_path)
    assert tuple(key) == ("link", PICTURE.stem, 4) and count == 1
