"""Who may open the page Catalogue: nobody, everybody, whoever has the password, or whom a provider knows."""

import hashlib
import json
import logging
import math
import time
from importlib.util import find_spec

import pytest
from streamlit.testing.v1 import AppTest

from lookalike.serving import telemetry
from lookalike.serving.admission import RateLimit
from lookalike.serving.state import GUESSES, GUESSES_PER_MINUTE, server_state
from lookalike.settings import Settings
from lookalike.web import staff, texts

PASSWORD = "Würstchen auf dem Dach"
SALT = bytes(range(16))
DIGEST = f"scrypt:{SALT.hex()}:{hashlib.scrypt(PASSWORD.encode(), salt=SALT, n=2**14, r=8, p=5).hex()}"


def page():
    import streamlit as st

    from lookalike.web import staff

    staff.require_admission()
    st.write("the catalogue")


@pytest.fixture
def gate(monkeypatch):
    """gate(**environment) is the page's entrance in Streamlit's AppTest, run once."""

    def start(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(server_state(), "settings", Settings.from_environment())
        monkeypatch.setattr(server_state(), "guess_limit", RateLimit(GUESSES_PER_MINUTE, GUESSES))
        return AppTest.from_function(page, default_timeout=60)

    return start


def is_open(app):
    assert not app.exception
    return "the catalogue" in [one.value for one in app.markdown]


def enter(app, password):
    app.text_input[0].set_value(password)
    return app.button[0].click().run()


@pytest.mark.parametrize(
    "value, password, mode",
    [("", "", "off"), ("0", DIGEST, "off"), ("no", "", "off"), ("pasword", DIGEST, "off"), ("1", "", "open"),
     ("1", "anything", "password"), ("password", "", "password"), (" Login ", "", "login")],
)  # fmt: skip
def test_what_is_misspelled_opens_nothing(monkeypatch, value, password, mode):
    monkeypatch.setenv("LOOKALIKE_STAFF_PAGE", value)
    monkeypatch.setenv("LOOKALIKE_STAFF_PASSWORD", password)
    assert Settings.from_environment().staff_page == mode


def test_the_password_opens_the_page_and_logging_out_closes_it(gate):
    app = gate(LOOKALIKE_STAFF_PAGE="password", LOOKALIKE_STAFF_PASSWORD=DIGEST).run()
    assert not is_open(app) and app.text_input[0].label == texts.PASSWORD
    assert not is_open(enter(app, "Würstchen")) and app.error[0].value == texts.NOT_LET_IN
    assert is_open(enter(app, PASSWORD)) and PASSWORD not in repr(app.session_state)
    assert is_open(app.run())
    assert not is_open(app.button("leave").click().run()) and app.text_input


def test_an_admission_ends_with_the_working_day(gate, monkeypatch):
    app = enter(gate(LOOKALIKE_STAFF_PAGE="1", LOOKALIKE_STAFF_PASSWORD=DIGEST).run(), PASSWORD)
    assert is_open(app)
    now = time.monotonic()
    monkeypatch.setattr(staff.time, "monotonic", lambda: now + staff.ADMITTED_SECONDS + 60)
    assert not is_open(app.run())


def test_guesses_are_limited_for_all_tabs_of_a_visitor_together(gate, monkeypatch):
    monkeypatch.setattr(staff, "network_of", lambda _: "192.0.2.1")  # AppTest's own is another one for each tab
    settings = {"LOOKALIKE_STAFF_PAGE": "password", "LOOKALIKE_STAFF_PASSWORD": DIGEST}
    gate(**settings)
    for _ in range(GUESSES):
        app = enter(AppTest.from_function(page, default_timeout=60).run(), "guess")
        assert app.error[0].value == texts.NOT_LET_IN
    app = enter(AppTest.from_function(page, default_timeout=60).run(), PASSWORD)
    assert not is_open(app) and app.warning[0].value.startswith("Too many passwords")


@pytest.mark.parametrize("digest", ["", "my-password", hashlib.sha256(b"my-password").hexdigest()])
def test_without_a_digest_nobody_gets_in_and_a_sentence_says_why(gate, digest):
    app = gate(LOOKALIKE_STAFF_PAGE="password", LOOKALIKE_STAFF_PASSWORD=digest).run()
    assert not is_open(app) and app.error[0].value == texts.NO_DIGEST and not app.text_input


def test_the_digest_may_stand_in_streamlits_secrets(gate):
    app = gate(LOOKALIKE_STAFF_PAGE="password")
    app.secrets["lookalike"] = {"staff_password": DIGEST}
    assert is_open(enter(app.run(), PASSWORD))


# What deploy/README.md says that secrets.toml holds.
AUTH = {
    "redirect_uri": "https://shop.example/oauth2callback",
    "cookie_secret": "0123456789abcdef" * 2,
    "client_id": "lookalike",
    "client_secret": "of the provider",
    "server_metadata_url": "https://provider.example/.well-known/openid-configuration",
}
needs_authlib = pytest.mark.skipif(not find_spec("authlib"), reason="needs the extra login: pip install '.[login]'")


@needs_authlib
@pytest.mark.parametrize("auth", [None, {}, "no table", *({**AUTH, key: ""} for key in AUTH)], ids=repr)
def test_without_a_provider_a_login_gets_a_sentence(gate, auth):
    app = gate(LOOKALIKE_STAFF_PAGE="login", LOOKALIKE_STAFF_LOGINS="*")
    if auth is not None:
        app.secrets["auth"] = auth
    app = app.run()
    assert not is_open(app) and app.error[0].value == texts.NO_PROVIDER and not app.button


@needs_authlib
@pytest.mark.parametrize("change", [{"redirect_uri": "https://shop.example/"}, {"client_id": 5}])
def test_secrets_that_cannot_work_get_a_sentence(gate, change):
    app = gate(LOOKALIKE_STAFF_PAGE="login", LOOKALIKE_STAFF_LOGINS="*")
    app.secrets["auth"] = {**AUTH, **change}
    assert not is_open(app.run()) and app.error[0].value == texts.NO_PROVIDER and not app.button


@needs_authlib
def test_what_else_streamlit_does_not_like_about_the_secrets_gets_a_sentence(gate):
    app = gate(LOOKALIKE_STAFF_PAGE="login", LOOKALIKE_STAFF_LOGINS="*")
    app.secrets["auth"] = {**AUTH, "default": "no table"}
    assert not is_open(app.run()) and not app.error
    assert not is_open(app.button("login").click().run()) and app.error[0].value == texts.NO_PROVIDER


@needs_authlib
def test_a_cookie_secret_that_can_be_guessed_lets_nobody_in(gate):
    app = gate(LOOKALIKE_STAFF_PAGE="login", LOOKALIKE_STAFF_LOGINS="*")
    app.secrets["auth"] = {**AUTH, "cookie_secret": "changeme"}
    assert not is_open(app.run()) and app.error[0].value == texts.GUESSABLE_LOGIN and not app.button


@needs_authlib
@pytest.mark.parametrize("outcome", ["failed", "unreachable"])
def test_a_login_that_did_not_work_is_told(gate, outcome):
    app = gate(LOOKALIKE_STAFF_PAGE="login", LOOKALIKE_STAFF_LOGINS="*")
    app.secrets["auth"] = AUTH
    app.query_params["login"] = outcome
    assert not is_open(app.run()) and app.warning[0].value == texts.LOGIN_OUTCOMES[outcome] and app.button("login")


@needs_authlib
def test_an_address_says_nothing_of_its_own(gate):
    app = gate(LOOKALIKE_STAFF_PAGE="login", LOOKALIKE_STAFF_LOGINS="*")
    app.secrets["auth"] = AUTH
    app.query_params["login"] = "Call 555-0100"
    assert not is_open(app.run()) and not app.warning and not app.error


def test_a_login_counts_for_a_working_day():
    now = time.time()
    assert staff.is_recent({"iat": int(now)}) and staff.is_recent({"iat": now - staff.ADMITTED_SECONDS + 60})
    for issued_at in (now - staff.ADMITTED_SECONDS - 1, 0, math.nan, True, None, str(now)):
        assert not staff.is_recent({"iat": issued_at})
    assert not staff.is_recent({})


ANNA = {"is_logged_in": True, "email": "Anna@shop.example", "email_verified": True, "sub": "248289"}


@pytest.mark.parametrize(
    "logins", [["anna@shop.example"], ["@SHOP.example"], ["248289"], ["*"], ["x", "@shop.example"]]
)
def test_who_is_listed_is_let_in(logins):
    assert staff.knows(ANNA, logins)


@pytest.mark.parametrize(
    "claims, logins",
    [
        (ANNA, []),
        (ANNA, ["anna", "shop.example", "@example", "@other.example", "248288", ""]),
        (ANNA | {"email": "anna@shop.example.evil.example"}, ["@shop.example", "anna@shop.example"]),
        (ANNA | {"email_verified": False}, ["@shop.example", "anna@shop.example"]),
        (ANNA | {"email_verified": "true"}, ["@shop.example"]),
        ({"is_logged_in": True}, ["@shop.example", "", "@", "None"]),
        ({"is_logged_in": True, "email": None, "email_verified": True}, ["@", ""]),
        (ANNA | {"is_logged_in": False}, ["*"]),
        ({}, ["*"]),
    ],
)
def test_who_is_not_listed_or_not_verified_is_not(claims, logins):
    assert not staff.knows(claims, logins)


def test_each_attempt_is_a_line_without_the_password(gate, caplog):
    telemetry.set_up_logs()
    caplog.set_level("INFO", logger="lookalike")
    logger = logging.getLogger("lookalike")
    logger.addHandler(caplog.handler)
    app = gate(LOOKALIKE_STAFF_PAGE="password", LOOKALIKE_STAFF_PASSWORD=DIGEST).run()
    enter(enter(app, "not this one"), PASSWORD)
    logger.removeHandler(caplog.handler)
    lines = [telemetry.JsonLines().format(record) for record in caplog.records if record.msg == "staff"]
    outcomes = [json.loads(line)["outcome"] for line in lines]
    assert list(dict.fromkeys(outcomes)) == ["refused", "admitted"] and "not this one" not in "".join(lines)
