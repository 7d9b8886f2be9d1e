"""How long the server takes to redraw the page after a filter, the slider or a marked region, over many products.

python benchmarks/page.py --index DIR --photo FILE [--products N]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import harness

LEFT_OUT = "the browser, the network, the products' pictures (the enlarged catalogue has none), the first answer"
# How close is close is computed in the background of the first answers.
CALIBRATION_SECONDS = 20


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of a real index, to enlarge")
    parser.add_argument("--photo", required=True, help="photo to query with")
    parser.add_argument("--products", type=int, default=44_441)
    parser.add_argument("--times", type=int, default=15)
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    harness.print_head(f"{options.products} products, enlarged from {options.index}", LEFT_OUT)
    app = open_page(options.index, options.products)
    app.file_uploader[0].set_value([("photo.jpg", Path(options.photo).read_bytes(), "image/jpeg")]).run()
    time.sleep(CALIBRATION_SECONDS)
    app.run()
    changes = {"filter": change_filter, "slider": change_balance, "region": mark_region, "one cell": mark_cell}
    for name, change in changes.items():
        median, highest = time_redraws(app, change, options.times)
        print(f"{name:9s} {median * 1e3:.0f} ms, at most {highest * 1e3:.0f} ms", flush=True)


def open_page(folder: str, count: int):
    """Return the AppTest of the page over the enlarged catalogue, as a visitor opens it."""
    os.environ.update(LOOKALIKE_INDEX=folder, LOOKALIKE_QUERIES_PER_MINUTE="0")
    import lookalike.cli  # noqa: F401  As in the app: sets, before numpy is imported, how long BLAS's threads spin.

    from streamlit.testing.v1 import AppTest

    from lookalike.search.loading import load_recommender
    from lookalike.search.recommender import Recommender
    from lookalike.serving.live_index import LiveRecommender
    from lookalike.serving.state import server_state
    from synthetic_catalogue import enlarge

    real = load_recommender(folder)
    large = Recommender(enlarge(real.index, count), real.embedder)
    server_state().live_recommenders[folder] = LiveRecommender(folder, lambda *_, **__: large)
    return AppTest.from_file(str(harness.ROOT / "app.py"), default_timeout=120).run()


def time_redraws(app: Any, change: Callable[[Any, int], None], times: int) -> tuple[float, float]:
    """Return the median and the highest of the seconds from a change until the page is redrawn."""
    seconds = []
    for turn in range(times):
        change(app, turn)
        start = time.perf_counter()
        app.run()
        seconds.append(time.perf_counter() - start)
        assert not app.exception and not app.error, (app.exception, app.error)
    return statistics.median(seconds), max(seconds)


def change_search(app: Any, **changes: Any) -> None:
    """Change the search of the current query, as the page's own widgets do."""
    query = app.session_state.query
    app.session_state.query = replace(query, search=replace(query.search, **changes))


def change_filter(app: Any, turn: int) -> None:
    change_search(app, filters={"gender": (("Men",), ("Women",), ("Boys",))[turn % 3]})


def change_balance(app: Any, turn: int) -> None:
    change_search(app, filters={}, balance=(0.0, 0.25, 0.75, 1.0, 0.5)[turn % 5])


def mark_region(app: Any, turn: int) -> None:
    """Mark a large region, with other cells at each turn, so that nothing of it was computed before."""
    cells = frozenset((row, column) for row in range(1, 6) for column in range(7) if (row * 7 + column) % 29 != turn)
    app.session_state.query = replace(app.session_state.query, regions=(cells,))


def mark_cell(app: Any, turn: int) -> None:
    """Mark one cell, so that a crop is embedded."""
    app.session_state.query = replace(app.session_state.query, regions=(frozenset([(turn % 7, turn // 7 + 2)]),))


if __name__ == "__main__":
    main(parse_arguments())
