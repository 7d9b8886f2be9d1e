"""Who may open the page Catalogue: everybody, whoever has the shop's password, or whom its identity provider knows."""

import math
import time
from collections.abc import Collection, Mapping
from importlib import util

import streamlit as st
from streamlit.errors import StreamlitAPIException

from lookalike.serving import passwords, telemetry
from lookalike.serving.admission import network_of
from lookalike.serving.state import server_state
from lookalike.web import login_return, texts, visitors

# A tab that is left open asks again the next day, and so does a login's cookie.
ADMITTED_SECONDS = 8 * 3600.0
# Visitors whose address is not known are on this machine, all of them.
THIS_MACHINE = "this machine"
# The table and the key in Streamlit's secrets, where the environment has no digest.
SECRETS, SECRET = "lookalike", "staff_password"
# The table of a login there, what it has to hold, and what Streamlit logs people in with.
AUTH, COOKIE_SECRET = "auth", "cookie_secret"
AUTH_KEYS = ("redirect_uri", COOKIE_SECRET, "client_id", "client_secret", "server_metadata_url")
AUTH_PACKAGES = ("authlib", "httpx")
# Whoever guesses the secret writes the cookie of anybody.
MIN_COOKIE_SECRET = 32


def is_admitted() -> bool:
    """Return whether this visitor may see the page for staff."""
    settings = server_state().settings
    if settings.staff_page == "password":
        return time.monotonic() < st.session_state.get("staff_until", -math.inf)
    if settings.staff_page != "login":
        return settings.staff_page == "open"
    claims = st.user.to_dict()
    return not login_problem() and is_recent(claims) and knows(claims, settings.staff_logins)


def require_admission() -> None:
    """Return if this visitor may see the page for staff; otherwise ask who they are, and stop."""
    mode = server_state().settings.staff_page
    if not is_admitted():
        st.title(texts.CATALOGUE_PAGE, anchor=False)
        _ask_for_login() if mode == "login" else _ask_for_password()
        st.stop()
    if mode == "login":
        _log_once("admitted")
        _offer_to_leave()
    elif mode == "password" and st.button(texts.LEAVE, icon=":material/logout:", key="leave"):
        st.session_state.pop("staff_until", None)
        st.rerun()


def knows(claims: Mapping[str, object], logins: Collection[str]) -> bool:
    """Return whether an identity provider's claims are of somebody in a list of logins.

    An email address counts, alone or by its @DOMAIN, only if the provider says that it has verified it: with some,
    users write there what they like. A subject (sub) counts as it is, and * stands for everybody whom the provider
    lets in.
    """
    if claims.get("is_logged_in") is not True:
        return False
    subject = claims.get("sub")
    names = {subject} if isinstance(subject, str) else set()
    if claims.get("email_verified") is True:
        email = str(claims.get("email")).lower()
        names |= {email, "@" + email.rpartition("@")[2]} if "@" in email else set()
    wanted = {*logins, *(login.lower() for login in logins if "@" in login)} - {""}
    return "*" in wanted or bool(names & wanted)


def is_recent(claims: Mapping[str, object]) -> bool:
    """Return whether a login is of the last eight hours: Streamlit's cookie keeps one for 30 days."""
    issued_at = claims.get("iat")
    return isinstance(issued_at, (int, float)) and time.time() < issued_at + ADMITTED_SECONDS


def login_problem() -> str:
    """Return the sentence that says why nobody can log in here; "" if the login is set up."""
    if not all(map(util.find_spec, AUTH_PACKAGES)):
        return texts.NO_AUTHLIB
    auth = st.secrets.get(AUTH) if st.secrets.load_if_toml_exists() else None
    if not isinstance(auth, Mapping) or not all(isinstance(auth.get(key), str) and auth[key] for key in AUTH_KEYS):
        return texts.NO_PROVIDER
    if not auth["redirect_uri"].endswith(login_return.BACK):
        return texts.NO_PROVIDER
    return texts.GUESSABLE_LOGIN if len(auth[COOKIE_SECRET]) < MIN_COOKIE_SECRET else ""


def _ask_for_password() -> None:
    digest = server_state().settings.staff_password or _secret_digest()
    if not passwords.is_digest(digest):
        st.error(texts.NO_DIGEST)
        return
    with st.form("staff", clear_on_submit=True, width=400):
        password = st.text_input(
            texts.PASSWORD, type="password", max_chars=passwords.MAX_LETTERS, autocomplete="current-password"
        )
        is_sent = st.form_submit_button(texts.ENTER)
    if not is_sent:
        return
    wait = server_state().guess_limit.allow(network_of(st.context.ip_address) or THIS_MACHINE)
    if wait:
        telemetry.log("staff", outcome="too-many")
        st.warning(texts.TOO_MANY_GUESSES.format(seconds=math.ceil(wait)))
        return
    with visitors.take_turn():
        is_right = passwords.is_password(password, digest)
    telemetry.log("staff", outcome="admitted" if is_right else "refused")
    if is_right:
        st.session_state.staff_until = time.monotonic() + ADMITTED_SECONDS
        st.rerun()
    st.error(texts.NOT_LET_IN)


def _ask_for_login() -> None:
    problem = login_problem()
    if problem:
        st.error(problem)
    elif st.user.get("is_logged_in") and is_recent(st.user.to_dict()):
        _log_once("refused")
        st.error(texts.NOT_STAFF)
        _offer_to_leave()
    else:
        became = texts.LOGIN_OUTCOMES.get(st.query_params.get(login_return.PARAMETER, ""))
        if became:
            st.warning(became)
        if st.button(texts.LOG_IN, type="primary", key="login"):
            try:
                st.login()
            except StreamlitAPIException as error:  # what else Streamlit does not like about the secrets
                telemetry.count_error(error)
                st.error(texts.NO_PROVIDER)


def _offer_to_leave() -> None:
    """Draw the button that ends a login, here and at the provider."""
    if st.button(texts.LEAVE, icon=":material/logout:", key="leave"):
        st.logout()
        # No other run may begin: it would drop the message that leads the browser to where its cookie is cleared.
        st.stop()


def _log_once(outcome: str) -> None:
    """Write a line about a login once a visit, however often the page runs."""
    if st.session_state.get("staff_outcome") != outcome:
        st.session_state.staff_outcome = outcome
        telemetry.log("staff", outcome=outcome)


def _secret_digest() -> str:
    if not st.secrets.load_if_toml_exists():
        return ""
    table = st.secrets.get(SECRETS, {})
    return str(table.get(SECRET, "")) if isinstance(table, Mapping) else ""
