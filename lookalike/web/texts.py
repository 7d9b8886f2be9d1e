"""Every sentence of the page Look up, and how the page puts a product into words."""

import re
from collections.abc import Sequence

from lookalike.errors import INDEX_COMMAND
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.catalogue import Product
from lookalike.search.recommender import Match

TITLE = "Lookalike"
LOOK_UP_PAGE, CATALOGUE_PAGE = "Look up", "Catalogue"
LEAD = "Show us a photo of something to wear, and we'll find the products in this shop that look most like it."
LOADING = "Opening the shop…"
SEARCHING = "Searching…"
WAITING = "Many people are searching right now: {before} before you. Keep this page open and your turn will come."
NEXT = "Many people are searching right now: you are next."
TOO_MANY_SEARCHES = "That was a lot of searches in a short time."
GOES_ON = "Keep this page open: it tries again by itself in {seconds} s."
TRY_AGAIN = "Try again now"
NO_INDEX = "This shop isn't open yet"
NO_INDEX_HINT = "If you run this shop, make its index with this command:"
NO_INDEX_COMMAND = f"{INDEX_COMMAND} --images images"
MAKE_INDEX = "Make it now"
MAKE_INDEX_HINT = "Or make it here: {count:,} pictures lie in {folder}. That takes a minute or a few."
MAKING_INDEX = "The index is being made…"
NO_INDEX_MADE = "The index could not be made. The log of the app says why."
IMAGE_MISSING = "This product's picture isn't available."

# Ways to start.
MAX_PHOTO_SIZE = f"{MAX_PHOTO_BYTES // 1_000_000} MB"
NEW_SEARCH = "New search"
UPLOAD = "Your photo"
UPLOAD_HELP = f"JPEG, PNG, WebP, HEIC or AVIF, up to {MAX_PHOTO_SIZE}. Several photos together make one search."
PHOTOS_NOT_KEPT = "We use your photos only to answer your search and don't store them."
PHOTOS_KEPT = "This shop keeps a copy of every photo you search with, however you add it."
CAMERA = "Take a photo"
CAMERA_LABEL = "Point the camera at something to wear"
PASTE = "Paste a photo"
PASTE_WORDS = {
    "label": PASTE,
    "camera": CAMERA,
    "sending": "Sending…",
    "too_large": f"That picture is too large. The limit is {MAX_PHOTO_SIZE}.",
    "nothing": "There's no picture on the clipboard. Copy one first.",
    "by_keyboard": "Copy a picture, then press Ctrl+V (⌘V on a Mac) anywhere on this page.",
    "by_file": "This browser doesn't let us read the clipboard. Save the picture and choose it as a file.",
}
ADDRESS = "Web address"
ADDRESS_LABEL = "Web address of a picture"
ADDRESS_PLACEHOLDER = "https://…"
ADDRESS_GO = "Look it up"
FETCHING = "Fetching the picture…"
PICK = "Search the shop"
PICK_LABEL = "Words or a product number"
PICK_PLACEHOLDER = "red dress"
PICK_NOTHING = "No products match those words. Try fewer or different ones."
SURPRISE = "Surprise me"
EXAMPLES = "First time here? Tap one of these to see how it works."
PHOTO_GONE = "We no longer have that photo: we keep photos only while a visit lasts. Please show it to us again."
TOO_MANY_PHOTOS = "Only the first {max_photos} photos were used."

# The query. An error calls the photo THE_PHOTO.
THE_PHOTO, THE_SHOP = "The photo", "The shop"
YOUR_PHOTO, YOUR_PHOTOS = "Your photo", "Your photos"
YOUR_PRODUCT = "Your pick from the shop"
REGION_HINT = "Only part of it? Tap or drag over what matters."
REGION_WORDS = {"label": "Parts of the photo", "cell": "Row {row}, column {column}"}
WHOLE_PHOTO = "Use the whole photo"
WE_SEE = "We see: {labels}"
NO_SUCH_PRODUCT = "This shop has no product with the number {id}."
UNRELATED = (
    "We don't see anything in this picture that this shop sells. Here is what comes closest. "
    "A well-lit photo of a single garment works best."
)

# Filters and balance.
RESULTS = "Most similar"
FILTERS = "Filter"
FILTERS_CLEAR = "Clear all filters"
FILTERS_TITLE = "Show only"
FILTERS_ANY = "Any"
BALANCE = "Look or color"
BALANCE_LABEL = "What matters more?"
BALANCES = {0.0: "Same look", 0.25: "Mostly look", 0.5: "Both", 0.75: "Mostly color", 1.0: "Same color"}
LOOKS_LIKE = "Looks like"
NONE_LEFT = "No products match all these filters. Remove one."
NO_OTHERS = "This shop has no other products yet."
FEWER_LEFT = "No other products match your filters."

