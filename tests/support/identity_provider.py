"""A small OpenID provider on this machine: it lets people log in by a form, and can be told to lie in its ID tokens."""

import base64
import contextlib
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import Key, RSAKey

CLIENT, CLIENT_SECRET = "lookalike-client", "a-client-secret-of-the-tests"
ALGORITHM = "RS256"
LOGIN_PAGE = """<!doctype html><title>Identity provider</title><h1>Who are you?</h1>
<form action="/grant"><input type="hidden" name="asked" value="{asked}"><label>Login <input name="login"></label>
<button name="answer" value="yes">Continue</button> <button name="answer" value="no">Cancel</button></form>"""


class IdentityProvider:
    """An OpenID provider with discovery, a login form, a code flow with PKCE, signed ID tokens and logging out.

    people are its users' claims by login; every user has the subject "sub-LOGIN". change_claims and sign are for lies.
    redirect_uris are what a client may send people back to.
    """

    def __init__(self) -> None:
        self.people: dict[str, dict[str, object]] = {}
        self.redirect_uris: set[str] = set()
        self.honest_key = RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False)
        self.be_honest()
        self.grants: dict[str, dict[str, str]] = {}
        self.log: list[str] = []
        self.issued: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def be_honest(self) -> None:
        """Sign true claims with the published key again, and answer on all paths."""
        self.change_claims: Callable[[dict[str, object]], object] = lambda claims: None
        self.sign = self.sign_by(self.honest_key)
        self.is_down = False

    @staticmethod
    def sign_by(key: Key, algorithm: str = ALGORITHM) -> Callable[[dict[str, object]], str]:
        """Return a function that makes an ID token of claims."""
        return lambda claims: jwt.encode({"alg": algorithm, "kid": "one"}, claims, key, [algorithm])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def metadata(self) -> dict[str, object]:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, query: str) -> tuple[int, str]:
        """Return the login form for a client's question, or 400 with what is wrong with it."""
        asked = _only_values(query)
        if asked.get("client_id") != CLIENT or asked.get("redirect_uri") not in self.redirect_uris:
            return 400, "unknown client or redirect_uri"
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", ""):
            return 400, "not a question for an ID token"
        if asked.get("code_challenge_method") != "S256" or not asked.get("nonce") or not asked.get("state"):
            return 400, "without PKCE, nonce or state"
        return 200, LOGIN_PAGE.format(asked=html.escape(query))

    def grant(self, query: str) -> str:
        """Return where a person goes who answered the form."""
        form = _only_values(query)
        asked = _only_values(form["asked"])
        if form["answer"] != "yes":
            back = {"error": "access_denied", "error_description": "The person said no."}
        else:
            code = secrets.token_urlsafe(16)
            self.grants[code] = {**asked, "login": form["login"]}
            back = {"code": code}
        return f"{asked['redirect_uri']}?{urlencode({**back, 'state': asked['state']})}"

    def token(self, authorization: str, body: str) -> tuple[int, dict[str, object]]:
        """Return an ID token for a code, once, to the client that shows its secret and the code's verifier."""
        expected = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        form = _only_values(body)
        granted = self.grants.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if authorization != f"Basic {expected}" or granted is None:
            return 401, {"error": "invalid_client" if granted else "invalid_grant"}
        if base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != granted["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": f"sub-{granted['login']}",
            "iat": now,
            "exp": now + 3600,
            "nonce": granted["nonce"],
            **self.people.get(granted["login"], {}),
        }
        self.change_claims(claims)
        id_token = self.sign(claims)
        access_token = secrets.token_urlsafe(32)
        self.issued += [id_token, access_token, form["code"]]
        return 200, {"access_token": access_token, "token_type": "Bearer", "expires_in": 3600, "id_token": id_token}

    def log_out(self, query: str) -> tuple[int, str]:
        """Return where a person goes who logged out."""
        asked = _only_values(query)
        back = asked.get("post_logout_redirect_uri", "")
        is_known = asked.get("client_id") == CLIENT and asked.get("id_token_hint") in self.issued
        return (302, back) if is_known and back in self.redirect_uris else (400, "unknown client, token or address")

    def _handler(provider) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - self is the handler's own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                provider.log.append(address.path)
                if provider.is_down:
                    self._answer(503, "out of order")
                elif address.path == "/.well-known/openid-configuration":
                    self._answer(200, json.dumps(provider.metadata()), "application/json")
                elif address.path == "/jwks":
                    keys = {"keys": [{**provider.honest_key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}]}
                    self._answer(200, json.dumps(keys), "application/json")
                elif address.path == "/authorize":
                    self._answer(*provider.authorize(address.query))
                elif address.path == "/grant":
                    self._answer(302, provider.grant(address.query))
                elif address.path == "/logout":
                    self._answer(*provider.log_out(address.query))
                else:
                    self._answer(404, "nothing here")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.log.append(self.path)
                if provider.is_down or self.path != "/token":
                    self._answer(503, "out of order")
                    return
                status, answer = provider.token(self.headers.get("Authorization", ""), body)
                self._answer(status, json.dumps(answer), "application/json")

            def _answer(self, status: int, text: str, kind: str = "text/html") -> None:
                """Send a page, or send a browser to an address."""
                body = b"" if status == 302 else text.encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", text)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextlib.contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Run an OpenID provider."""
    provider = IdentityProvider()
    try:
        yield provider
    finally:
        provider.stop()


def _only_values(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
