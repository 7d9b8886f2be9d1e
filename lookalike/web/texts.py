"""Every sentence of the page Look up, and how the page puts a product into words."""

import math
import re
from collections.abc import Sequence
from decimal import Decimal

from lookalike.errors import INDEX_COMMAND
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.catalogue import Product
from lookalike.index.offers import PRICE, Offer
from lookalike.index.price_ranges import read_range
from lookalike.index.prices import Price
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

# Who may open the page Catalogue.
PASSWORD, ENTER, LOG_IN, LEAVE = "Password of the shop's staff", "Enter", "Log in", "Log out"
NOT_LET_IN = "That is not the password. Try again, or ask whoever runs this shop for it."
TOO_MANY_GUESSES = "Too many passwords in a short time. Try again in {seconds} seconds."
NO_DIGEST = (
    "This page needs a password, and this shop has not set one. Whoever runs it: put the digest of one into "
    "`LOOKALIKE_STAFF_PASSWORD`, as deploy/README.md says."
)
NO_AUTHLIB = (
    "This shop's login needs Authlib and httpx, which are not installed. Whoever runs it: install them with "
    "`pip install '.[login]'` and start the app again."
)
NO_PROVIDER = (
    "This shop's login is not set up. Whoever runs it: fill in `[auth]` in Streamlit's `secrets.toml`, as "
    "deploy/README.md says."
)
GUESSABLE_LOGIN = (
    "This shop's login is not safe. Whoever runs it: `cookie_secret` in Streamlit's `secrets.toml` needs at least 32 "
    "random letters, as deploy/README.md says."
)
LOGIN_OUTCOMES = {
    "failed": "You are not logged in: the login was cancelled or did not work. Try again. If it fails again, ask "
    "whoever runs this shop, who finds the reason in the server's log.",
    "unreachable": "The service that logs people in does not answer. Try again in a few minutes, or ask whoever runs "
    "this shop.",
}
NOT_STAFF = "You are logged in, but this page is not open to you. Ask whoever runs this shop to add you."

# Ways to start.
MAX_PHOTO_SIZE = f"{MAX_PHOTO_BYTES // 1_000_000} MB"
NEW_SEARCH = "New search"
UPLOAD = "Your photo"
# Streamlit's own word for it.
UPLOAD_BUTTON = "Upload"
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
FIELD_LABEL = "Words, a picture's web address, or a product number"
FIELD_PLACEHOLDER = "red dress, or https://…"
FIELD_GO = "Search"
FIELD_ADVICE = "Try a kind and a color, such as “red dress”, or show us a photo."
FETCHING = "Fetching the picture…"
NOTHING_FOUND = "No products match those words. Try fewer or different ones."
SURPRISE = "Surprise me"
EXAMPLES = "Or start from one of these"
PHOTO_COMES = "One moment: your browser is showing us your photo again."
PHOTO_GONE = "We no longer have that photo: we keep photos only while a visit lasts. Please show it to us again."
PHOTO_GIVEN_UP = "Many photos are being looked at right now."
TOO_MANY_PHOTOS = "Only the first {max_photos} photos were used."

# The query. An error calls the photo THE_PHOTO.
THE_PHOTO, THE_SHOP = "The photo", "The shop"
YOUR_PHOTO, YOUR_PHOTOS = "Your photo", "Your photos"
YOUR_PRODUCT = "Your pick from the shop"
REGION_HINT = "Only part of it? Tap or drag over what matters."
REGION_WORDS = {
    "label": "Parts of the photo",
    "cell": "Row {row}, column {column}",
    "garments_label": "Garments in the photo",
}
OUTFIT_HINT = "Tap what you mean, or drag over any part."
GARMENTS = {
    "top": "Top",
    "bottom": "Bottom",
    "dress": "Dress",
    "outerwear": "Jacket",
    "footwear": "Shoes",
    "bag": "Bag",
    "headwear": "Hat",
    "eyewear": "Glasses",
    "jewellery/watch": "Jewelry",
    "belt": "Belt",
    "scarf/tie": "Scarf or tie",
}
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
UP_TO, AND_MORE = "up to {price}", "{price} and more"
BALANCE = "Look or color"
BALANCE_LABEL = "What matters more?"
BALANCES = {0.0: "Same look", 0.25: "Mostly look", 0.5: "Both", 0.75: "Mostly color", 1.0: "Same color"}
LOOKS_LIKE = "Looks like"
NONE_LEFT = "No products match all these filters. Remove one."
NO_OTHERS = "This shop has no other products yet."
FEWER_LEFT = "No other products match your filters."

