"""The HTTP API: the page's answers for programs, described by OpenAPI at /docs and /openapi.json."""

import base64
import binascii
import hashlib
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from lookalike import __version__
from lookalike.errors import LookalikeError
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.images.web_fetch import fetch_image
from lookalike.index.attributes import COLOR_COLUMN
from lookalike.index.catalogue import Catalogue, Product
from lookalike.index.offers import SIZE, offer_of
from lookalike.index.prices import Price
from lookalike.search.lexicon import Understood
from lookalike.serving import telemetry
from lookalike.serving.state import BURST, ServerState
from lookalike.web.api.access import HEADER, Access
from lookalike.web.api.openapi import PROBLEMS, body_of, complete_description, json_body_of
from lookalike.web.api.problems import Problem, handle_problems
from lookalike.web.api.schemas import (
    MAX_FOUND,
    MAX_MATCHES,
    EventsIn,
    EventsOut,
    FacetsOut,
    FoundOut,
    GarmentOut,
    GarmentsOut,
    HealthOut,
    IndexOut,
    MatchOut,
    PhotoIn,
    PhotosIn,
    PriceOut,
    ProductOut,
    SimilarIn,
    SimilarOut,
    UnderstoodOut,
    VariantOut,
    VectorsOut,
)
from lookalike.web.api.service import SIDES, Answer, Service

# Base64 makes four characters of three bytes; the rest of a body is short.
MAX_BODY_BYTES = MAX_PHOTO_BYTES * 4 // 3 + 100_000
TOO_LARGE = f"The body is larger than {MAX_BODY_BYTES // 1_000_000} MB. Send smaller photos."
NOT_BASE64 = "base64 is not valid base64. Send the file's bytes in base64, without a data: prefix."
NO_PHOTO = "Send at least one photo."
WRONG_TYPE = "Send application/json or multipart/form-data."
WRONG_EVENTS_TYPE = "Send application/json."
PICTURE_SIDE = 450
# The line of the script that this server sets.
COUNTING = (b"const COUNTS = false;", b"const COUNTS = true;")
EMBED = Path(__file__).with_name("embed.js")


def create_api(state: ServerState) -> FastAPI:
    """Return the API over the index that a server process serves."""
    settings = state.settings
    access = Access(settings.api_keys, settings.queries_per_minute, BURST)
    api = FastAPI(title="Lookalike", version=__version__, summary="A photo in, the most similar products out.")
    api.state.access, api.state.service = access, Service(state)
    api.include_router(_routes, responses=PROBLEMS)
    api.state.is_counting = settings.clicks_in is not None
    if api.state.is_counting:
        api.include_router(_counting_routes, responses=PROBLEMS)
    handle_problems(api)
    complete_description(api)
    if settings.api_origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.api_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", HEADER, "Content-Type"],
            expose_headers=["ETag", "Retry-After"],
        )
    return api


_routes, _counting_routes = APIRouter(), APIRouter()


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _identify(request: Request) -> str:
    access: Access = request.app.state.access
    return access.identify(request)


Asker = Annotated[str, Depends(_identify)]
Answers = Annotated[Service, Depends(_service)]


@_routes.post("/v1/similar", openapi_extra=body_of(SimilarIn))
async def similar(request: Request, who: Asker, service: Answers) -> SimilarOut:
    """Find the products that look most like photos or a product, which words may join, or that words describe.

    JSON as SimilarIn, or multipart/form-data with files named photo and the rest as JSON in a field question.
    """
    question, files = await _read_question(request, SimilarIn)
    photos = files + [await _photo_bytes(photo) for photo in question.photos]
    request.app.state.access.count(who, max(1, len(photos)))
    answer = await run_in_threadpool(
        service.similar, who, photos, question.product, question.words, question.region, question.filters,
        question.weights, question.k,
    )  # fmt: skip
    return _similar_out(request, service, answer)


@_routes.post("/v1/vectors", openapi_extra=body_of(PhotosIn))
async def vectors(request: Request, who: Asker, service: Answers) -> VectorsOut:
    """Return the vectors of photos, together one question, as JSON (PhotosIn) or multipart/form-data."""
    photos = await _read_photos(request, who)
    found = await run_in_threadpool(service.vectors, who, photos)
    return VectorsOut(index=service.index()[0]["index"], vectors={name: m[0].tolist() for name, m in found.items()})


