"""The demo catalogue's products: which there are, and each one's picture and attributes."""

from dataclasses import dataclass
from random import Random

from kinds import KINDS, Kind
from look import Look, words
from palette import COLOURS
from scene import Scene

FIRST_ID = 10001
COLUMNS = (
    "id",
    "gender",
    "masterCategory",
    "subCategory",
    "articleType",
    "baseColour",
    "season",
    "year",
    "usage",
    "productDisplayName",
)
BRANDS = ("Larkfield", "Nordquay", "Tamarin", "Osterby", "Pellworth", "Mirasol", "Hale & Finch", "Kestrel Row")


@dataclass(frozen=True)
class Product:
    """One product to draw: its id, its kind and its place, colour and gender among that kind."""

    id: int
    kind: Kind
    turn: int
    colour: str
    gender: str


def _dealt(rng, options, count):
    """Return count options in random order, each as often as the next, give or take one."""
    hand = []
    while len(hand) < count:
        round_ = list(options)
        rng.shuffle(round_)
        hand += round_
    return hand[:count]


def products():
    """Return every Product of the catalogue by id; the article types are mixed, as in a shop's list."""
    rng = Random(FIRST_ID)  # noqa: S311
    drafts = []
    for kind in KINDS:
        colours = _dealt(rng, kind.colours, kind.count)
        genders = _dealt(rng, kind.genders, kind.count)
        drafts += [(kind, turn, colours[turn], genders[turn]) for turn in range(kind.count)]
    rng.shuffle(drafts)
    return [Product(FIRST_ID + place, *draft) for place, draft in enumerate(drafts)]


def draw(product):
    """Return a product's picture (360 x 480 RGB) and its row of attributes in COLUMNS order."""
    rng = Random(product.id)  # noqa: S311
    kind = product.kind
    scene = Scene()
    style = kind.draw(scene, Look(rng, COLOURS[product.colour], product.gender, product.turn))
    season = rng.choice(("Summer", "Fall", "Winter", "Spring"))
    name = words(rng.choice(BRANDS), product.gender, product.colour, style)
    row = (
        product.id,
        product.gender,
        kind.master,
        kind.sub,
        kind.article,
        product.colour,
        season,
        rng.randint(2015, 2019),
        rng.choice(kind.usages),
        name,
    )
    return scene.photograph(), row
