"""Every sentence the page shows, in one place, and how a product is put into words."""

TITLE = "Lookalike"
LEAD = "Show us a photo of something to wear, and see the products of this shop that look most like it."
UPLOAD = "Your photo"
UPLOAD_HELP = "JPEG, PNG, WebP, HEIC or AVIF, up to 20 MB. Your photo is used for this answer and not kept."
UPLOAD_HELP_KEPT = "JPEG, PNG, WebP, HEIC or AVIF, up to 20 MB. This shop keeps a copy of uploaded photos."
YOUR_PHOTO = "Your photo"
RESULTS_HINT = "and the products most like it, nearest first"
LOADING = "Opening the shop…"
SEARCHING = "Looking…"
NO_INDEX = "The shop is not open yet"
NO_INDEX_HINT = "Whoever runs this shop makes its index with one command:"
NO_INDEX_COMMAND = "python extract_features.py --images images"
IMAGE_MISSING = "The picture of this product is not available."

# Shown in this order where a catalogue has them; any other attribute follows.
HEADLINE = ("productDisplayName", "articleType")
DETAILS = ("articleType", "baseColour", "gender", "usage", "season")


def headline(product):
    """The name a shopper would call the product by."""
    named = (product.attributes.get(column) for column in HEADLINE)
    return next(filter(None, named), f"Product {product.id}")


def details(product):
    """The attributes in one line, without what the headline said already; may be empty."""
    values = (product.attributes.get(column) for column in DETAILS)
    return " · ".join(value for value in values if value and value != headline(product))


def closeness(match):
    """How close a match is, as a whole percentage: 100 % is the very same look."""
    return f"{max(0.0, match.cosine):.0%} alike"


def same_pictures(count):
    """The button behind which products with the same picture are kept."""
    return f"+{count} similar"


def alt(product):
    """What a screen reader says for a product's picture."""
    return ", ".join(filter(None, (headline(product), details(product))))


def escape(text):
    """Text from a shop's table, safe to put into Markdown."""
    return "".join("\\" + char if char in "\\`*_{}[]()<>#+-!|$:~" else char for char in text)
