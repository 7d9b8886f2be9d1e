"""Prices as shops write them: "19.99 USD", "1.299,00 €", "£ 12" → an amount and a currency."""

import re
from dataclasses import dataclass
from decimal import Decimal

SIGNS = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY", "₹": "INR", "₩": "KRW", "zł": "PLN", "Kč": "CZK", "kr": "SEK"}
NUMBER = re.compile(r"\d(?:[\d.,'\u00a0\u202f ]*\d)?")
CODE = re.compile(r"\b[A-Z]{3}\b")
# What may stand beside the number; any other word, such as "from", makes it no price.
ALLOWED = re.compile(r"[\s\u00a0\u202f]*")


@dataclass(frozen=True)
class Price:
    """An amount of at least 0 with a point for decimals, and a currency of ISO 4217, "" if it is not named."""

    amount: Decimal
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}".strip()


def parse_price(text: str) -> Price | None:
    """Return the price that a text is, None if it is none, a range or one that is only begun ("from 20")."""
    numbers = NUMBER.findall(text)
    if len(numbers) != 1:
        return None
    rest = text.replace(numbers[0], " ", 1)
    currency = ""
    if code := CODE.search(rest):
        currency, rest = code[0], rest.replace(code[0], " ", 1)
    for sign, name in SIGNS.items():
        if sign in rest:
            currency, rest = currency or name, rest.replace(sign, " ", 1)
            break
    if not ALLOWED.fullmatch(rest):
        return None
    return Price(_amount(numbers[0]), currency)


def _amount(number: str) -> Decimal:
    """Return the amount: the last point or comma is the decimal one unless three digits follow it or it repeats."""
    digits = re.sub(r"['\u00a0\u202f ]", "", number)
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return Decimal(digits)
    mark, decimals = digits[last], digits[last + 1 :]
    other = "," if mark == "." else "."
    is_decimal = digits.count(mark) == 1 and (len(decimals) != 3 or other in digits)
    whole = re.sub(r"[.,]", "", digits[:last])
    return Decimal(f"{whole or '0'}.{decimals}") if is_decimal else Decimal(re.sub(r"[.,]", "", digits))
