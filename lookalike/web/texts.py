"""Every sentence the page shows, in one place, and how a product is put into words."""

TITLE = "Lookalike"

LOOK_UP_PAGE, CATALOGUE_PAGE = "Look up", "Catalogue"

LEAD = "Show us a photo of something to wear, and see the products of this shop that look most like it."

LOADING = "Opening the shop…"

SEARCHING = "Looking…"

WAITING = "Many people are looking right now: {before} before you. Stay here, your turn comes."

NEXT = "Many people are looking right now: you are next."

TOO_MANY = "That was a lot of searches in a short time. Please try again in {seconds} s."

NO_INDEX = "The shop is not open yet"

NO_INDEX_HINT = "Whoever runs this shop makes its index with one command:"

NO_INDEX_COMMAND = "python extract_features.py --images images"

IMAGE_MISSING = "The picture of this product is not available."

# Ways in.
NEW_SEARCH = "New search"

UPLOAD = "Your photo"

UPLOAD_HELP = "JPEG, PNG, WebP, HEIC or AVIF, up to 20 MB. Several photos at once are one search."

PHOTOS_NOT_KEPT = "Your photos are used for your answers and not stored."

PHOTOS_KEPT = "This shop keeps a copy of the photos you ask with, whichever way they come."

CAMERA = "Take a photo"

CAMERA_LABEL = "Point the camera at something to wear"

PASTE = "Paste a photo"

PASTE_WORDS = {
    "label": PASTE,
    "too_large": "That picture is too large; the limit is 20 MB.",
    "nothing": "There is no picture on the clipboard. Copy one first.",
    "by_keyboard": "Copy a picture, then press Ctrl+V (⌘V on a Mac) anywhere on this page.",
}

ADDRESS = "Web address"

ADDRESS_LABEL = "Address of a picture"

ADDRESS_PLACEHOLDER = "https://…"

ADDRESS_GO = "Look it up"

FETCHING = "Fetching the picture…"

PICK = "Search the shop"

PICK_LABEL = "Words or a product's number"

PICK_PLACEHOLDER = "red dress"

PICK_NOTHING = "Nothing here goes by those words. Try fewer, or others."

SURPRISE = "Surprise me"

EXAMPLES = "First time here? Tap one of these to see how it works."

EXAMPLE = "Try this one"

TOO_MANY_PHOTOS = "Only the first {most} photos were used."

# The query.
# What an error calls the photo.
THE_PHOTO = "The photo"

YOUR_PHOTO = "Your photo"

YOUR_PHOTOS = "Your photos"

YOUR_PRODUCT = "Your pick from the shop"

REGION_HINT = "Only part of it? Tap or drag over what matters."

REGION_WORDS = {"label": "Parts of the photo", "cell": "Row {row}, column {column}"}

WHOLE = "Use the whole photo"

BELIEVED = "We see: {words}"

NO_SUCH_PRODUCT = "This shop has no product with the number {id}."

UNLIKE = (
    "We don't see anything in this picture that this shop sells. Here is what comes nearest; "
    "a photo that shows one garment, well lit, works best."
)

# Narrowing.
RESULTS = "Most like it"

FILTERS = "Filter"

FILTERS_CLEAR = "Clear all filters"

FILTERS_TITLE = "Show only"

FILTERS_ANY = "Any"

BALANCE = "Look or color"

BALANCE_LABEL = "What counts more?"

BALANCES = {0.0: "Same look", 0.25: "Mostly look", 0.5: "Both", 0.75: "Mostly color", 1.0: "Same color"}

LOOKS_LIKE = "Looks like"

NONE_LEFT = "No product passes all these filters. Take one away."

NO_OTHERS = "This shop has no other product yet."

FEWER_LEFT = "Only these are left with your filters."

CLOSER_HINT = (
    "“Closer than 90 %” says: nearer to your picture than 9 of 10 products of this shop are to their own next of kin."
)

# From this share on a number is told.
NUMBERED = 0.5

# Cards.
MORE_LIKE_THIS = "More like this"

WHY = "Why?"

KEEP, KEPT = "Keep", "Kept"

MORE_RESULTS = "Show more"

DOWNLOAD = "Download this list"

RESULTS_FILE, FAVORITES_FILE = "lookalike-results.csv", "lookalike-favorites.csv"

# Favorites.
FAVORITES = "Favorites"

NO_FAVORITES = "Nothing kept yet. Tap “Keep” below a product; it stays here until you close this page."

FORGET = "Take out"

DOWNLOAD_FAVORITES = "Download favorites"

# Why.
WHY_TITLE = "Why this one?"

WHY_HEATS = "The brighter a spot, the more it made the two alike."

WHY_COLORS = "Colors both have"

WHY_NO_COLORS = "They share no main color; the shape and the fabric made the match."

WHY_BELIEVED = "What we see"

WHY_UNSURE = "not sure"

WHY_MISSING = "The picture of this product is not available, so there is nothing to compare."

PRODUCT = "The product"

# Shown in this order where a catalogue has them; any other attribute follows.
HEADLINE = ("productDisplayName", "articleType")

DETAILS = ("articleType", "baseColour", "gender", "usage", "season")

COLUMNS = {
    "gender": "For",
    "articleType": "Kind",
    "baseColour": "Color",
    "season": "Season",
    "usage": "Occasion",
    "masterCategory": "Department",
    "subCategory": "Category",
    "year": "Year",
}


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


def is_explained(share):
    """Whether the words for a share hold a number, which CLOSER_HINT explains."""
    return NUMBERED <= share < 0.995


def closer_than(share):
    """How close a match is beside the neighbors in the shop, from the share, 0 to 1, that it is closer than."""
    if share >= 0.995:
        return "As close as can be"
    if share >= NUMBERED:
        return f"Closer than {share * 100:.0f} %"
    # A small number would sound like praise: words say that it is none.
    return "Somewhat alike" if share >= 0.1 else "Loosely alike"


def believed(words):
    """What is seen in a picture, in one line: ("Shirts", "Navy Blue") → "shirts · navy blue"; may be empty."""
    return " · ".join(word.lower() for word in words)


def column(name):
    """What a shopper calls a column of the shop's table."""
    return COLUMNS.get(name) or name.replace("_", " ").capitalize()


def counted(word, count):
    """A word to filter by, and how many products have it."""
    return f"{word} ({count:,})"


def filters(count):
    """The button behind which filters are, and how many are set."""
    return f"{FILTERS} ({count})" if count else FILTERS


def favorites(count):
    """The button behind which favorites are kept."""
    return f"{FAVORITES} ({count})" if count else FAVORITES


def more_products(count):
    """How many products with the same picture are not shown."""
    return f"and {count:,} more; the download names them all"


def same_pictures(count):
    """The button behind which products with the same picture are kept."""
    return f"+{count} similar"


def alt(product):
    """What a screen reader says for a product's picture."""
    return ", ".join(filter(None, (headline(product), details(product))))


def escape(text):
    """Text from a shop's table, safe to put into Markdown."""
    return "".join("\\" + char if char in "\\`*_{}[]()<>#+-!|$:~" else char for char in text)
