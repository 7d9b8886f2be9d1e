"""Lookalike: a photo in, the products of a catalogue that look most like it out.

    from lookalike import load_recommender

    recommender = load_recommender("shop")          # a folder with an index
    for match in recommender.similar("photo.jpg", k=5):
        print(match.rank, match.distance, match.product.path)

Every name in `__all__` is imported when it is first used, so that `import lookalike` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.errors import CatalogueError, ImageError, IndexFileError, LookalikeError, ServerError, WeightsError
    from lookalike.extraction.build import Report, build_index
    from lookalike.index.catalogue import Product
    from lookalike.index.reading import Index, load_index
    from lookalike.milvus.publishing import publish_index
    from lookalike.search.loading import load_recommender
    from lookalike.search.recommender import Match, Recommender
    from lookalike.tuning.tune import tune_index

_HOMES = {
    "build_index": "extraction.build",
    "tune_index": "tuning.tune",
    "publish_index": "milvus.publishing",
    "load_index": "index.reading",
    "load_recommender": "search.loading",
    "load_embedder": "embedding.embedder",
    "find_backbone": "embedding.backbones",
    "Recommender": "search.recommender",
    "Match": "search.recommender",
    "Product": "index.catalogue",
    "Index": "index.reading",
    "Report": "extraction.build",
    "LookalikeError": "errors",
    "ImageError": "errors",
    "IndexFileError": "errors",
    "CatalogueError": "errors",
    "WeightsError": "errors",
    "ServerError": "errors",
}

__all__ = [
    "CatalogueError",
    "ImageError",
    "Index",
    "IndexFileError",
    "LookalikeError",
    "Match",
    "Product",
    "Recommender",
    "Report",
    "ServerError",
    "WeightsError",
    "build_index",
    "find_backbone",
    "load_embedder",
    "load_index",
    "load_recommender",
    "publish_index",
    "tune_index",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
