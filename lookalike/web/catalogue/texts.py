"""Every sentence of the page Catalogue."""

from collections.abc import Iterable, Sequence
from html import escape as escape_html

from lookalike.analysis.audit import DuplicateGroup, SuspectLabel
from lookalike.analysis.catalogue_map import Legend
from lookalike.analysis.overview import Overview
from lookalike.errors import INDEX_COMMAND
from lookalike.index.catalogue import Product
from lookalike.web.texts import details, escape_markdown, headline

TITLE = "Catalogue"
LEAD = "What this shop's index holds, and what its pictures reveal. For the people who run the shop."
OVERVIEW, MAP, SAME, DOUBTS = TABS = ("At a glance", "Map", "Same pictures", "Doubtful attributes")
DOWNLOAD = "Download as CSV"

# At a glance.
PRODUCTS, BACKBONE, SIZE, WRITTEN, SKIPPED = "Products", "Backbone", "On disk", "Indexed", "Skipped files"
NO_ATTRIBUTES = (
    f"No product has attributes. Index again with a table of attributes: `{INDEX_COMMAND} --images DIR --styles FILE`"
)
UNKNOWN_BACKBONE = "not recorded"
CLASSIC_HELP = "Another script wrote this index and did not record how."
COUNTED_BY = "Count products by"
COUNTS_ALT = "How many products there are of each"
TAGS_TITLE = "What the pictures show"
TAGS_LEAD = (
    "What each product is believed to be, with how sure, in the columns of styles.csv: for a table that is empty or "
    "wrong. Nothing of it is written into the catalogue."
)
SKIPPED_TITLE = "Files that are not in the catalogue"
SKIPPED_LEAD = "These files are among the images but could not be used. Repair or replace them, then index again."

# Map.
DRAWING_MAP = "Drawing the map. This takes a few seconds, once for each index…"
MAP_LEAD = (
    "Each dot is a product, and products that look alike lie close together. Hover over a dot to see its name. "
    "Choose a quarter to see it larger. Or drag to move the map, turn the wheel with Ctrl to zoom, and double-click to "
    "see everything again."
)
MAP_ALT = "A map of the catalogue: each dot is a product, and products that look alike lie close together."
COLOR_BY, SHOW_ONLY, PART = "Color by", "Show only", "Part of the map"
PARTS = ("all of it", "top left", "top right", "bottom left", "bottom right")
EVERYTHING, REST = "everything", "other"
CHOOSE = "Choose a dot to see its product here."

# Same pictures.
COMPARING = "Comparing every picture with every other, once for each index…"
SAME_LEAD = "Products whose pictures are identical or nearly so. In search results, such products share one place."
NO_SAME = "No two products have the same picture."
ONLY_DIFFERING = "Only where their attributes differ"

# Doubtful attributes.
COMPARING_NEIGHBORS = "Comparing every product with its neighbors, once for each index…"
DOUBTS_LEAD = (
    "Most of the products that look most like one of these have another value than it has. "
    "The value may be a mistake, or the product may be unusual."
)
COLUMN = "Attribute"
NO_VALUE = "no value"
NO_COLUMNS = "No attribute can be judged by looks: each has too many values, or too few products that have one."


def readable_size(size: int) -> str:
    """Return a number of bytes as people write it: 364 MB."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.0f} {unit}" if size >= 10 * step else f"{size / step:.1f} {unit}"
    return f"{size} bytes"


def made_with(overview: Overview) -> str:
    """Return one line of Markdown: the backbone's name (of an .onnx file, without its folder) and when it was made."""
    backbone = overview.backbone.replace("\\", "/").rsplit("/", 1)[-1] or UNKNOWN_BACKBONE
    return f"{BACKBONE}: **{escape_markdown(backbone)}** · {WRITTEN}: {overview.written_at:%d %b %Y, %H:%M} UTC"


