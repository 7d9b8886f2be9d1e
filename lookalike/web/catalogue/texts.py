"""Every sentence of the page Catalogue, in one place."""

from html import escape as escape_html

from lookalike.web.texts import details, escape, headline

TITLE = "Catalogue"

LEAD = "What is in this shop's index, and what its pictures say about it. For the people who run the shop."

OVERVIEW, MAP, SAME, DOUBTS = TABS = ("At a glance", "Map", "Same pictures", "Doubtful words")

MORE_LIKE_THIS = "More like this"

NO_ATTRIBUTES = (
    "No product has attributes. Index again with a table that gives some: "
    "`python extract_features.py --images DIR --styles FILE`"
)

PRODUCTS, BACKBONE, SIZE, MADE, SKIPPED = "Products", "Backbone", "On disk", "Indexed", "Files left out"

CLASSIC = "not stated"

CLASSIC_HELP = "This index was written by another script and does not say how."

COUNTED_BY = "Count the products by"

SKIPPED_TITLE = "Files that are not in the catalogue"

SKIPPED_LEAD = "They were found among the images and could not be used. Mend or replace them, then index again."

DOWNLOAD = "Download as CSV"

DRAWING_MAP = "Drawing the map; this takes some seconds, once for each index…"

MAP_LEAD = (
    "Every dot is a product; products that look alike lie close together. Rest on a dot for its name. "
    "Drag to move the map, turn the wheel with Ctrl to zoom, double-click to see all again."
)

COLOR_BY = "Color by"

SHOW_ONLY = "Show only"

EVERYTHING = "everything"

REST = "other"

CHOOSE = "Choose a dot to see its product here."

MAP_ALT = "A map of the catalogue: each dot is a product, and products that look alike lie close together."

COUNTS_ALT = "How many products there are of each"

COMPARING = "Comparing every picture with every other; once for each index…"

SAME_LEAD = "Products whose pictures are the very same, or nearly. In an answer such products take one place together."

NO_SAME = "No two products have the same picture."

ONLY_DIFFERING = "Only where their words differ"

NO_DIFFERING = "Products with the same picture have the same words throughout."

ASKING = "Asking every product's neighbors; once for each index…"

DOUBTS_LEAD = (
    "Here most of the products that look most like a product have another word than its own. "
    "The word may be a slip, or the product an unusual one."
)

COLUMN = "Attribute"

NO_WORD = "no word"

NO_COLUMNS = "No attribute has few enough words, given often enough, to be judged by what products look like."


def readable_size(size):
    """A number of bytes as people write it: 364 MB."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= step:
            return f"{size / step:.0f} {unit}" if size >= 10 * step else f"{size / step:.1f} {unit}"
    return f"{size} bytes"


def made(overview):
    """The day and time the index was written, without seconds."""
    return f"{overview.made:%d %b %Y, %H:%M} UTC"


def how_made(overview):
    """One line: precision and the spaces with their widths."""
    spaces = ", ".join(f"{name} ({width} numbers)" for name, width in overview.spaces.items())
    precision = f" · computed in {overview.precision}" if overview.precision else ""
    return f"Spaces: {spaces}{precision}"


def described(overview):
    """One line: how many products have attributes, and how many rows of the table no picture."""
    line = f"{overview.described:,} of {overview.products:,} products have attributes."
    if overview.unpictured:
        line += f" {overview.unpictured:,} rows of the table have no picture in the catalogue."
    return line


def backbone(overview):
    """The backbone's name; of an .onnx file's path the last part."""
    return overview.backbone.replace("\\", "/").rsplit("/", 1)[-1] or CLASSIC


def size(overview):
    """The size of the index's files on disk."""
    return readable_size(overview.size)


def counted(shown, all_words):
    """What a chart of counts leaves out; empty where it shows all."""
    return f"The {shown} most frequent of {all_words}." if shown < all_words else ""


def sampled(count, n):
    """What is said where only so many of n products were compared."""
    return f"Of {n:,} products {count:,}, drawn by lot, are compared here."


def on_the_map(drawn, wanted):
    """How many products the map shows."""
    return f"{drawn:,} products" if drawn == wanted else f"{drawn:,} of {wanted:,} products, evenly chosen"


def same_found(groups):
    """How many groups and products share a picture."""
    products = sum(len(group.products) for group in groups)
    return f"{len(groups):,} {_plural(len(groups), 'picture')}, shared by {products:,} products"


def group_title(group):
    """How many products, how alike, and in which words they differ."""
    alike = "the very same picture" if group.exact else "nearly the same picture"
    differing = f" · not the same: {', '.join(group.differing)}" if group.differing else ""
    return f"**{len(group.products)} products** · {alike}{escape(differing)}"


def doubts_found(found, column, n):
    """How many products are in doubt."""
    return f"{len(found):,} of {n:,} products, the most doubtful first, by {escape(column)}"


def no_doubts(column):
    """Said where neighbors and words agree."""
    return f"No product's {escape(column)} is at odds with the products that look most like it."


def doubt(found):
    """The product's word, and the word that its neighbors suggest, in Markdown."""
    return f"{escape(found.word or NO_WORD)} → :orange-badge[{escape(found.suggested)}?]"


def voices(found):
    """How many of the neighbors say so."""
    return f"{found.share:.0%} of its neighbors say so"


def told_apart(product, columns):
    """The product's name, and its words in those columns, in Markdown."""
    lines = (f"{escape(column)}: {escape(product.attributes.get(column, NO_WORD))}" for column in columns)
    return "  \n".join([name(product), *lines])


def small_print(product):
    """The product's attributes and id, in one line of plain text."""
    return " · ".join(filter(None, (details(product), product.id)))


def legend_html(legend):
    """The colors of the map with their words and counts, as HTML that wraps on a narrow screen."""
    entries = [(word, color, count) for word, color, count in legend.entries]
    if legend.rest and entries:
        entries.append((REST, legend.color(None), legend.rest))
    dot = "width:.75em;height:.75em;border-radius:50%;border:1px solid #80808099;display:inline-block"
    items = (
        f'<span style="white-space:nowrap"><span style="{dot};background:{color}"></span> '
        f"{escape_html(word)} <small>{count:,}</small></span>"
        for word, color, count in entries
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:.1rem 1rem;font-size:.875rem">{"".join(items)}</div>'


def name(product):
    """The product's name, safe for Markdown."""
    return f"**{escape(headline(product))}**"


def _plural(count, word):
    return word if count == 1 else word + "s"