# Cards. Below NUMBERED a share is put into words, because a small number would sound like praise.
CLOSER_HINT = (
    "“Closer than 90%” means: closer to your picture than nine in ten products here are to their nearest match."
)
CLOSEST, NUMBERED, SOMEWHAT = 0.995, 0.5, 0.1
MORE_LIKE_THIS = "More like this"
WHY = "Why?"
KEEP, KEPT = "Keep", "Kept"
MORE_RESULTS = "Show more"
DOWNLOAD = "Download this list"
RESULTS_FILE, FAVORITES_FILE = "lookalike-results.csv", "lookalike-favorites.csv"

# Favorites.
FAVORITES = "Favorites"
NO_FAVORITES = "Nothing here yet. Tap “Keep” below a product, and this browser remembers it."
REMOVE = "Remove"
DOWNLOAD_FAVORITES = "Download favorites"

# Why.
WHY_TITLE = "Why this one?"
WHY_HEATS = "The clearer an area, the more it added to the match."
WHY_COLORS = "Colors they share"
WHY_NO_COLORS = "They share no main color. Shape and fabric made the match."
WHY_LABELS = "What we see"
WHY_UNSURE = "not sure"
WHY_MISSING = "This product's picture isn't available, so there is nothing to compare."
PRODUCT = "The product"

# Shown in this order where a catalogue has them; any other attribute follows.
HEADLINE_COLUMNS = ("productDisplayName", TYPE_COLUMN)
DETAIL_COLUMNS = (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN, "usage", "season")
COLUMN_TITLES = {
    GENDER_COLUMN: "For",
    TYPE_COLUMN: "Kind",
    COLOR_COLUMN: "Color",
    "season": "Season",
    "usage": "Occasion",
    "masterCategory": "Department",
    "subCategory": "Category",
    "year": "Year",
}


def headline(product: Product) -> str:
    """Return the name that a shopper would call the product by."""
    names = (product.attributes.get(column) for column in HEADLINE_COLUMNS)
    return next(filter(None, names), f"Product {product.id}")


def details(product: Product) -> str:
    """Return the attributes in one line, without what the headline already says; may be empty."""
    values = (product.attributes.get(column) for column in DETAIL_COLUMNS)
    return " · ".join(value for value in values if value and value != headline(product))


def alt_text(product: Product) -> str:
    """Return what a screen reader says for a product's picture."""
    return ", ".join(filter(None, (headline(product), details(product))))


def percent_alike(match: Match) -> str:
    """Return how close a match is, as a whole percentage: 100% is the very same look."""
    return f"{max(0.0, match.cosine):.0%} alike"


def closeness_label(share: float) -> str:
    """Return how close a match is compared with this shop's neighbors; share is the part, 0 to 1, it is closer than."""
    if share >= CLOSEST:
        return "As close as can be"
    if share >= NUMBERED:
        return f"Closer than {share * 100:.0f}%"
    return "Somewhat alike" if share >= SOMEWHAT else "Loosely alike"


def has_number(share: float) -> bool:
    """Return whether a share's closeness_label holds a number, which CLOSER_HINT explains."""
    return NUMBERED <= share < CLOSEST


def label_line(labels: Sequence[str]) -> str:
    """Return what is seen in a picture as one line: ("Shirts", "Navy Blue") → "shirts · navy blue"; may be empty."""
    return " · ".join(label.lower() for label in labels)


def column_title(column: str) -> str:
    """Return what a shopper calls a column of the shop's table."""
    return COLUMN_TITLES.get(column) or column.replace("_", " ").capitalize()


def word_with_count(word: str, count: int) -> str:
    """Return a word to filter by, with the number of products that have it."""
    return f"{word} ({count:,})"


def filters_label(count: int) -> str:
    """Return the label of the button that opens the filters, with the number of filters set."""
    return f"{FILTERS} ({count})" if count else FILTERS


def favorites_label(count: int) -> str:
    """Return the label of the button that opens the favorites, with their number."""
    return f"{FAVORITES} ({count})" if count else FAVORITES


def same_picture_label(count: int) -> str:
    """Return the label of the button that opens the other products with the same picture."""
    return f"+{count} similar"


def more_products_note(count: int) -> str:
    """Return how many products with the same picture are not shown."""
    return f"and {count:,} more; the download lists them all"


def escape_markdown(text: str) -> str:
    """Return a text of anybody's so that Markdown shows it as it is, in one line: no list, no heading, no link."""
    line = re.sub(r"[ \t\r\n\f\v]+", " ", text).strip(" ")
    line = re.sub(r"[\\`*_{}\[\]()<>#+\-!|$:~&=]", r"\\\g<0>", line)
    line = re.sub(r"^\d+(?=\.)", r"\g<0>\\", line)
    # Streamlit makes links of bare addresses, and icons of their names, whatever is escaped in them, unless an element
    # parts them: an empty one.
    return re.sub(r"(?i:(?<=www)(?=\.)|(?=@)|(?=\\:/)|(?<=\\:)(?=material/))", ":gray[]", line)
