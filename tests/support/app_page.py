"""What a test does with the page through Streamlit's AppTest, and reads there."""

from lookalike.web import texts
from tests.support.data import ROOT


def upload(app, content, name="photo.jpg"):
    return app.file_uploader[0].set_value((name, content, "image/jpeg")).run()


def names(app):
    """The names on the cards, in their order."""
    bold = [markdown.value for markdown in app.markdown if markdown.value.startswith("**")]
    return [name for name in bold if name != f"**{texts.FILTERS_TITLE}**"]


def button(app, key):
    return next(button for button in app.button if button.key == key)


def photo(number=0):
    return sorted((ROOT / "images").iterdir())[number]


def identity(number=0):
    return photo(number).stem


def look_up(open_app, index, number=0, **params):
    """The page at the address of a product."""
    app = open_app(index)
    app.query_params.update({"product": identity(number), **params})
    return app.run()


def results(app):
    """The ids of the products shown."""
    return [button.key.removeprefix("like-") for button in app.button if (button.key or "").startswith("like-")]