@_routes.post("/v1/garments", openapi_extra=body_of(PhotosIn))
async def garments(request: Request, who: Asker, service: Answers) -> GarmentsOut:
    """Find the garments in each of the photos, as JSON (PhotosIn) or multipart/form-data, and where they are."""
    photos = await _read_photos(request, who)
    found = await run_in_threadpool(service.garments, who, photos)
    return GarmentsOut(
        photos=[[GarmentOut(garment=one.garment, box=one.box, score=one.score) for one in own] for own in found]
    )


@_counting_routes.post("/v1/events", openapi_extra=json_body_of(EventsIn))
async def events(request: Request, who: Asker, service: Answers) -> EventsOut:
    """Count what a shopper did with products in an answer: shown, link (to the shop's page), similar, kept, …"""
    if _content_type(request) != "application/json":
        raise Problem(415, WRONG_EVENTS_TYPE)
    told: EventsIn = _parse(EventsIn, await _read_body(request))
    done = [(one.event, one.product, one.rank) for one in told.events]
    return EventsOut(counted=await run_in_threadpool(service.count_events, who, done))


@_routes.get("/v1/products")
def products(
    request: Request, who: Asker, service: Answers, q: Annotated[str, Query(max_length=400)],
    k: Annotated[int, Query(ge=1, le=MAX_FOUND)] = 12,
) -> FoundOut:  # fmt: skip
    """Find products by their id or by words of their attributes."""
    request.app.state.access.count(who)
    found, catalogue = service.find(q, k), service.recommender().index
    return FoundOut(products=[_product_out(request, catalogue, product) for product in found])


