"""A page of questions and their matches as pictures, in one HTML file without scripts: what no figure can show."""

import base64
import html
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lookalike.analysis.metrics import NO_PRODUCT, K, Label, Queries
from lookalike.errors import ImageError
from lookalike.images.decoding import decode, jpeg_thumbnail
from lookalike.index.attributes import COLOR_COLUMN, TYPE_COLUMN
from lookalike.index.catalogue import Product
from lookalike.index.reading import Index
from lookalike.types import Rows

SIDE = 160  # of a picture, in pixels
STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:24px;color:#222;background:#fff}"
    "div{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start;margin:0 0 24px}"
    f"figure{{margin:0;width:{SIDE}px}}img{{max-width:100%;display:block}}"
    "figure.asked{border-right:2px solid #999;padding-right:12px}figcaption.right{color:#06662a}"
    "table{border-collapse:collapse}td,th{padding:4px 16px 4px 0;text-align:left;font-weight:400}td{text-align:right}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}figcaption.right{color:#7fd99a}}"
)


def picture_page(
    title: str, index: Index, queries: Queries, rows: Rows, labels: Sequence[Label | None], scored: str
) -> str:
    """Return the page of m queries and the rows (m, k) of their matches; see question_rows."""
    return page(title, [f"<h1>{html.escape(title)}</h1>", *question_rows(index, queries, rows, labels, scored)])


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole HTML page of parts, which are HTML."""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    )
    body = "\n".join(parts)
    return f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n'


def question_rows(
    index: Index, queries: Queries, rows: Rows, labels: Sequence[Label | None], scored: str
) -> Iterator[str]:
    """Yield the HTML of each of m queries and its matches, whose rows are (m, k).

    labels are the products' own, by which a match is right in what is scored; a caption says so with a check mark.
    """
    for place, found in enumerate(rows):
        right = queries.right[place].get(scored, set())
        wanted = " or ".join(sorted({", ".join(label) for label in right})[:K])
        parts = [figure(_asked_picture(queries, place), wanted, "asked")]
        for row in found:
            if row != NO_PRODUCT:
                product, is_right = index.product(row), labels[row] in right
                text = ("✓ " if is_right else "") + caption(product)
                parts.append(figure(thumbnail_of(index, product), text, "", "right" if is_right else ""))
        yield f"<div>{''.join(parts)}</div>"


def thumbnail_of(index: Index, product: Product) -> bytes | None:
    """Return JPEG bytes of a product's picture, None if it cannot be read."""
    return _thumbnail(index.picture(product))


def _asked_picture(queries: Queries, place: int) -> bytes | None:
    box = queries.boxes[place] if queries.boxes else None
    return _thumbnail(queries.paths[place] if queries.paths else None, box)


def _thumbnail(path: Path | None, box: tuple[float, float, float, float] | None = None) -> bytes | None:
    """Return JPEG bytes of a file's picture, or of a box of it in fractions; None if it cannot be read."""
    try:
        if path is None:
            return None
        image = decode(path, 4 * SIDE)
        if box:
            left, top, right, bottom = (edge * side for edge, side in zip(box, image.size * 2))
            image = image.crop((left, top, right, bottom))
        return jpeg_thumbnail(image, SIDE)
    except (ImageError, ValueError):
        return None


def caption(product: Product) -> str:
    """Return a product's type and color, its id if neither is known."""
    words = [product.attributes[column] for column in (TYPE_COLUMN, COLOR_COLUMN) if product.attributes.get(column)]
    return ", ".join(words) or product.id


def figure(picture: bytes | None, words: str, kind: str = "", caption_kind: str = "") -> str:
    """Return the HTML of a picture with words below it, the words alone where there is no picture."""
    text = html.escape(words)
    source = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}" if picture else ""
    image = f'<img src="{source}" alt="{text}">' if picture else ""
    return f'<figure class="{kind}">{image}<figcaption class="{caption_kind}">{text}</figcaption></figure>'