# Words that join a photo or a product.
WORDS_LABEL = "Like this, but…"
WORDS_PLACEHOLDER = "in red, for women …"
WORDS_ADVICE = "Try a color, a kind of clothing or who it is for, such as “in red” or “for men”."

# Cards. Below NUMBERED a share is put into words, because a small number would sound like praise.
CLOSER_HINT = (
    "“Closer than 90%” means: closer to your picture than nine in ten products here are to their nearest match."
)
CLOSEST, NUMBERED, SOMEWHAT = 0.995, 0.5, 0.1
# A photo looks less like any product than products look like each other: of right matches of real photos the middle one
# is closer than 1% of neighbors, of wrong ones than 0.4% (benchmarks/LOG.md).
SOMEWHAT_OF_PHOTO = 0.01
MORE_LIKE_THIS = "More like this"
ALSO_IN, SIZES = "Also in", "Sizes"
WHY = "Why?"
KEEP, KEPT = "Keep", "Kept"
MORE_RESULTS = "Show more"
DOWNLOAD = "Download this list"
RESULTS_FILE, FAVORITES_FILE = "lookalike-results.csv", "lookalike-favorites.csv"

# Favorites.
FAVORITES = "Favorites"
NO_FAVORITES = "Nothing here yet. Tap the heart on a product, and this browser remembers it."
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
TO_THE_SHOP = "To the shop"
NO_LINK = "This shop has no page for the product {id}. Go back and choose another one."
LIKE, DISLIKE = "Like", "Dislike"
JUDGED = "You said (tap to take it back):"

# Shown in this order where a catalogue has them; any other attribute follows.
HEADLINE_COLUMNS = ("productDisplayName", TYPE_COLUMN)
DETAIL_COLUMNS = (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN, "usage", "season")
# What variants may differ in beside color and size, as feeds say.
VARIANT_COLUMNS = ("pattern", "material", GENDER_COLUMN, "age_group")
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

CURRENCY_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}

# The places in an escaped text between two characters that Streamlit would act on together.
ACTED_ON = re.compile(r"(?i:(?<=www)(?=\.)|(?=@)|(?=\\:/)|(?<=\\:)(?=[a-z\d_]))|(?<=\\[<>~\-])(?=\\[>=\-])")


def headline(product: Product) -> str:
    """Return the name that a shopper would call the product by."""
    names = (product.attributes.get(column) for column in HEADLINE_COLUMNS)
    return next(filter(None, names), f"Product {product.id}")


def details(product: Product) -> str:
    """Return the attributes in one line, without what the headline already says; may be empty."""
    values = (product.attributes.get(column) for column in DETAIL_COLUMNS)
    return " · ".join(value for value in values if value and value != headline(product))


def price_line(offer: Offer) -> str:
    """Return a price as Markdown, with the usual price struck through beside a lower one; "" if it is unknown."""
    if offer.price is None:
        return ""
    if offer.sale_price is None:
        return escape_markdown(price_text(offer.price))
    usual, now = escape_markdown(price_text(offer.price)), escape_markdown(price_text(offer.sale_price))
    return f"{now} ~~{usual}~~"


def price_text(price: Price) -> str:
    """Return a price as shoppers read it: €59.90, or 59.90 PLN."""
    amount = f"{price.amount:,.2f}" if price.amount % 1 else f"{price.amount:,.0f}"
    sign = CURRENCY_SIGNS.get(price.currency)
    return f"{sign}{amount}" if sign else f"{amount} {price.currency}".strip()


def availability_line(offer: Offer) -> str:
    """Return what a shopper must know of a product that is not in stock; "" for one that is."""
    return "" if offer.is_in_stock else escape_markdown(offer.availability.capitalize())


