"""What words bring that join a photo: another color, gender or type of the same thing is asked for.

python benchmarks/steering.py --index DIR --queries DIR --styles FILE [--count 500] [--minimum 5]

Each question is the picture of a product that the index does not have, and words for one of three things: "in red",
"for women", "as dresses". The word is drawn among those that at least --minimum products of the catalogue have that are
the same in both other columns. Of the first five, how many have what was asked for, how many are still right in both
other columns, and in all three; for colors, any word that means the same is right. Compared with the question without
words, and with hard filters: by the table, which a shop may not have, and by what is believed of the pictures.
"""

import argparse
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import harness

from lookalike.analysis.metrics import bootstrap_interval
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN, read_styles
from lookalike.index.color_words import accepted_colors
from lookalike.search import steering
from lookalike.search.loading import load_recommender
from lookalike.search.recommender import Recommender
from lookalike.search.word_ranking import WordRanking
from lookalike.types import Attributes, Mask, Vectors

COLUMNS = {COLOR_COLUMN: "in {}", GENDER_COLUMN: "for {}", TYPE_COLUMN: "as {}"}
K, SEED, MIN_BELIEF = 5, 5, 0.5


class Shop:
    """A catalogue with its table kept aside: which products have which word."""

    def __init__(self, index: str, styles: Mapping[str, Attributes]) -> None:
        self.recommender: Recommender = load_recommender(index)
        products = map(self.recommender.index.product, range(len(self.recommender.index.names)))
        known = [styles.get(product.id, {}) for product in products]
        self.words = {column: np.array([own.get(column, "") for own in known]) for column in COLUMNS}
        self.ranking = WordRanking(self.recommender.index)

    def has(self, column: str, word: str) -> Mask:
        return np.isin(self.words[column], accepted_colors([word]) if column == COLOR_COLUMN else [word])

    def keeps(self, own: Attributes, column: str) -> Mask:
        """Return which products are what a product is in all columns but one."""
        return np.logical_and.reduce([self.has(other, own[other]) for other in COLUMNS if other != column])


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    parser.add_argument("--queries", required=True, type=Path, help="folder of pictures named by id, none in the index")
    parser.add_argument("--styles", required=True)
    parser.add_argument("--count", type=int, default=500, help="pictures to ask with")
    parser.add_argument("--minimum", type=int, default=5, help="products that must be right in all three")
    parser.add_argument(
        "--weights", type=float, nargs="*", help="pairs of the words' and the kept columns' weights to try"
    )
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    styles = read_styles(options.styles)
    shop = Shop(options.index, styles)
    harness.print_head(f"{len(shop.recommender.index.names):,} products", "nothing is timed")
    paths = [path for path in sorted(options.queries.iterdir()) if styles.get(path.stem, {}).keys() >= COLUMNS.keys()]
    chosen = random.Random(SEED).sample(paths, min(options.count, len(paths)))
    asked = {path.stem: shop.recommender.photo_vectors(path) for path in chosen}
    tried = options.weights or [steering.WORDS_WEIGHT, steering.KEPT_WEIGHT]
    for column in COLUMNS:
        questions = draw_questions(shop, {name: styles[name] for name in asked}, column, options.minimum)
        print(f"{column}: {len(questions)} questions; asked for, the rest kept, all three", flush=True)
        for way in (plain, filtered_by_table, filtered_by_beliefs):
            print(f"  {way.__name__}: {figures(shop, asked, styles, column, questions, way)}", flush=True)
        for words_weight, kept_weight in zip(tried[::2], tried[1::2]):
            steering.WORDS_WEIGHT, steering.KEPT_WEIGHT = words_weight, kept_weight
            found = figures(shop, asked, styles, column, questions, steered)
            print(f"  steered, {words_weight:g} and {kept_weight:g}: {found}", flush=True)


def draw_questions(shop: Shop, queries: Mapping[str, Attributes], column: str, minimum: int) -> list[tuple[str, str]]:
    """Return pairs of a product's id and another word for a column."""
    rng, questions = random.Random(SEED), []
    for name, own in queries.items():
        same = shop.keeps(own, column)
        every = [word for word in sorted(set(shop.words[column])) if word and is_other(column, own[column], word)]
        enough = [word for word in every if (same & shop.has(column, word)).sum() >= minimum]
        if enough:
            questions.append((name, rng.choice(enough)))
    return questions


def is_other(column: str, own: str, word: str) -> bool:
    """Return whether a word says something else than a product's own."""
    if column != COLOR_COLUMN:
        return word != own
    return word not in accepted_colors([own]) and own not in accepted_colors([word])


def figures(shop, asked, styles, column, questions, way) -> str:
    """Return the three shares of the first five, each with its 95 % interval."""
    shares = []
    for name, word in questions:
        rows = way(shop, asked[name], column, word)
        has, keeps = shop.has(column, word)[rows], shop.keeps(styles[name], column)[rows]
        shares.append([has.mean(), keeps.mean(), (has & keeps).mean()])
    columns = np.array(shares).T
    intervals = [bootstrap_interval([own]) for own in columns]
    return ", ".join(f"{own.mean():.3f} ({low:.3f}–{high:.3f})" for own, (low, high) in zip(columns, intervals))


def plain(shop: Shop, vectors: Vectors, column: str, word: str) -> list[int]:
    return rows_of(shop, shop.recommender.distinct_matches(vectors, K))


def filtered_by_table(shop: Shop, vectors: Vectors, column: str, word: str) -> list[int]:
    return filtered(shop, vectors, shop.has(column, word))


def filtered_by_beliefs(shop: Shop, vectors: Vectors, column: str, word: str) -> list[int]:
    fit = shop.ranking.fit(shop.ranking.understand(COLUMNS[column].format(word)))
    return filtered(shop, vectors, fit >= min(MIN_BELIEF, np.sort(fit)[-K]))


def filtered(shop: Shop, vectors: Vectors, allowed: Mask) -> list[int]:
    return rows_of(shop, shop.recommender.distinct_matches(vectors, K, excluded=np.flatnonzero(~allowed).tolist()))


def steered(shop: Shop, vectors: Vectors, column: str, word: str) -> list[int]:
    understood = shop.ranking.understand(COLUMNS[column].format(word))
    return rows_of(shop, steering.steered_matches(shop.recommender, shop.ranking, vectors, understood, K))


def rows_of(shop: Shop, matches: Sequence) -> list[int]:
    return [shop.recommender.row(match.product.identity) for match in matches]


if __name__ == "__main__":
    main(parse_arguments())
