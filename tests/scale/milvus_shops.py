"""Indexes that the tests publish: random vectors, with ties and of any length, and hostile words."""

from pathlib import Path

import numpy as np

from lookalike.index.reading import Index
from lookalike.milvus.loading import load_published
from lookalike.milvus.publishing import publish_index
from lookalike.milvus.server import parse_address
from lookalike.search.recommender import Ranking

# Marks what tests publish on an operator's server, so that it can be deleted.
PREFIX = "lookalike_test_"
WIDTHS = {"look": 96, "fashion": 32, "color": 24}
HOSTILE = (
    "plain", "it's", 'say "hi"', "back\\slash", "ends\\", "\\", "\\n", "new\nline", "tab\t", "nul\0", "\x01\x7f\x1b",
    "é", "日本語", "😀", "\U0010ffff", "\u2028", "\ufeff", "%", "_", "' or row >= 0 or '", '"] or row >= 0 //', '\\"',
    '\\\\"', "\r\n", "{}", "\\u0041", "\\x41", "a" * 30, "`", "'", '"', " ", "x ", " x", "null", "true", "1", "\x85",
)  # fmt: skip


def random_index(n=3000, seed=0, plain=True, backbone="toy"):
    """Return an Index of n products; one that is not plain has equal vectors, short ones and one of zeros."""
    rng = np.random.default_rng(seed)
    spaces = {name: _normalize(rng.normal(size=(n, width))) for name, width in WIDTHS.items()}
    for matrix in spaces.values() if not plain else ():
        matrix[1::10] = matrix[::10]
        matrix[2::30] *= 0.5
        matrix[7] = 0
    names = tuple(f"images/{row}.jpg" for row in range(n))
    manifest = {"format": 1, "backbone": backbone, "files": {"embeddings.pkl": str(seed)}, "n": n, "channels": 96}
    return Index(Path("/shop"), names, spaces, _attributes(n, rng), manifest)


def _attributes(n, rng):
    """Return words of three columns; one has a hostile name, and some products lack some words."""
    drawn = rng.integers(0, len(HOSTILE), (n, 2))
    return {
        str(row): {
            **({"gender": ("Men", "Women", "Boys")[row % 3]} if row % 7 else {}),
            'what "it"\\ is': HOSTILE[drawn[row, 0]],
            "usage": HOSTILE[drawn[row, 1]],
        }
        for row in range(n)
    }


def _normalize(matrix):
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def address_of(server, name):
    return f"{server.uri}/{PREFIX}{name}"


def published(index, server, name, **options):
    """The Recommender over an index, once it is published to that name."""
    address = address_of(server, name)
    publish_index(index, parse_address(address), **options)
    return Ranking(load_published(address))


def queries(index, count, seed=1):
    """Return queries near products: space → float32 (count, d)."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(index.names), count)
    return {s: _normalize(m[rows] + 0.3 * rng.normal(size=(count, m.shape[1])) / m.shape[1] ** 0.5 + 1e-9)
            for s, m in index.spaces.items()}  # fmt: skip


def single(vectors, place):
    return {name: matrix[place : place + 1] for name, matrix in vectors.items()}
