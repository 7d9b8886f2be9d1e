"""What a shop asks for a product: its price, whether it is to be had, and the address of its page."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from lookalike.index.prices import Price, parse_price
from lookalike.types import Attributes

# The columns, as a feed's products have them; a shop's own table may have them too.
LINK, PRICE, SALE_PRICE, CURRENCY = "link", "price", "sale_price", "currency"
AVAILABILITY, SIZE = "availability", "size"
# What tells which products are variants of each other; a table has one of them.
GROUP = "item_group_id"
GROUP_COLUMNS = (GROUP, "item group id", "itemGroupId")
# What tables of feeds called it before; it groups nothing.
FORMER_GROUP = "group"
# None of these says what a picture shows.
OFFER_COLUMNS = (LINK, PRICE, SALE_PRICE, CURRENCY, AVAILABILITY, SIZE, *GROUP_COLUMNS, FORMER_GROUP)
IN_STOCK = "in stock"


@dataclass(frozen=True)
class Offer:
    """What is known of a product's offer.

    Attributes:
        price: the usual price, None if it is unknown.
        sale_price: the price now, None unless it is lower than the usual one.
        availability: the shop's words, such as "in stock" or "out of stock"; "" if unknown.
        link: the http or https address of the product's page, None if there is none.
    """

    price: Price | None = None
    sale_price: Price | None = None
    availability: str = ""
    link: str | None = None

    @property
    def is_in_stock(self) -> bool:
        """Whether it is to be had, as far as is known."""
        return self.availability in ("", IN_STOCK)


def offer_of(attributes: Attributes) -> Offer:
    """Return the offer in a product's attributes; what is no price and no web address counts as unknown."""
    currency = attributes.get(CURRENCY, "")
    price, sale = (_price(attributes.get(column, ""), currency) for column in (PRICE, SALE_PRICE))
    if price is None:
        price, sale = sale, None
    if price and sale and sale.amount >= price.amount:
        sale = None
    return Offer(price, sale, availability_of(attributes), _web_address(attributes.get(LINK, "")))


def availability_of(attributes: Attributes) -> str:
    """Return the shop's words for whether a product is to be had, in one spelling: "in stock"; "" if unknown."""
    return " ".join(attributes.get(AVAILABILITY, "").replace("_", " ").lower().split())


def _price(text: str, currency: str) -> Price | None:
    price = parse_price(text)
    return Price(price.amount, price.currency or currency) if price else None


def _web_address(text: str) -> str | None:
    """Return an address that a page may lead to, without what a browser would read in another way."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return None
    return text if is_address and text.isprintable() and not set(text) & set(' "<>\\') else None
