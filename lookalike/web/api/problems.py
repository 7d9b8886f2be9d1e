"""Errors as `application/problem+json` (RFC 9457): one sentence each, never a traceback."""

import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lookalike.errors import IndexFileError, LookalikeError, TemporaryError, WeightsError, is_out_of_memory
from lookalike.serving import telemetry

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "Key needed",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Cannot be answered",
    429: "Too many questions",
    503: "Try again",
}
SHORTAGE = "The server is short of memory. Try again in a moment."
UNEXPECTED = "The server made a mistake, which is in its log. Try again, or ask for something else."


class Problem(Exception):
    """An answer that is no success: its status, a sentence to show, and further headers."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def handle_problems(api: FastAPI) -> None:
    """Let an application answer every error with a problem."""
    api.add_exception_handler(Problem, _known)
    api.add_exception_handler(LookalikeError, _ours)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _unexpected)


def respond(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem's response."""
    body = {"type": "about:blank", "title": TITLES.get(status, "Error"), "status": status, "detail": detail}
    return JSONResponse(body, status, headers, MEDIA_TYPE)


async def _known(_: Request, error: Any) -> JSONResponse:
    return respond(error.status, error.detail, error.headers)


async def _ours(_: Request, error: Any) -> JSONResponse:
    telemetry.failed(error)
    if isinstance(error, TemporaryError):
        return respond(503, str(error), {"Retry-After": str(math.ceil(error.retry_after))})
    # The shop's fault, which the next question may no longer meet, or the question's.
    return respond(503 if isinstance(error, IndexFileError | WeightsError) else 422, str(error))


async def _invalid(_: Request, error: Any) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "json_invalid":
        return respond(400, "The body is not JSON. Send JSON as /docs describes it.")
    sentence = f"{place}: {first['msg']}." if place else f"{first['msg']}."
    return respond(422, sentence.replace("Value error, ", ""))


async def _http(_: Request, error: Any) -> JSONResponse:
    details = {404: "There is nothing at this address. /docs lists what there is."}
    return respond(error.status_code, details.get(error.status_code, f"{error.detail}."), error.headers)


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    telemetry.failed(error)
    if is_out_of_memory(error):
        return respond(503, SHORTAGE, {"Retry-After": "10"})
    return respond(500, UNEXPECTED)
