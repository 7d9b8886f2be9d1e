"""The page's outline: what a browser draws from the HTML alone, and what takes a photo before Streamlit has started."""

import html
from pathlib import Path

from lookalike.web import texts

SCRIPT = Path(__file__).with_name("outline.js").read_text(encoding="utf-8")
STYLE = Path(__file__).with_name("outline.css").read_text(encoding="utf-8")
# As many as an answer has products.
BOXES = 5


def start_page() -> str:
    """Return the HTML of the start page's outline: the title, the lead, and a place that takes photos."""
    return _outline(
        f'<p class="lead">{html.escape(texts.LEAD)}</p>'
        f'<p class="label" aria-hidden="true">{html.escape(texts.UPLOAD)}</p>'
        f"<label><span>{html.escape(texts.UPLOAD_BUTTON)}</span>"
        f'<input type="file" multiple aria-label="{html.escape(texts.UPLOAD)}"></label>'
    )


def answer_page() -> str:
    """Return the HTML of an answer's outline: the title, and places for the products."""
    return _outline(f'<p role="status">{html.escape(texts.SEARCHING)}</p><div class="boxes">{"<i></i>" * BOXES}</div>')


def _outline(content: str) -> str:
    return (
        f'<div id="outline" data-chosen="{html.escape(texts.SEARCHING)}"><h1>{html.escape(texts.TITLE)}</h1>'
        f"<main>{content}</main></div><noscript><style>#outline {{ display: none }}</style></noscript>"
        f"<script>{SCRIPT}</script>"
    )