@_routes.get(
    "/v1/products/{identity:path}/picture", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}}
)
def picture(
    service: Answers, identity: str, side: Annotated[int, Query(ge=SIDES[0], le=SIDES[-1])] = PICTURE_SIDE
) -> Response:
    """Return a product's picture as JPEG, at most side pixels wide and high; it needs no key."""
    content = service.picture(identity, side)
    return Response(content, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=3600"})


@_routes.get("/v1/products/{identity:path}/similar")
def similar_to_product(
    request: Request, response: Response, who: Asker, service: Answers, identity: str,
    k: Annotated[int, Query(ge=1, le=MAX_MATCHES)] = 5,
) -> Any:  # fmt: skip
    """Find the products that look most like a product. The ETag changes with the index."""
    version = service.index()[0]["index"]
    tag = f'"{hashlib.sha256(f"{version} {identity} {k}".encode()).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    request.app.state.access.count(who)
    response.headers.update(headers)
    return _similar_out(request, service, service.similar(who, product=identity, k=k))


@_routes.get("/v1/products/{identity:path}")
def product(request: Request, who: Asker, service: Answers, identity: str) -> ProductOut:
    """Return one product."""
    return _product_out(request, service.recommender().index, service.product(identity))


@_routes.get("/v1/facets")
def facets(who: Asker, service: Answers) -> FacetsOut:
    """Return the columns to filter by, with how many products have each word."""
    return FacetsOut(facets=service.facets({}))


@_routes.get("/v1/index")
def index(who: Asker, service: Answers) -> IndexOut:
    """Return what is served."""
    description, spaces = service.index()
    return IndexOut(**description, spaces=spaces)


@_routes.get("/healthz")
def healthz(response: Response, service: Answers) -> HealthOut:
    """Say whether a question would be answered now: 200, or 503 with the reason."""
    try:
        service.recommender()
    except LookalikeError as error:
        response.status_code = 503
        return HealthOut(ok=False, reason=str(error))
    return HealthOut(ok=not telemetry.answers_fail())


_routes.get("/readyz", summary="The same as /healthz")(healthz)


@_routes.get("/embed.js", include_in_schema=False)
def embed(request: Request) -> Response:
    """Return the script for a shop's own pages; see docs/embed.md. It reports clicks where the shop counts them."""
    headers = {"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"}
    script = EMBED.read_bytes()
    if request.app.state.is_counting:
        script = script.replace(*COUNTING)
    return Response(script, media_type="text/javascript", headers=headers)


async def _read_photos(request: Request, who: str) -> list[bytes]:
    """Return the photos of a request about nothing else, and count them; raises Problem."""
    question, files = await _read_question(request, PhotosIn)
    photos = files + [await _photo_bytes(photo) for photo in question.photos]
    if not photos:
        raise Problem(422, NO_PHOTO)
    request.app.state.access.count(who, len(photos))
    return photos


async def _read_question(request: Request, schema: type[Any]) -> tuple[Any, list[bytes]]:
    """Return the question of a request and the files that came with it; raises Problem."""
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        raise Problem(413, TOO_LARGE)
    kind = _content_type(request)
    if kind == "application/json":
        return _parse(schema, await _read_body(request)), []
    if kind != "multipart/form-data":
        raise Problem(415, WRONG_TYPE)
    async with request.form(max_files=4, max_fields=4, max_part_size=MAX_PHOTO_BYTES) as form:
        files = [part for part in form.getlist("photo") if not isinstance(part, str)]
        question = form.get("question") or "{}"
        if not isinstance(question, str):
            raise Problem(422, "question: must be JSON in a field, not a file.")
        contents = [await part.read(MAX_PHOTO_BYTES + 1) for part in files]
    return _parse(schema, question.encode()), contents


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _parse(schema: type[Any], body: bytes) -> Any:
    from fastapi.exceptions import RequestValidationError

    try:
        return schema.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise Problem(413, TOO_LARGE)
    return bytes(body)


async def _photo_bytes(photo: PhotoIn) -> bytes:
    """Return the bytes of a photo; an address is fetched from the public web only."""
    if photo.address is not None:
        return await run_in_threadpool(fetch_image, photo.address)
    try:
        return base64.b64decode(photo.base64 or "", validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, NOT_BASE64) from None


def _similar_out(request: Request, service: Service, answer: Answer) -> SimilarOut:
    catalogue = service.recommender().index
    return SimilarOut(
        index=service.index()[0]["index"],
        matches=[
            MatchOut(
                rank=match.rank,
                distance=round(match.distance, 6),
                product=_product_out(request, catalogue, match.product),
                same=[_product_out(request, catalogue, other) for other in match.same],
            )
            for match in answer.matches
        ],
        understood=_understood_out(answer.understood),
    )


def _understood_out(understood: Understood | None) -> UnderstoodOut | None:
    if understood is None:
        return None
    words = {column: list(right) for column, right in understood.words.items()}
    return UnderstoodOut(words=words, known=list(understood.known), unknown=list(understood.unknown))


def _product_out(request: Request, catalogue: Catalogue, product: Product) -> ProductOut:
    row = catalogue.picture_row(product)
    offer = offer_of(product.attributes)
    return ProductOut(
        id=product.identity,
        # The name alone: where the shop keeps its files is nobody's business.
        name=PurePosixPath(product.name).name,
        attributes=dict(product.attributes),
        picture=_picture_path(request, product.identity if row is None else catalogue.picture_identity(row)),
        link=offer.link,
        price=_price_out(offer.price),
        sale_price=_price_out(offer.sale_price),
        in_stock=offer.is_in_stock,
        pictures=[_picture_path(request, one) for one in catalogue.pictures_of(product)],
        variants=[_variant_out(request, one) for one in catalogue.variants_of(product)],
    )


def _variant_out(request: Request, variant: Product) -> VariantOut:
    offer = offer_of(variant.attributes)
    return VariantOut(
        id=variant.identity,
        picture=_picture_path(request, variant.identity),
        link=offer.link,
        color=variant.attributes.get(COLOR_COLUMN),
        size=variant.attributes.get(SIZE),
        in_stock=offer.is_in_stock,
    )


def _picture_path(request: Request, identity: str) -> str:
    return f"{request.scope.get('root_path', '')}/v1/products/{quote(identity, safe='')}/picture"


def _price_out(price: Price | None) -> PriceOut | None:
    return PriceOut(amount=str(price.amount), currency=price.currency) if price else None
