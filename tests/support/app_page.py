"""What a test does on the page through Streamlit's AppTest, and reads there."""

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from lookalike.web import texts
from tests.support.data import ROOT


def upload(app: AppTest, content: bytes, name: str = "photo.jpg") -> AppTest:
    return app.file_uploader[0].set_value((name, content, "image/jpeg")).run()


def submit(app: AppTest, text: str) -> AppTest:
    """Type a text into the start page's field and submit it."""
    next(field for field in app.text_input if (field.key or "").startswith("field-")).set_value(text)
    return next(button for button in app.button if "field-form" in (button.key or "")).click().run()


def names(app: AppTest) -> list[str]:
    """Return the names on the cards, in their order."""
    bold = [markdown.value for markdown in app.markdown if markdown.value.startswith("**")]
    return [name for name in bold if name != f"**{texts.FILTERS_TITLE}**"]


def badges(app: AppTest) -> list[str]:
    """Return how close each match is, in words."""
    return [markdown.value for markdown in app.markdown if "-badge[" in markdown.value]


def button(app: AppTest, key: str) -> Button:
    return next(button for button in app.button if button.key == key)


def photo(number: int = 0) -> Path:
    """Return the picture of one of the demo's products."""
    return sorted((ROOT / "images").glob("*.jpg"))[number]


def identity(number: int = 0) -> str:
    return photo(number).stem


def open_product(app: AppTest, product: str, **params: str) -> AppTest:
    """Open the address of a product."""
    app.query_params.update({"product": product, **params})
    return app.run()


def look_up(open_app: Callable[..., AppTest], index: Path, number: int = 0, **params: str) -> AppTest:
    """Open the app at the address of one of the demo's products."""
    return open_product(open_app(index), identity(number), **params)


def results(app: AppTest) -> list[str]:
    """Return the identities of the products shown."""
    return [button.key.removeprefix("like-") for button in app.button if (button.key or "").startswith("like-")]
