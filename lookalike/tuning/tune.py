"""Attributes + fashion + color → tuned space, switched on only where it is seen to help."""

import hashlib
import json
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from lookalike.analysis.metrics import NONE, nearest_others
from lookalike.errors import CatalogueError
from lookalike.index.attribute_head import columns_to_learn
from lookalike.index.lock import lock
from lookalike.index.reading import MANIFEST, load_index
from lookalike.index.writing import save_head
from lookalike.search.recommender import Recommender
from lookalike.tuning.augmentation import composite_vectors
from lookalike.tuning.fitting import fit_head

SEED = 7

HELD_OUT = 0.15

MAX_QUERIES, MAX_COMPOSED = 1500, 200

# So many products are learned on another background too, for a minute of work: of large catalogues by chance.
MAX_LEARNED = 6000

MIN_PRODUCTS = 100

# A loss on composed photos that is within the noise of so few of them.
TOLERATED = 0.01

# A gain smaller than this is luck.
MIN_GAIN = 0.01


@dataclass(frozen=True)
class Gain:
    """Precision at 5 of all learned attributes together, before and with the tuned space, on products held
    out from its training: as they are, and composed onto other backgrounds (None where none can be).
    Of a product that lacks some of them the others count.

    error is the standard error of the difference on the products.
    """

    columns: tuple
    products: tuple
    error: float
    composed: tuple | None

    def __str__(self):
        text = "Tuned on {}; all right at once among the five: {:.2f} → {:.2f} on held-out products"
        text = text.format(", ".join(self.columns), *self.products)
        return text + (", {:.2f} → {:.2f} on other backgrounds".format(*self.composed) if self.composed else "")

    @property
    def helps(self):
        lost = self.composed[0] - self.composed[1] if self.composed else 0
        return self.products[1] - self.products[0] >= max(MIN_GAIN, 2 * self.error) and lost <= TOLERATED


def tune_index(folder, load_embedder, progress=lambda items, **_: items, again=False):
    """Tune the index in a folder and say so in a sentence; "" where its attributes are those of last time.

    load_embedder() is called only where it is needed; again tunes all the same. Raises IndexFileError, also
    where another run is writing there, or CatalogueError.
    """
    with lock(folder) if Path(folder, MANIFEST).is_file() else nullcontext():
        return _tuned(load_index(folder), load_embedder, progress, again)


def _tuned(index, load_embedder, progress, again):
    if "fashion" not in index.spaces:
        raise CatalogueError("This index has no fashion space to tune. Make it again: python extract_features.py")
    attributes = [index.product(row).attributes for row in range(len(index.names))]
    digest = hashlib.sha256(json.dumps(attributes).encode()).hexdigest()
    if index.manifest.get("tuning", {}).get("attributes") == digest and not again:
        return ""
    head, gain = tune(index, load_embedder(), attributes, progress)
    save_head(index, head, {"attributes": digest, **asdict(gain)})
    return f"{gain}: {'switched on' if head else 'left off, as it does not help'}."


def tune(index, embedder, attributes, progress=lambda items, **_: items):
    """The AttributeHead for an index, or None where it does not help, and the Gain measured.

    attributes are a dict a product, in the catalogue's order. Raises CatalogueError where there is too
    little to learn from.
    """
    index = replace(index, head=None, spaces={name: m for name, m in index.spaces.items() if name != "tuned"})
    columns = columns_to_learn(attributes)
    known = [row for row, own in enumerate(attributes) if any(column in own for column in columns)]
    if len(known) < MIN_PRODUCTS:
        raise CatalogueError(
            f"{len(known)} products have attributes that can be learned; at least {MIN_PRODUCTS} are needed. "
            "Name a table with more of them (--styles), or leave tuning out (--no-tune)."
        )
    count = min(round(HELD_OUT * len(known)), MAX_QUERIES)
    order = np.random.default_rng(SEED).permutation(known)
    held, others = order[:count], order[count : count + MAX_LEARNED]
    shown = composite_vectors(index, others, embedder.size, embedder.fashion_vectors, progress)
    gain = _gain(index, embedder, attributes, columns, held, shown)
    return (_fitted(index, attributes, shown) if gain.helps else None), gain


def _fitted(index, attributes, shown):
    """The AttributeHead, or None, of an index's products and of some of them on other backgrounds, once more."""
    vectors, rows = shown
    spaces = {name: np.concatenate([index.spaces[name], own]) for name, own in vectors.items()}
    # A word of one product is no commoner for being seen twice.
    columns = columns_to_learn(attributes)
    return fit_head(spaces or index.spaces, attributes + [attributes[row] for row in rows], columns)


def _gain(index, embedder, attributes, columns, held, shown):
    """What a head brings that was trained without the held-out rows."""
    hidden = set(held.tolist())
    head = _fitted(index, [{} if row in hidden else own for row, own in enumerate(attributes)], shown)
    if head is None:
        raise CatalogueError(
            f"Too few products differ in {', '.join(columns)} to learn from some of them and be judged by the others. "
            "Name a table in which more do (--styles), or leave tuning out (--no-tune)."
        )
    tuned = replace(index, spaces={**index.spaces, "tuned": head.tuned(index.spaces, attributes)}, head=head)
    known = [{column: own[column] for column in columns if column in own} for own in attributes]
    keys = _keys(index)

    def precisions(vectors, rows):
        vectors = tuned.with_tuned(vectors)
        return [_precisions(one, vectors, rows, known, keys) for one in (index, tuned)]

    before, after = precisions({name: matrix[held] for name, matrix in index.spaces.items()}, held)
    vectors, rows = composite_vectors(index, held[:MAX_COMPOSED], embedder.size, embedder.vectors)
    others = tuple(float(shares.mean()) for shares in precisions(vectors, rows)) if len(rows) else None
    error = float((after - before).std() / len(held) ** 0.5)
    return Gain(tuple(columns), (float(before.mean()), float(after.mean())), error, others)


def _precisions(index, vectors, rows, known, keys):
    """Precision at 5 by the default ranking of an index, float (m,), of queries made from its products in rows.

    Right is what agrees in all that is known of the query.
    """
    found = nearest_others(Recommender(index, None), vectors, keys[rows], keys)
    agree = [
        [row != NONE and known[row].items() >= known[own].items() for row in five] for own, five in zip(rows, found)
    ]
    return np.mean(agree, axis=1)


def _keys(index):
    """One number a product, int (n, 1), the same for the same picture."""
    known = {}
    return np.array([[known.setdefault(row.tobytes(), len(known))] for row in index.look])
