"""How long the server takes to draw the page anew: a filter, the slider, a marked part, over many products.

python benchmarks/page.py --index DIR --photo FILE [--products N]
"""

import argparse
import os
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import harness

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = "the browser, the network, the products' pictures (the grown catalogue has none), the first answer"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of a real index, to grow")
    parser.add_argument("--photo", required=True, help="a photo to ask with")
    parser.add_argument("--products", type=int, default=44_441)
    parser.add_argument("--times", type=int, default=15)
    return parser.parse_args()


def opened(folder, count):
    """The page over the grown catalogue, as a visitor opens it."""
    sys.path.insert(0, str(ROOT))
    os.environ.update(LOOKALIKE_INDEX=str(folder), LOOKALIKE_QUERIES_PER_MINUTE="0")
    from streamlit.testing.v1 import AppTest

    from lookalike.search import loading
    from lookalike.serving import live_index
    from lookalike.search.recommender import Recommender
    from synthetic_catalogue import grown

    real = loading.load_recommender(folder)
    large = Recommender(grown(real.index, count), real.embedder)
    live_index._shared[str(folder)] = live_index.LiveRecommender(folder, lambda *_, **__: large)
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()


def spread(app, act, times):
    """Median and most of the seconds from an act to the page drawn anew."""
    seconds = []
    for turn in range(times):
        act(app, turn)
        start = time.perf_counter()
        app.run()
        seconds.append(time.perf_counter() - start)
        assert not app.exception and not app.error, (app.exception, app.error)
    return statistics.median(seconds), max(seconds)


def change(app, **asked):
    """Ask something else of the same query, as the page's own widgets do."""
    query = app.session_state.query
    app.session_state.query = replace(query, asked=replace(query.asked, **asked))


def filtered(app, turn):
    change(app, filters={"gender": (("Men",), ("Women",), ("Boys",))[turn % 3]})


def balanced(app, turn):
    change(app, filters={}, balance=(0.0, 0.25, 0.75, 1.0, 0.5)[turn % 5])


def marked(app, turn):
    """Other cells each time: nothing of this was computed before."""
    cells = frozenset((row, column) for row in range(1, 6) for column in range(7) if (row * 7 + column) % 29 != turn)
    app.session_state.query = replace(app.session_state.query, parts=(cells,))


def tapped(app, turn):
    """One cell: a crop is looked at closer."""
    app.session_state.query = replace(app.session_state.query, parts=(frozenset([(turn % 7, turn // 7 + 2)]),))


def main(options):
    harness.print_head(f"{options.products} products grown around {options.index}", LEFT_OUT)
    app = opened(options.index, options.products)
    app.file_uploader[0].set_value([("photo.jpg", Path(options.photo).read_bytes(), "image/jpeg")]).run()
    time.sleep(20)  # what says how close close is, is computed beside the first answers
    app.run()
    for name, act in {"filter": filtered, "slider": balanced, "part": marked, "one cell": tapped}.items():
        median, most = spread(app, act, options.times)
        print(f"{name:9s} {median * 1e3:.0f} ms, at most {most * 1e3:.0f} ms", flush=True)


if __name__ == "__main__":
    main(arguments())
