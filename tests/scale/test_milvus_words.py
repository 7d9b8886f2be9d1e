"""Words over an index in Milvus, alone and beside a product or a photo: nearly the answers of an index in memory."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lookalike.index.reading import Index
from lookalike.search.lexicon import Understood
from lookalike.search.recommender import Ranking
from lookalike.search.steering import can_steer, steered_matches
from lookalike.search.word_ranking import WordRanking
from tests.scale.milvus_server import ROOT
from tests.scale.milvus_shops import address_of, published
from tests.search.test_word_ranking import fashion_vector

TYPES, SHOWN, GENDERS = ("Dresses", "Tshirts", "Jeans", "Heels"), ("Red", "Black", "White", "Blue"), ("Men", "Women")
BRANDS = ("Kestrel", "Osterby", "Fennimore")
N = 3000


def drawn_index(has_table):
    """Return an Index of N products of which the network is fairly sure; with a table, it agrees for nine in ten."""
    rng = np.random.default_rng(0)
    drawn = [tuple(rng.choice(words) for words in (TYPES, SHOWN, GENDERS)) for _ in range(N)]
    named = {words: fashion_vector(*words) for words in set(drawn)}
    fashion = np.stack([named[words] for words in drawn])
    spaces = {
        "look": rng.normal(size=(N, 48)),
        "fashion": fashion + rng.normal(size=fashion.shape) * 0.05,
        "color": np.eye(40)[[SHOWN.index(color) for _, color, _ in drawn]] + rng.normal(size=(N, 40)) * 0.05,
    }
    spaces = {name: (m / np.linalg.norm(m, axis=1, keepdims=True)).astype(np.float32) for name, m in spaces.items()}
    told = [drawn[row] if rng.random() < 0.9 else drawn[rng.integers(N)] for row in range(N)]
    attributes = {
        str(row): {
            "articleType": kind, "baseColour": color, "gender": gender, "season": ("Summer", "Winter")[row % 2],
            "productDisplayName": f"{BRANDS[0] if row % 100 else BRANDS[1]} no. {row}",
        }
        for row, (kind, color, gender) in enumerate(told)
    }  # fmt: skip
    names = tuple(f"images/{row}.jpg" for row in range(N))
    manifest = {"format": 1, "backbone": "toy", "files": {"embeddings.pkl": str(has_table)}, "n": N, "channels": 48}
    return Index(ROOT, names, spaces, attributes if has_table else {}, manifest)


@pytest.fixture(scope="module", params=[True, False], ids=["with a table", "without a table"])
def shops(request, milvus):
    """A shop's rankings and its WordRankings, in memory and in Milvus."""
    index = drawn_index(request.param)
    here, there = Ranking(index), published(index, milvus, f"words_{request.param}")
    return SimpleNamespace(rankings=(here, there), words=(WordRanking(here.index), WordRanking(there.index)))


def products(matches):
    return [match.product for match in matches]


def overlap(found, expected):
    """Return which share of the expected products was found."""
    ids = {product.id for product in products(found)}
    return len(ids & {product.id for product in products(expected)}) / len(expected)


@pytest.mark.parametrize("text", ["red dress", "black jeans for men", "white", "heels", "for women", "red osterby"])
def test_words_alone_find_nearly_what_they_find_in_memory(shops, text):
    expected, found = (words.find(text, 10) for words in shops.words)
    assert found.understood == expected.understood
    assert len(found.matches) == 10
    # Others may fit, but hardly worse: the cosine of a match is how well it fits.
    fits, best = ([match.cosine for match in one.matches] for one in (found, expected))
    np.testing.assert_allclose(fits, best, atol=0.05)


@pytest.mark.parametrize("text", ["in red", "for men", "as jeans", "in white for women"])
@pytest.mark.parametrize("filters", [{}, {"gender": ["Women"]}])
def test_words_beside_a_product_steer_as_they_do_in_memory(shops, text, filters):
    here, there = shops.rankings
    if filters and not here.index.attributes:
        filters = {}
    shares = []
    for row in range(0, 200, 20):
        answers = [
            steered_matches(
                ranking, words, ranking.product_vectors(row), words.understand(text), 5, None, filters, [row]
            )
            for ranking, words in zip(shops.rankings, shops.words)
        ]
        assert len(answers[1]) == 5 and row not in [there.row(match.product.identity) for match in answers[1]]
        shares.append(overlap(answers[1], answers[0]))
        if filters:
            assert {product.attributes["gender"] for product in products(answers[1])} == {"Women"}
    assert can_steer(there) and np.mean(shares) >= 0.9


def test_words_of_the_table_alone_are_found(shops):
    here, _ = shops.rankings
    if not here.index.attributes:
        return
    for text in ("osterby", "winter", "osterby jeans"):
        expected, found = (words.find(text, 10) for words in shops.words)
        assert products(found.matches) == products(expected.matches)


def test_nothing_understood_and_nothing_left_by_filters_are_answers_too(shops):
    _, there = shops.rankings
    words, query = shops.words[1], there.product_vectors(0)
    assert words.find("frobnicator").matches == []
    assert words.rank("red", 5, filters={"gender": ["Nobody"]})[0] == []
    assert steered_matches(there, words, query, words.understand("red"), 5, None, {"gender": ["Nobody"]}) == []
    plain = steered_matches(there, words, query, Understood({}, (), ("frobnicator",)))
    assert plain == there.distinct_matches(query)


def test_more_products_than_candidates_can_be_asked_for(shops):
    _, there = shops.rankings
    words = shops.words[1]
    rows, shares, _ = words.rank("red", 1200)
    assert len(set(rows)) == 1200 and (np.diff(shares) <= 0).all()
    found = steered_matches(there, words, there.product_vectors(0), words.understand("in red"), 700)
    assert len(found) == 700


def lookalike(*arguments):
    command = [sys.executable, "-m", "lookalike", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_terminal_searches_and_steers_by_words(milvus, demo_index):
    address = address_of(milvus, "words_demo")
    command = [sys.executable, "-m", "lookalike", "publish", "--index", str(demo_index), "--to", address]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    here, there = (lookalike("search", "white", "shirt", "--index", index, "--json") for index in (demo_index, address))
    assert there == here and len(there[0]["matches"]) == 5
    photo = min((ROOT / "images").glob("*.jpg"))
    here, there = (
        lookalike("similar", "--words", "in white", photo, "--index", index, "--json")
        for index in (demo_index, address)
    )
    assert [match["path"] for match in there[0]["matches"]] == [match["path"] for match in here[0]["matches"]]
