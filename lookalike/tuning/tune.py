"""Tuning: learn a tuned space from one catalogue's own attributes, and switch it on only where it measurably helps."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from lookalike.analysis.metrics import NO_PRODUCT, Keys, Precisions, nearest_others, number_distinct
from lookalike.embedding.embedder import Embedder
from lookalike.embedding.fashion import find_fashion
from lookalike.errors import INDEX_COMMAND, REBUILD, CatalogueError
from lookalike.index.attribute_head import AttributeHead, columns_to_learn
from lookalike.index.lock import lock
from lookalike.index.reading import MANIFEST, Index, load_index
from lookalike.index.writing import save_head
from lookalike.search.recommender import Ranking
from lookalike.tuning.augmentation import composite_vectors
from lookalike.tuning.fitting import fit_head
from lookalike.tuning.photo_examples import photo_examples
from lookalike.types import Attributes, Progress, Rows, Vectors, no_progress

SEED = 7
HELD_OUT = 0.15
MAX_QUERIES, MAX_COMPOSITE_QUERIES = 1500, 200
# This many products are also learned on another background, which takes a minute: a random sample of large catalogues.
MAX_COMPOSITES = 6000
MIN_PRODUCTS = 100
# A smaller gain is luck, and a smaller loss on so few composites is noise.
MIN_GAIN, MAX_LOSS = 0.01, 0.01


@dataclass(frozen=True)
class Gain:
    """Precision at 5, (before, with the tuned space), of all learned attributes together.

    It is measured on products held out from training. If a product lacks some of the attributes, the others count.

    Attributes:
        columns: the attributes learned.
        products: with the held-out products as they are.
        error: standard error of the difference between the two.
        composed: with some of them on other backgrounds; None if none can be cut out.
    """

    columns: tuple[str, ...]
    products: tuple[float, float]
    error: float
    composed: tuple[float, float] | None

    def __str__(self) -> str:
        text = "Tuned on {}; all right at once among the five: {:.2f} → {:.2f} on held-out products"
        text = text.format(", ".join(self.columns), *self.products)
        return text + (", {:.2f} → {:.2f} on other backgrounds".format(*self.composed) if self.composed else "")

    @property
    def helps(self) -> bool:
        loss = self.composed[0] - self.composed[1] if self.composed else 0
        return self.products[1] - self.products[0] >= max(MIN_GAIN, 2 * self.error) and loss <= MAX_LOSS


def tune_index(
    folder: str | Path, load_embedder: Callable[[], Embedder], progress: Progress = no_progress, again: bool = False
) -> str:
    """Tune the index in a folder and describe the result in a sentence; "" if its attributes have not changed.

    load_embedder() is called only if needed; with again, unchanged attributes are learned again. Raises
    CatalogueError, or IndexFileError, also if another run is writing there.
    """
    with lock(folder) if Path(folder, MANIFEST).is_file() else nullcontext():
        return _tune_locked(load_index(folder), load_embedder, progress, again)


def _tune_locked(index: Index, load_embedder: Callable[[], Embedder], progress: Progress, again: bool) -> str:
    if "fashion" not in index.spaces:
        raise CatalogueError(f"This index has no fashion space to tune. {REBUILD}")
    attributes = [index.attributes_of(row) for row in range(len(index.names))]
    digest = hashlib.sha256(json.dumps(attributes).encode()).hexdigest()
    learned_from = (index.manifest.get("tuning") or {}).get("attributes")
    if learned_from == digest and not again:
        return ""
    try:
        head, gain = tune(index, load_embedder(), attributes, progress)
    except CatalogueError:
        if index.head and learned_from is None:  # kept from the index before this one, until a new one was learned
            save_head(index, None, None)
        raise
    save_head(index, head, {"attributes": digest, **asdict(gain)})
    return f"{gain}: {'switched on' if head else 'left off, as it does not help'}."


def tune(
    index: Index, embedder: Embedder, attributes: Sequence[Attributes], progress: Progress = no_progress
) -> tuple[AttributeHead | None, Gain]:
    """Return the AttributeHead for an index, None if it does not help, and the Gain measured.

    attributes has one dict per product, in the catalogue's order. Raises CatalogueError if there is too little to learn
    from.
    """
    index = replace(index, head=None, spaces={name: m for name, m in index.spaces.items() if name != "tuned"})
    columns = columns_to_learn(attributes)
    known = [row for row, own in enumerate(attributes) if any(column in own for column in columns)]
    if len(known) < MIN_PRODUCTS:
        raise CatalogueError(
            f"{len(known)} products have attributes that can be learned; at least {MIN_PRODUCTS} are needed. "
            f"Make the index again with a table that has more of them: {INDEX_COMMAND} --styles FILE"
        )
    count = min(round(HELD_OUT * len(known)), MAX_QUERIES)
    order = np.random.default_rng(SEED).permutation(known)
    held_out, others = order[:count], order[count : count + MAX_COMPOSITES]
    if index.groups:
        others = others[~np.isin(others, index.group_rows(held_out.tolist()))]
    composites = composite_vectors(index, others, embedder.size, embedder.fashion_vectors, progress)
    gain = _measure_gain(index, embedder, attributes, columns, held_out, composites)
    return (fit_with_composites(index, attributes, composites) if gain.helps else None), gain


def fit_with_composites(
    index: Index, attributes: Sequence[Attributes], composites: tuple[Vectors, Rows]
) -> AttributeHead | None:
    """Return the AttributeHead, or None, of an index's products plus some of them on other backgrounds.

    composites are their vectors by space and their rows, as composite_vectors returns them.
    """
    vectors, rows = composites
    spaces = {name: np.concatenate([index.spaces[name], own]) for name, own in vectors.items()}
    # Choose the columns by the products alone: a word is not more frequent for being seen twice.
    columns = columns_to_learn(attributes)
    known = [*attributes, *(attributes[row] for row in rows)]
    # A shop's photos are like the package's only where its products were embedded by the package's own network.
    return fit_head(spaces or index.spaces, known, columns, photo_examples() if _is_ours(index) else None)


def _is_ours(index: Index) -> bool:
    return index.manifest.get("fashion") == find_fashion().manifest_key()


def forget_words(index: Index, rows: Rows) -> Index:
    """Return an index with a head that was fitted without the words of the products in rows; raises CatalogueError.

    It learns from the products as they are, not on other backgrounds, so that no image is needed.
    """
    attributes = [index.attributes_of(row) for row in range(len(index.names))]
    return _tuned_without(index, attributes, rows, ({}, np.empty(0, int)))


def _tuned_without(
    index: Index, attributes: Sequence[Attributes], rows: Rows, composites: tuple[Vectors, Rows]
) -> Index:
    """Return an index tuned by a head that was fitted without the words of the products in rows, and of variants."""
    hidden = set(index.group_rows(rows.tolist()))
    visible = [{} if row in hidden else own for row, own in enumerate(attributes)]
    head = fit_with_composites(index, visible, composites)
    if head is None:
        raise CatalogueError(
            f"Too few products differ in {', '.join(columns_to_learn(attributes))} to learn from some of them and test "
            f"with the others. Make the index again with a table in which more do: {INDEX_COMMAND} --styles FILE"
        )
    return replace(index, spaces={**index.spaces, "tuned": head.tuned(index.spaces, attributes)}, head=head)


def _measure_gain(
    index: Index,
    embedder: Embedder,
    attributes: Sequence[Attributes],
    columns: Sequence[str],
    held_out: Rows,
    composites: tuple[Vectors, Rows],
) -> Gain:
    """Return what a head gains that was trained without the held-out rows."""
    tuned = _tuned_without(index, attributes, held_out, composites)
    known = [{column: own[column] for column in columns if column in own} for own in attributes]
    # Products with the same picture share a key, so that a query does not find its copies.
    keys = number_distinct(row.tobytes() for row in index.look)[:, None]
    if index.groups:
        keys = np.stack([keys[:, 0], index.groups.group], axis=1)

    def precisions_of(vectors: Vectors, rows: Rows) -> list[Precisions]:
        vectors = tuned.with_tuned(vectors)
        return [_precisions(one, vectors, rows, known, keys) for one in (index, tuned)]

    before, after = precisions_of({name: matrix[held_out] for name, matrix in index.spaces.items()}, held_out)
    vectors, rows = composite_vectors(index, held_out[:MAX_COMPOSITE_QUERIES], embedder.size, embedder.vectors)
    composed = _means(*precisions_of(vectors, rows)) if len(rows) else None
    error = float((after - before).std() / len(held_out) ** 0.5)
    return Gain(tuple(columns), _means(before, after), error, composed)


def _means(before: Precisions, after: Precisions) -> tuple[float, float]:
    return float(before.mean()), float(after.mean())


def _precisions(
    index: Index, vectors: Vectors, rows: Rows, known: Sequence[Mapping[str, str]], keys: Keys
) -> Precisions:
    """Return precision at 5 by the default ranking of an index, float64 (m,), of queries made from products in rows.

    A match is right if it agrees in everything that is known of the query.
    """
    found = nearest_others(Ranking(index), vectors, keys[rows], keys)
    agree = [
        [row != NO_PRODUCT and known[row].items() >= known[own].items() for row in matches]
        for own, matches in zip(rows, found)
    ]
    return np.mean(agree, axis=1)