def variant_label(variant: Product, product: Product) -> str:
    """Return what tells a variant from the product that is shown, apart from its size; "" if nothing does."""
    columns = (COLOR_COLUMN, *VARIANT_COLUMNS)
    values = [
        value for column in columns if (value := variant.attributes.get(column)) != product.attributes.get(column)
    ]
    return " · ".join(filter(None, values))


def alt_text(product: Product) -> str:
    """Return what a screen reader says for a product's picture."""
    return ", ".join(filter(None, (headline(product), details(product))))


def percent_alike(match: Match) -> str:
    """Return how close a match is, as a whole percentage: 100% is the very same look."""
    return f"{max(0.0, match.cosine):.0%} alike"


def closeness_label(share: float, of_photo: bool = False) -> str:
    """Return how close a match is compared with this shop's neighbors; share is the part, 0 to 1, it is closer than.

    of_photo says that a visitor's photo was asked, which is never as close as a product's own picture.
    """
    if share >= CLOSEST:
        return "As close as can be"
    if share >= NUMBERED:
        return f"Closer than {share * 100:.0f}%"
    return "Somewhat alike" if share >= (SOMEWHAT_OF_PHOTO if of_photo else SOMEWHAT) else "Loosely alike"


def has_number(share: float) -> bool:
    """Return whether a share's closeness_label holds a number, which CLOSER_HINT explains."""
    return NUMBERED <= share < CLOSEST


def label_line(labels: Sequence[str]) -> str:
    """Return what is seen in a picture as one line: ("Shirts", "Navy Blue") → "shirts · navy blue"; may be empty."""
    return " · ".join(label.lower() for label in labels)


def column_title(column: str) -> str:
    """Return what a shopper calls a column of the shop's table."""
    return COLUMN_TITLES.get(column) or column.replace("_", " ").capitalize()


def filter_label(column: str, word: str, currency: str = "") -> str:
    """Return a word to filter by as a shopper reads it: of prices, €20–€50, up to €20, or €50 and more."""
    bounds = read_range(word) if column == PRICE else None
    if bounds is None:
        return word
    low, high = (price_text(Price(Decimal(str(amount)), currency)) if amount < math.inf else "" for amount in bounds)
    return UP_TO.format(price=high) if bounds[0] == 0 else f"{low}–{high}" if high else AND_MORE.format(price=low)


def word_with_count(word: str, count: int) -> str:
    """Return a word to filter by, with the number of products that have it."""
    return f"{word} ({count:,})"


def filters_label(count: int) -> str:
    """Return the label of the button that opens the filters, with the number of filters set."""
    return f"{FILTERS} ({count})" if count else FILTERS


def not_understood_note(known: Sequence[str], unknown: Sequence[str], advice: str) -> str:
    """Return which words were understood and which were not, and what to try instead."""
    if known:
        return f"We understood {_quoted(known)}, but not {_quoted(unknown)}. {advice}"
    return f"We don't know {_quoted(unknown)} here. {advice}"


def favorites_label(count: int) -> str:
    """Return the label of the button that opens the favorites, with their number."""
    return f"{FAVORITES} ({count})" if count else FAVORITES


def more_variants_note(count: int) -> str:
    """Return how many further variants are not shown."""
    return f"and {count:,} more"


def same_picture_label(count: int) -> str:
    """Return the label of the button that opens the other products with the same picture."""
    return f"+{count} similar"


def more_products_note(count: int) -> str:
    """Return how many products with the same picture are not shown."""
    return f"and {count:,} more; the download lists them all"


def _quoted(words: Sequence[str]) -> str:
    *others, last = (f"“{word}”" for word in words)
    return f"{', '.join(others)} and {last}" if others else last


def escape_markdown(text: str) -> str:
    """Return a text of anybody's so that Markdown shows it as it is, in one line: no list, no heading, no link."""
    # In bold, a space of any kind beside the asterisks would leave these as they are.
    line = re.sub(r"[ \t\r\n\f\v]+", " ", text).strip()
    line = re.sub(r"[\\`*_{}\[\]()<>#+\-!|$:~&=]", r"\\\g<0>", line)
    line = re.sub(r"^\d+(?=\.)", r"\g<0>\\", line)
    # Streamlit makes links of bare addresses, pictures of :names: and arrows of ->, whatever is escaped in them,
    # unless an element parts them: an empty one.
    return ACTED_ON.sub(":gray[]", line)
