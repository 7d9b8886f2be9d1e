"""A login at a real OpenID provider, to the page Catalogue of a real server, by a person at a real browser."""

import base64
import hashlib
import hmac
import json
import os
import re
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip("authlib", reason="needs the extra login: pip install '.[login]'")

from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from joserfc.jwk import OctKey, RSAKey
from playwright.sync_api import expect

from lookalike.web import login_return, texts
from tests.support.browser import TIMEOUT_MS, button
from tests.support.data import ROOT
from tests.support.identity_provider import CLIENT, CLIENT_SECRET, identity_provider
from tests.support.server import searched_index, wait_until_healthy

COOKIE_SECRET = "the cookie secret of these tests, not to be guessed"
ANNA, EVE, BOB = "anna@shop.example", "eve@elsewhere.example", "bob@branch.example"
USER, TOKENS = login_return.USER_COOKIE, "_streamlit_user_tokens"
DAY = 24 * 3600
# Nothing that a cookie could be compressed by.
GROUPS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(100)]


class Shop:
    """A server of `lookalike serve` in a folder of its own: its address, and what it has logged."""

    def __init__(self, folder, index, secrets, **environment):
        (folder / ".streamlit").mkdir(parents=True)
        (folder / ".streamlit" / "secrets.toml").write_text(secrets, encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self._log = folder / "log"
        variables = {"PYTHONPATH": str(ROOT), "LOOKALIKE_INDEX": searched_index(index), "LOOKALIKE_STAFF_PAGE": "login"}
        variables["LOOKALIKE_STAFF_LOGINS"] = f"{ANNA},@branch.example"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lookalike", "serve", "--headless", "--port", str(port)],
                cwd=folder,
                env={**os.environ, **variables, **environment},
                stdout=log,
                stderr=log,
            )
        # Another site than the provider's 127.0.0.1, as on the internet: cookies that are strict or lax show it.
        self.address = f"http://localhost:{port}"
        wait_until_healthy(f"http://127.0.0.1:{port}")

    def log(self):
        return self._log.read_text(encoding="utf-8", errors="replace")

    def outcomes(self):
        """What the log says of people at the door, in order."""
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line["outcome"] for line in lines if line["event"] == "staff"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def secrets_of(provider):
    """What deploy/README.md says that secrets.toml holds."""
    return f"""[auth]
redirect_uri = "http://localhost:{{port}}/oauth2callback"
cookie_secret = "{COOKIE_SECRET}"
client_id = "{CLIENT}"
client_secret = "{CLIENT_SECRET}"
server_metadata_url = "{provider.issuer}/.well-known/openid-configuration"
"""


@pytest.fixture(scope="module")
def running_provider():
    with identity_provider() as provider:
        provider.people["anna"] = {"email": ANNA, "email_verified": True}
        provider.people["bob"] = {"email": BOB, "email_verified": True, "groups": GROUPS}
        provider.people["eve"] = {"email": EVE, "email_verified": True}
        provider.people["mallory"] = {"email": ANNA, "email_verified": False}
        yield provider


@pytest.fixture
def provider(running_provider):
    """The provider, which tells the truth again after each test."""
    yield running_provider
    running_provider.be_honest()


@pytest.fixture(scope="module")
def shop(running_provider, demo_index, tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("shop") / "server", demo_index, secrets_of(running_provider))
    running_provider.redirect_uris.add(f"{shop.address}/oauth2callback")
    yield shop
    shop.stop()
    log = shop.log()
    for secret in (COOKIE_SECRET, CLIENT_SECRET, ANNA, EVE, BOB, *running_provider.issued):
        assert secret not in log


@pytest.fixture
def visitor(browser):
    """visitor() is a new page in a browser of its own, whose console must not speak of the server's policy."""
    pages, said = [], []

    def open_page():
        page = browser.new_context().new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert not [text for text in said if "Content Security Policy" in text]


def begin(page, shop):
    """Open the page Catalogue as somebody whom nobody knows yet, and go to the provider."""
    page.goto(f"{shop.address}/catalogue")
    button(page, texts.LOG_IN).click()
    expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()


def log_in(page, shop, name):
    begin(page, shop)
    page.get_by_label("Login").fill(name)
    button(page, "Continue").click()
    page.wait_for_url(re.compile(rf"{shop.address}/catalogue"))


def expect_open(page):
    expect(page.get_by_role("tab").first).to_be_in_viewport()
    expect(page.get_by_role("link", name=texts.CATALOGUE_PAGE)).to_be_visible()