def spaces_line(overview: Overview) -> str:
    """Return one line of Markdown: the spaces with their widths, and the precision."""
    if not overview.backbone:
        return CLASSIC_HELP
    spaces = ", ".join(f"{escape_markdown(name)} ({width} numbers)" for name, width in overview.spaces.items())
    precision = f" · computed in {escape_markdown(overview.precision)}" if overview.precision else ""
    return f"Spaces: {spaces}{precision}"


def attributes_line(overview: Overview) -> str:
    """Return one line: how many products have attributes, and how many rows of the table have no picture."""
    if not overview.described:
        return NO_ATTRIBUTES
    line = f"{overview.described:,} of {overview.products:,} products have attributes."
    if overview.without_image:
        line += f" {overview.without_image:,} rows of the table have no picture in the catalogue."
    return line


def truncation_note(shown: int, total: int) -> str:
    """Return what a chart of counts leaves out; empty if it shows everything."""
    return f"The {shown} most frequent of {total}." if shown < total else ""


def sample_note(count: int, total: int) -> str:
    """Return the note for a catalogue of which only a sample was compared."""
    return f"Comparing a random sample of {count:,} of {total:,} products."


def dots_note(drawn: int, wanted: int) -> str:
    """Return how many products the map shows."""
    return _count(drawn, "product") if drawn == wanted else f"{drawn:,} of {wanted:,} products, evenly sampled"


def groups_found(groups: Sequence[DuplicateGroup]) -> str:
    """Return how many pictures are shared, and by how many products."""
    products = sum(len(group.products) for group in groups)
    return f"{_count(len(groups), 'picture')}, shared by {products:,} products"


def group_title(group: DuplicateGroup) -> str:
    """Return, in Markdown, how many products share a picture, how alike they are, and which attributes differ."""
    alike = "identical picture" if group.exact else "nearly the same picture"
    differing = f" · different: {', '.join(group.differing)}" if group.differing else ""
    return f"**{len(group.products)} products** · {alike}{escape_markdown(differing)}"


def doubts_found(labels: Sequence[SuspectLabel], column: str, total: int) -> str:
    """Return, in Markdown, how many products have a doubtful value in a column."""
    return f"{len(labels):,} of {total:,} products, most doubtful first, by {escape_markdown(column)}"


def no_doubts(column: str) -> str:
    """Return the sentence for a column in which all products agree with their neighbors."""
    return f"No product's {escape_markdown(column)} disagrees with the products that look most like it."


def suggestion(label: SuspectLabel) -> str:
    """Return, in Markdown, the product's value and the one that its neighbors suggest."""
    return f"{escape_markdown(label.word or NO_VALUE)} → :orange-badge[{escape_markdown(label.suggested)}?]"


def suspect_note(label: SuspectLabel) -> str:
    """Return how many of the neighbors have the suggested value, and the product's attributes and id."""
    return f"{label.share:.0%} of its neighbors say so · {details_and_id(label.product)}"


def name_and_values(product: Product, columns: Iterable[str]) -> str:
    """Return, in Markdown, the product's name and its values in those columns, one a line."""
    values = ((column, product.attributes.get(column, NO_VALUE)) for column in columns)
    lines = (f"{escape_markdown(column)}: {escape_markdown(value)}" for column, value in values)
    return "  \n".join([name(product), *lines])


def name(product: Product) -> str:
    """Return the product's name in Markdown."""
    return f"**{escape_markdown(headline(product))}**"


def details_and_id(product: Product) -> str:
    """Return the product's attributes and id in one line of plain text."""
    return " · ".join(filter(None, (details(product), product.id)))


def legend_html(legend: Legend) -> str:
    """Return the colors of the map, with their words and counts, as HTML that wraps on a narrow screen."""
    entries = list(legend.entries)
    if legend.rest and entries:
        entries.append((REST, legend.color(None), legend.rest))
    dot = "width:.75em;height:.75em;border-radius:50%;border:1px solid #80808099;display:inline-block"
    items = (
        f'<span style="white-space:nowrap"><span style="{dot};background:{color}"></span> '
        f"{escape_html(word)} <small>{count:,}</small></span>"
        for word, color, count in entries
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.875rem">{"".join(items)}</div>'


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
