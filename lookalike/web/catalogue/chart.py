"""The catalogue's map and counts as charts that the page draws; their data come from catalogue_map and overview."""

import altair as alt
import pandas as pd

from lookalike.web.texts import headline

HEIGHT = 560

# A click chooses the product it hits; the page reads the row from the selection of this name.
CHOSEN = "chosen"

# The page scrolls past the map by wheel and finger; a pinch, or the wheel with Ctrl, zooms into it.
ZOOM = "wheel![event.ctrlKey || event.metaKey]"

OUTLINE, ACCENT = "#80808099", "#b3365b"

BAR = 22


def map_chart(index, places, rows, column, legend):
    """A chart of those rows of the map, colored by a column (None for none): hover names, a click chooses."""
    data = pd.DataFrame([_point(index, places, row, column, legend) for row in rows])
    # Vega does not know which dot a finger's click hits, only which one it touched.
    chosen = alt.selection_point(CHOSEN, fields=["row"], toggle=False, on="click, touchend")
    if_chosen = alt.when(chosen, empty=False)
    view = alt.selection_interval(bind="scales", zoom=ZOOM)
    return (
        alt.Chart(data, height=HEIGHT)
        .mark_circle(opacity=0.9, cursor="pointer")
        .encode(
            x=_axis("x"),
            y=_axis("y"),
            color=alt.Color("color:N", scale=None),
            size=if_chosen.then(alt.value(260)).otherwise(alt.value(_size(len(data)))),
            stroke=if_chosen.then(alt.value(ACCENT)).otherwise(alt.value(OUTLINE)),
            strokeWidth=if_chosen.then(alt.value(4)).otherwise(alt.value(0.8)),
            tooltip=["product:N", *([alt.Tooltip("word:N", title=column)] if column else []), "id:N"],
        )
        .add_params(chosen, view)
        .configure_view(stroke=None)
    )


def _point(index, places, row, column, legend):
    product = index.product(row)
    word = product.attributes.get(column)
    x, y = places[row]
    point = {"row": int(row), "x": float(x), "y": float(y), "color": legend.color(word), "id": product.id}
    return {**point, "product": headline(product), "word": word or "–"}


def _size(count):
    return 70 if count < 1000 else 40


def _axis(field):
    cls = {"x": alt.X, "y": alt.Y}[field]
    return cls(f"{field}:Q", axis=None, scale=alt.Scale(domain=[-1.04, 1.04], nice=False))


def counts_chart(words):
    """A bar for each (word, count), in that order."""
    data = pd.DataFrame(words, columns=["word", "products"])
    return (
        alt.Chart(data, height=BAR * len(words) + 2 * BAR)
        .mark_bar(cornerRadiusEnd=3, color=ACCENT)
        .encode(
            x=alt.X("products:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=6, format=",d")),
            y=alt.Y("word:N", title=None, sort=None, axis=alt.Axis(labelLimit=140)),
            tooltip=["word:N", "products:Q"],
        )
    )
