"""What the API takes and gives, as JSON."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lookalike.search.clicks import MAX_IDENTITY, MAX_RANK, Event

MAX_PHOTOS, MAX_MATCHES, MAX_FOUND = 4, 100, 50
MAX_TEXT = 2000
MAX_EVENTS = 100

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Region = tuple[Fraction, Fraction, Fraction, Fraction]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PhotoIn(_Strict):
    """A photo: its bytes in base64, or a web address to fetch it from. Exactly one of the two."""

    base64: str | None = None
    address: Annotated[str, Field(max_length=MAX_TEXT)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "PhotoIn":
        if (self.base64 is None) == (self.address is None):
            raise ValueError("a photo has either base64 or address")
        return self


class PhotosIn(_Strict):
    """Photos, together one question."""

    photos: Annotated[list[PhotoIn], Field(max_length=MAX_PHOTOS)] = []


class SimilarIn(PhotosIn):
    """A question: photos or the id of a product, either of which words may join, or words alone."""

    product: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    words: Annotated[str, Field(max_length=MAX_TEXT)] | None = Field(
        None, description='Alone, what is looked for: "red dress". Beside photos or a product, what differs: "in red".'
    )
    region: Region | None = Field(
        None,
        description="The part of the first photo, or of the product's picture, that counts: left, top, right, bottom.",
    )
    filters: Annotated[dict[str, list[str]], Field(max_length=50)] = Field(
        {},
        description="Column → words: a match has one of the words in each column. See /v1/facets. "
        "A price is a range: 20..50, ..50 or 20.., both ends included.",
    )
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = Field(
        None, description="How much each space counts, instead of the shop's ranking. See /v1/index."
    )
    k: Annotated[int, Field(ge=1, le=MAX_MATCHES)] = 5


class EventIn(_Strict):
    """What a shopper did with a product: event, the product's id, and its rank in the answer, 0 outside of one."""

    event: Event
    product: Annotated[str, Field(min_length=1, max_length=MAX_IDENTITY)]
    rank: Annotated[int, Field(ge=0, le=MAX_RANK)] = 0


class EventsIn(_Strict):
    """What a shopper did: no person, no photo and no question."""

    events: Annotated[list[EventIn], Field(min_length=1, max_length=MAX_EVENTS)]


class EventsOut(BaseModel):
    """How many events were counted: those of products that there are."""

    counted: int


class PriceOut(BaseModel):
    """A price: its amount, as a decimal number in a text, and its currency (ISO 4217), "" if it is unknown."""

    amount: str
    currency: str


class VariantOut(BaseModel):
    """A variant of a product, in another color or size, say: its id, its picture, its link, color and size.

    color and size are null where the shop's table does not say; in_stock is false only where it says so.
    """

    id: str
    picture: str
    link: str | None = None
    color: str | None = None
    size: str | None = None
    in_stock: bool = True


class ProductOut(BaseModel):
    """A product: its id, the name of its picture, what the shop's table says, and where its picture is.

    In a match, that is the picture that fits best; pictures are all of them, the first one first, and variants the
    other products of its item_group_id. link is the address of the shop's own page, price the usual price and
    sale_price a lower one now, where the table has them; in_stock is false only where the table says so.
    """

    id: str
    name: str
    attributes: dict[str, str]
    picture: str
    link: str | None = None
    price: PriceOut | None = None
    sale_price: PriceOut | None = None
    in_stock: bool = True
    pictures: list[str]
    variants: list[VariantOut] = []


class MatchOut(BaseModel):
    """A match: its rank from 1, its distance (0 to 2), and products that show the same picture."""

    rank: int
    distance: float
    product: ProductOut
    same: list[ProductOut] = []


class UnderstoodOut(BaseModel):
    """What words mean here: column → words that are right; and which of the words were understood, or not."""

    words: dict[str, list[str]]
    known: list[str]
    unknown: list[str]


class SimilarOut(BaseModel):
    """The matches of a question, nearest first, and the version of the index that answered.

    understood is about the question's words, null without any, and where the shop's table alone was searched.
    """

    index: str
    matches: list[MatchOut]
    understood: UnderstoodOut | None = None


class FoundOut(BaseModel):
    """Products that words find."""

    products: list[ProductOut]


class VectorsOut(BaseModel):
    """The vectors of a question by space, each of length 1."""

    index: str
    vectors: dict[str, list[float]]


class GarmentOut(BaseModel):
    """A garment: what it is, its box (left, top, right, bottom in fractions of the photo), and how sure, 0 to 1."""

    garment: str
    box: tuple[float, float, float, float]
    score: float


class GarmentsOut(BaseModel):
    """The garments of each photo, the likeliest first; a box is what the region of a question takes."""

    photos: list[list[GarmentOut]]


class FacetsOut(BaseModel):
    """The columns to filter by: column → word → how many products the filters given leave with it."""

    facets: dict[str, dict[str, int]]


class IndexOut(BaseModel):
    """What is served: products, the index's version, its backbone, precision and spaces (space → numbers)."""

    products: int
    index: str
    backbone: str
    precision: str
    spaces: dict[str, int]


class HealthOut(BaseModel):
    """Whether a question would be answered now."""

    ok: bool
    reason: str | None = None


class ProblemOut(BaseModel):
    """An error, as RFC 9457 has it; detail is a sentence to show."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