def expect_closed(page, *sentences):
    """Expect that the page for staff shows a sentence at most, and that whoever waits sees no more of it."""
    expect(button(page, texts.LOG_IN).or_(button(page, texts.LEAVE))).to_be_visible()
    for sentence in sentences:
        expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_role("tab")).to_have_count(0)
    expect(page.get_by_role("link", name=texts.CATALOGUE_PAGE)).to_have_count(0)
    assert "Traceback" not in page.inner_text("body")


def cookies(page):
    return {cookie["name"]: cookie for cookie in page.context.cookies() if cookie["name"].startswith(USER)}


def test_who_is_listed_logs_in_sees_the_page_and_logs_out(shop, provider, visitor):
    page = visitor()
    log_in(page, shop, "anna")
    expect_open(page)
    assert page.url == f"{shop.address}/catalogue" and shop.outcomes()[-1] == "admitted"
    kept = cookies(page)
    assert kept[USER]["httpOnly"] and kept[USER]["sameSite"] == "Lax" and kept.keys() == {USER, TOKENS}
    other = page.context.new_page()  # another tab of the same browser
    other.goto(f"{shop.address}/catalogue")
    expect_open(other)
    button(page, texts.LEAVE).click()
    page.wait_for_url(f"{shop.address}/")
    assert not cookies(page) and "/logout" in provider.log
    page.goto(f"{shop.address}/catalogue")
    expect_closed(page)
    expect(button(page, texts.LOG_IN)).to_be_visible()


def test_a_login_with_many_claims_opens_the_page_too(shop, visitor):
    """Such as the groups of a large company: its cookies are longer than a line that websockets takes by default."""
    page = visitor()
    log_in(page, shop, "bob")
    expect_open(page)
    assert sum(len(cookie["value"]) for cookie in cookies(page).values()) > 8192
    button(page, texts.LEAVE).click()
    page.wait_for_url(f"{shop.address}/")
    assert not cookies(page)


@pytest.mark.parametrize("name", ["eve", "mallory", "nobody"])
def test_who_is_not_listed_gets_a_sentence_and_may_leave(shop, visitor, name):
    page = visitor()
    log_in(page, shop, name)
    expect_closed(page, texts.NOT_STAFF)
    assert shop.outcomes()[-1] == "refused"
    button(page, texts.LEAVE).click()
    page.wait_for_url(f"{shop.address}/")
    assert not cookies(page)


def by_another_key(provider):
    provider.sign = provider.sign_by(RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False))


def by_the_clients_secret(provider):
    provider.sign = provider.sign_by(OctKey.import_key(CLIENT_SECRET), "HS256")


def by_the_public_key(provider):
    key = provider.honest_key.as_pem(private=False)
    provider.sign = lambda claims: by_hand(claims, "HS256", lambda signed: hmac.digest(key, signed, "sha256"))


def by_nothing(provider):
    provider.sign = lambda claims: by_hand(claims, "none", lambda signed: b"")


