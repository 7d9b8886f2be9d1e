"""`lookalike garments`: which garments a photo shows, and where; and the parts of photos that other commands take."""

import re
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.options import NAME, Command
from lookalike.cli.terminal import announce, show, show_json

if TYPE_CHECKING:
    from lookalike.embedding.garments import Garment

Part = tuple[float, float, float, float]
"""Left, top, right, bottom in fractions of the photo."""


class _Part(click.ParamType):
    name = "part"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Part:
        numbers = re.fullmatch(r"\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*", str(value))
        try:
            left, top, right, bottom = map(float, numbers.groups() if numbers else ())
        except ValueError:
            left = top = right = bottom = -1.0
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            self.fail(
                f"{value!r} is no part of a photo. Give left, top, right and bottom as fractions from 0 to 1, such as "
                "0.2,0.5,0.8,1.",
                param,
                ctx,
            )
        return left, top, right, bottom


PART = _Part()


@click.command(cls=Command)
@click.argument("photos", nargs=-1, required=True, type=NAME, metavar="PHOTO...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def garments(photos: tuple[str, ...], as_json: bool) -> int:
    """Print the garments in each PHOTO: a file, a web address, or - for standard input.

    Each has a box: left, top, right and bottom in fractions of the photo, as `similar --part` takes them. The exit code
    is 1 where a photo could not be used.
    """
    from lookalike.cli.photos import read_photo
    from lookalike.embedding.embedder import load_finder
    from lookalike.embedding.garments import describe_finder, find_garments
    from lookalike.errors import ImageError
    from lookalike.images.decoding import load_pixels
    from lookalike.index.catalogue import readable

    finder, side = load_finder(), describe_finder().side
    answers, failed = [], 0
    for photo in photos:
        try:
            found = find_garments(finder, load_pixels(read_photo(photo), side))
        except ImageError as error:
            failed = 1
            announce(f"error: {error}")
            continue
        if as_json:
            answers.append({"photo": readable(photo), "garments": [garment_as_dict(one) for one in found]})
        else:
            show(readable(photo), *(map(_as_line, found) if found else ["  no garment found"]))
    if as_json:
        show_json(answers)
    return failed


def garment_as_dict(garment: "Garment") -> dict[str, Any]:
    """Return a garment as what JSON holds."""
    return {
        "garment": garment.garment,
        "box": [round(edge, 4) for edge in garment.box],
        "score": round(garment.score, 4),
    }


def _as_line(garment: "Garment") -> str:
    return f"  {garment.score:.2f}  {garment.garment}  {','.join(f'{edge:.3f}' for edge in garment.box)}"
