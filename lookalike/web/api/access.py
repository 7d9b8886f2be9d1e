"""Who may ask the API: keys, of which only digests are kept, and how often each may ask."""

import hashlib
import hmac
import math
from collections.abc import Mapping

from starlette.requests import Request

from lookalike.serving.admission import RateLimit, network_of
from lookalike.web.api.problems import Problem

HEADER = "X-API-Key"
BEARER = "bearer "
NO_KEY = "This shop's API needs a key. Send it as Authorization: Bearer KEY, or as X-API-Key."
WRONG_KEY = "This key is not known here. Ask the shop for another one."
TOO_MANY = "Too many questions. Try again in {seconds} seconds."


class Access:
    """Lets those in who have a key, or everybody where none is set, each at most so many questions a minute.

    digests are the SHA-256 of each key, hexadecimal, by the name of whom it was given to.
    """

    def __init__(self, digests: Mapping[str, str], per_minute: int, burst: int) -> None:
        self._digests = {name: digest.lower() for name, digest in digests.items()}
        self._limit = RateLimit(per_minute, min(burst, per_minute)) if per_minute else None

    def identify(self, request: Request) -> str:
        """Return whose question this is, for turns and limits; raises Problem 401."""
        if not self._digests:
            return f"network {network_of(request.client.host if request.client else None)}"
        key = _key_of(request)
        if key is None:
            raise Problem(401, NO_KEY, WWW_Authenticate="Bearer")
        digest = hashlib.sha256(key.encode()).hexdigest()
        # Every digest is compared, so that the time does not say which one is like it.
        known = [name for name, own in self._digests.items() if hmac.compare_digest(own, digest)]
        if not known:
            raise Problem(401, WRONG_KEY, WWW_Authenticate="Bearer")
        return f"key {known[0]}"

    def count(self, who: str, questions: int = 1) -> None:
        """Count questions; raises Problem 429 beyond the limit."""
        seconds = math.ceil(self._limit.allow(who, questions)) if self._limit else 0
        if seconds:
            raise Problem(429, TOO_MANY.format(seconds=seconds), Retry_After=str(seconds))


def _key_of(request: Request) -> str | None:
    authorization = request.headers.get("Authorization", "")
    if authorization.lower().startswith(BEARER):
        return authorization[len(BEARER) :].strip()
    return request.headers.get(HEADER)