def by_hand(claims, algorithm, sign):
    """An ID token as nobody's library makes one."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": "one"}, claims)]
    signed = b".".join(part.rstrip(b"=") for part in parts)
    return (signed + b"." + base64.urlsafe_b64encode(sign(signed)).rstrip(b"=")).decode()


def changed(**claims):
    def change(provider):
        provider.change_claims = lambda told: told.update(claims)

    return change


def left_out(name):
    def change(provider):
        provider.change_claims = lambda told: told.pop(name)

    return change


LIES = {
    "another key": by_another_key,
    "the client's secret": by_the_clients_secret,
    "the public key": by_the_public_key,
    "no signature": by_nothing,
    "another nonce": changed(nonce="of another login"),
    "no nonce": left_out("nonce"),
    "another audience": changed(aud="another-client"),
    "another issuer": changed(iss="https://elsewhere.example"),
    "expired": changed(iat=int(time.time()) - 7200, exp=int(time.time()) - 3600),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_id_token_that_is_not_the_providers_answer_opens_nothing(shop, provider, visitor, lie):
    LIES[lie](provider)
    page = visitor()
    log_in(page, shop, "anna")
    expect_closed(page, texts.LOGIN_OUTCOMES["failed"])
    assert not cookies(page) and shop.outcomes()[-1] == "login-failed"


def test_whoever_says_no_at_the_provider_gets_a_sentence(shop, visitor):
    page = visitor()
    begin(page, shop)
    button(page, "Cancel").click()
    expect_closed(page, texts.LOGIN_OUTCOMES["failed"])
    assert not cookies(page)


def test_a_provider_that_is_down_gets_a_sentence_and_logging_out_works_all_the_same(shop, provider, visitor):
    page = visitor()
    log_in(page, shop, "anna")
    expect_open(page)
    provider.is_down = True
    button(page, texts.LEAVE).click()
    page.wait_for_url(f"{shop.address}/")
    assert not cookies(page)
    page.goto(f"{shop.address}/catalogue")
    button(page, texts.LOG_IN).click()
    expect_closed(page, texts.LOGIN_OUTCOMES["unreachable"])
    assert shop.outcomes()[-1] == "login-unreachable"
    provider.is_down = False
    begin(page, shop)
    page.get_by_label("Login").fill("anna")
    grant = provider.grant
    provider.grant = lambda query: (grant(query), setattr(provider, "is_down", True))[0]  # it fails after the form
    button(page, "Continue").click()
    expect_closed(page, texts.LOGIN_OUTCOMES["failed"])
    provider.grant = grant


def test_the_answer_to_anothers_login_opens_nothing(shop, provider, visitor):
    """Somebody sends a person the answer to their own login, so that the person is logged in as somebody else."""
    sender, victim, seen = visitor(), visitor(), []
    grant = provider.grant
    provider.grant = lambda query: (seen.append(grant(query)), f"{provider.issuer}/")[1]  # and the sender stays there
    begin(sender, shop)
    sender.get_by_label("Login").fill("anna")
    button(sender, "Continue").click()
    expect(sender.get_by_text("nothing here")).to_be_visible()
    provider.grant = grant
    victim.goto(seen[0])
    expect_closed(victim, texts.LOGIN_OUTCOMES["failed"])
    assert not cookies(victim)
    sender.goto(seen[0])  # nobody has used it yet
    expect_open(sender)


def signed(claims, secret=COOKIE_SECRET, age=0):
    """A cookie as Streamlit writes it, of so many seconds ago."""

    class Signer(TimestampSigner):
        def get_timestamp(self):
            return int(time.time() - age)

    return URLSafeTimedSerializer(secret, salt=USER, signer=Signer).dumps(json.dumps(claims))


def claims_of(shop, **claims):
    known = {"sub": "sub-anna", "email": ANNA, "email_verified": True, "iat": int(time.time()), "provider": "default"}
    return {**known, "origin": shop.address, "is_logged_in": True, **claims}


def with_cookie(page, shop, value):
    page.context.add_cookies([{"name": USER, "value": value, "url": shop.address}])
    page.goto(f"{shop.address}/catalogue")
    return page


def test_a_cookie_opens_the_page_if_the_server_has_signed_it_today(shop, visitor):
    cookie = signed(claims_of(shop))
    expect_open(with_cookie(visitor(), shop, cookie))  # so that the others are refused for their one fault
    payload = cookie.rsplit(".", 2)[0]
    eves = ".".join(signed(claims_of(shop, email=EVE)).rsplit(".", 2)[1:])
    faults = {
        "unsigned": payload,
        "another signature": f"{payload}.{eves}",
        "another secret": signed(claims_of(shop), secret="x"),
        "an empty secret": signed(claims_of(shop), secret=""),
        "a month old": signed(claims_of(shop), age=32 * DAY),
        "of yesterday's login": signed(claims_of(shop, iat=int(time.time()) - 9 * 3600)),
        "of no known time": signed(claims_of(shop, iat=None)),
        "of another app": signed(claims_of(shop, origin="https://elsewhere.example")),
        "not logged in": signed(claims_of(shop, is_logged_in=False)),
        "nonsense": "chunks-99",
    }
    for fault, value in faults.items():
        page = with_cookie(visitor(), shop, value)
        expect_closed(page)
        expect(button(page, texts.LOG_IN), fault).to_be_visible()


def test_without_authlib_the_page_says_what_is_missing(provider, demo_index, tmp_path, visitor):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['authlib'] = None  # as if not installed\n")
    paths = os.pathsep.join((str(tmp_path), str(ROOT)))
    shop = Shop(tmp_path / "server", demo_index, secrets_of(provider), PYTHONPATH=paths)
    try:
        page = visitor()
        # Not even with a cookie that the server has signed: who is let in is told by a login alone.
        with_cookie(page, shop, signed(claims_of(shop)))
        expect(page.get_by_test_id("stAlert")).to_contain_text("pip install '.[login]'")
        expect(page.get_by_role("tab")).to_have_count(0)
        page.goto(f"{shop.address}/auth/login")
        expect(page.get_by_test_id("stAlert")).to_contain_text("pip install '.[login]'")
    finally:
        shop.stop()
    assert "Traceback" not in shop.log() and CLIENT_SECRET not in shop.log()
