"""What OpenAPI says of the API beyond what FastAPI finds by itself: the bodies of questions, and every problem."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from lookalike.web.api.problems import MEDIA_TYPE, TITLES
from lookalike.web.api.schemas import MAX_PHOTOS, EventIn, EventsIn, PhotoIn, PhotosIn, ProblemOut, SimilarIn

_PLACE = "#/components/schemas/{model}"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": TITLES[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": _PLACE.format(model=ProblemOut.__name__)}}},
    }
    for status in (400, 401, 404, 413, 415, 422, 429, 503)
}


def body_of(question: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a body that is a question, for a route's openapi_extra."""
    form = {
        "type": "object",
        "properties": {
            "photo": {"type": "array", "maxItems": MAX_PHOTOS, "items": {"type": "string", "format": "binary"}},
            "question": {
                "type": "string",
                "contentMediaType": "application/json",
                "description": f"The rest of the question, as {question.__name__} in JSON.",
            },
        },
    }
    content = {
        "application/json": {"schema": {"$ref": _PLACE.format(model=question.__name__)}},
        "multipart/form-data": {"schema": form},
    }
    return {"requestBody": {"required": True, "content": content}}


def json_body_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a body that is JSON alone, for a route's openapi_extra."""
    content = {"application/json": {"schema": {"$ref": _PLACE.format(model=model.__name__)}}}
    return {"requestBody": {"required": True, "content": content}}


def complete_description(api: FastAPI) -> None:
    """Let an application's OpenAPI describe the questions that body_of names, and the problems of PROBLEMS."""
    describe = api.openapi

    def openapi() -> dict[str, Any]:
        described = describe()
        schemas = described["components"]["schemas"]
        for model in (EventIn, EventsIn, PhotoIn, PhotosIn, ProblemOut, SimilarIn):
            own = model.model_json_schema(ref_template=_PLACE)
            own.pop("$defs", None)
            schemas.setdefault(model.__name__, own)
        return described

    api.openapi = openapi  # type: ignore[method-assign]
