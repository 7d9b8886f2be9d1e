"""How many of the ten products that a word finds are right, in a shop without a table, by a table kept aside.

python benchmarks/words.py --index DIR --styles FILE [--phrases]

The index holds products that the fashion network was not trained on, and no table. Each word of a column that at
least ten products have is searched for; a product is right if the table gives it that word or, for a color, one that
means the same.
With --phrases, prints what forty phrases of a shopper's kind find, for a person to judge.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import harness

from lookalike.analysis.metrics import mean_figure
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN, read_styles
from lookalike.index.color_words import accepted_colors
from lookalike.index.reading import load_index
from lookalike.search.word_ranking import WordRanking
from lookalike.types import Attributes

K, MIN_PRODUCTS = 10, 10
COLUMNS = (COLOR_COLUMN, TYPE_COLUMN, "usage", GENDER_COLUMN)
# Written down before any was tried.
PHRASES = (
    "red dress", "navy sneakers for men", "tee", "black leather belt", "white running shoes", "ladies handbag",
    "brown wallet", "grey hoodie", "blue jeans", "striped t-shirt", "checked shirt for men", "floral top",
    "black high heels", "pink flip flops", "green kurta", "watch for him", "silver watch", "sunglasses",
    "purple scarf", "yellow top for women", "navy blue tie", "white formal shirt", "beige trousers",
    "burgandy jumper", "snekers", "girls dress", "boys t-shirt", "brown formal shoes", "tan sandals",
    "black backpack", "gym shorts", "joggers", "denim skirt", "olive jacket", "red lipstick", "gold earrings",
    "blue polo", "ivory saree", "office shoes for men", "something for a party",
)  # fmt: skip


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    parser.add_argument("--styles", required=True)
    parser.add_argument("--phrases", action="store_true")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    index = load_index(options.index)
    styles, ranking = read_styles(options.styles), WordRanking(index)
    harness.print_head(f"{options.index}: {len(index.names)} products", "nothing is timed")
    known = [styles.get(index.product(row).id, {}) for row in range(len(index.names))]
    for column in COLUMNS:
        counts = Counter(own[column] for own in known if column in own)
        words = [word for word, count in counts.items() if count >= MIN_PRODUCTS]
        rights = [precision(ranking, styles, word, column) for word in words]
        figure = mean_figure(np.array([right for right in rights if right is not None]))
        missing = [word for word, right in zip(words, rights) if right is None]
        print(
            f"{column}: {figure.queries} words, {figure.precision:.3f} ({figure.low:.3f}–{figure.high:.3f}) right"
            f"; not understood: {', '.join(missing) or 'none'}"
        )
        worst = sorted((right, word) for word, right in zip(words, rights) if right is not None)[:6]
        print("  worst: " + ", ".join(f"{word} {right:.1f}" for right, word in worst))
    for phrase in PHRASES if options.phrases else ():
        found = ranking.find(phrase, K)
        kinds = Counter(describe(styles.get(match.product.id, {})) for match in found.matches)
        shown = "; ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
        print(f"{phrase} ({', '.join(found.understood.unknown) or 'all understood'}): {shown}")


def precision(ranking: WordRanking, styles: Mapping[str, Attributes], word: str, column: str) -> float | None:
    """Return the share of the products found that are right, None if the word was not understood."""
    found = ranking.find(word, K)
    if column not in found.understood.words:
        return None
    right: Sequence[str] = accepted_colors([word]) if column == COLOR_COLUMN else (word,)
    return float(np.mean([styles.get(match.product.id, {}).get(column) in right for match in found.matches]))


def describe(own: Attributes) -> str:
    return " ".join(own.get(column, "?") for column in (GENDER_COLUMN, COLOR_COLUMN, TYPE_COLUMN))


if __name__ == "__main__":
    main(parse_arguments())
