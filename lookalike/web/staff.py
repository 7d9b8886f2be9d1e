"""Who may open the page Catalogue: everybody, whoever has the shop's password, or whom its identity provider knows."""

import math
import time
from collections.abc import Collection, Mapping

import streamlit as st
from streamlit.errors import StreamlitAPIException

from lookalike.serving import passwords, telemetry
from lookalike.serving.admission import network_of
from lookalike.serving.state import server_state
from lookalike.web import texts, visitors

# A tab that is left open asks again the next day.
ADMITTED_SECONDS = 8 * 3600.0
# Visitors whose address is not known are on this machine, all of them.
THIS_MACHINE = "this machine"
# The table and the key in Streamlit's secrets, where the environment has no digest.
SECRETS, SECRET = "lookalike", "staff_password"


def is_admitted() -> bool:
    """Return whether this visitor may see the page for staff."""
    settings = server_state().settings
    if settings.staff_page == "password":
        return time.monotonic() < st.session_state.get("staff_until", -math.inf)
    return settings.staff_page == "open" or (
        settings.staff_page == "login" and knows(st.user.to_dict(), settings.staff_logins)
    )


def require_admission() -> None:
    """Return if this visitor may see the page for staff; otherwise ask who they are, and stop."""
    mode = server_state().settings.staff_page
    if not is_admitted():
        st.title(texts.CATALOGUE_PAGE, anchor=False)
        _ask_for_login() if mode == "login" else _ask_for_password()
        st.stop()
    if mode != "open" and st.button(texts.LEAVE, icon=":material/logout:", key="leave"):
        if mode == "login":
            st.logout()
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
    if st.user.get("is_logged_in"):
        telemetry.log("staff", outcome="refused")
        st.error(texts.NOT_STAFF)
        if st.button(texts.LEAVE, icon=":material/logout:", key="leave"):
            st.logout()
    elif st.button(texts.LOG_IN, type="primary", key="login"):
        try:
            st.login()
        except StreamlitAPIException as error:  # no provider in the secrets, or no Authlib
            telemetry.count_error(error)
            st.error(texts.NO_PROVIDER)


def _secret_digest() -> str:
    if not st.secrets.load_if_toml_exists():
        return ""
    table = st.secrets.get(SECRETS, {})
    return str(table.get(SECRET, "")) if isinstance(table, Mapping) else ""
