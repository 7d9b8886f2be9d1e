"""The charts of the page Catalogue: the map and the counts. Their data come from analysis."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import altair as alt
import pandas as pd

from lookalike.analysis.catalogue_map import Legend
from lookalike.index.catalogue import Catalogue
from lookalike.types import Matrix
from lookalike.web.texts import headline

MAP_HEIGHT = 560
BAR_HEIGHT = 22
OUTLINE, ACCENT = "#80808099", "#b3365b"

# Dots are smaller on a map with at least this many.
MANY_DOTS = 1000
LARGE_DOT, SMALL_DOT, CHOSEN_DOT = 70, 40, 260

# From edge to edge: what is shown of a map across and upwards. A little more than a half, so that no dot is cut off.
WHOLE, LOWER, UPPER = (-1.04, 1.04), (-1.04, 0.04), (-0.04, 1.04)
Part: TypeAlias = tuple[tuple[float, float], tuple[float, float]]

# A click chooses the product it hits; the page reads the row from the selection of this name.
CHOSEN = "chosen"

# Wheel and finger scroll the page past the map; a pinch, or the wheel with Ctrl, zooms the map.
ZOOM = "wheel![event.ctrlKey || event.metaKey]"


def map_chart(
    catalogue: Catalogue,
    places: Matrix,
    rows: Iterable[int],
    column: str | None,
    legend: Legend,
    part: Part = (WHOLE, WHOLE),
) -> alt.Chart:
    """Return a chart of those rows of the map, colored by a column: hovering shows names, a click chooses.

    places is float32 (n, 2) from -1 to 1, as place_products gives it. part is what is shown of it across and upwards.
    """
    data = pd.DataFrame([_dot(catalogue, places, row, column, legend) for row in rows])
    # Vega reports which dot a finger touched, but not as a click.
    chosen = alt.selection_point(CHOSEN, fields=["row"], toggle=False, on="click, touchend")
    if_chosen = alt.when(chosen, empty=False)
    size = LARGE_DOT if len(data) < MANY_DOTS else SMALL_DOT
    across, upwards = (alt.Scale(domain=list(side), nice=False) for side in part)
    return (
        alt.Chart(data, height=MAP_HEIGHT)
        .mark_circle(opacity=0.9, cursor="pointer", clip=True)
        .encode(
            x=alt.X("x:Q", axis=None, scale=across),
            y=alt.Y("y:Q", axis=None, scale=upwards),
            color=alt.Color("color:N", scale=None),
            size=if_chosen.then(alt.value(CHOSEN_DOT)).otherwise(alt.value(size)),
            stroke=if_chosen.then(alt.value(ACCENT)).otherwise(alt.value(OUTLINE)),
            strokeWidth=if_chosen.then(alt.value(4)).otherwise(alt.value(0.8)),
            tooltip=["product:N", *([alt.Tooltip("word:N", title=column)] if column else []), "id:N"],
        )
        .add_params(chosen, alt.selection_interval(bind="scales", zoom=ZOOM))
        .configure_view(stroke=None)
    )


def counts_chart(counts: Sequence[tuple[str, int]]) -> alt.Chart:
    """Return a chart with a bar for each (word, count), in that order."""
    data = pd.DataFrame(counts, columns=["word", "products"])
    return (
        alt.Chart(data, height=BAR_HEIGHT * (len(counts) + 2))
        .mark_bar(cornerRadiusEnd=3, color=ACCENT)
        .encode(
            x=alt.X("products:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=6, format=",d")),
            y=alt.Y("word:N", title=None, sort=None, axis=alt.Axis(labelLimit=140)),
            tooltip=["word:N", "products:Q"],
        )
    )


def _dot(catalogue: Catalogue, places: Matrix, row: int, column: str | None, legend: Legend) -> dict[str, object]:
    product = catalogue.product(row)
    word = product.attributes.get(column) if column else None
    x, y = places[row]
    dot = {"row": int(row), "x": float(x), "y": float(y), "color": legend.color(word), "id": product.id}
    return {**dot, "product": headline(product), "word": word or "–"}
