"""Draw what photos found before and after a change: a row for each question, with five products on each side.

python -m lookalike similar PHOTO … --json > after.json     (and the same with the earlier version)
python benchmarks/picture_sheet.py --before before.json --after after.json --output sheet.webp
"""

import argparse
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

CELL, GAP, MARGIN = 84, 6, 14
PER_SIDE = 5
BACKGROUND, INK = "white", "#333333"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--after", type=Path, required=True)
    parser.add_argument("--products", type=Path, default=Path(), help="folder that the products' paths start from")
    parser.add_argument("--columns", type=int, default=2, help="questions side by side")
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    before, after = (json.loads(path.read_text()) for path in (options.before, options.after))
    assert [row["query"] for row in before] == [row["query"] for row in after], "not the same questions"
    block = (2 * PER_SIDE + 1) * (CELL + GAP) + 3 * MARGIN
    rows = -(-len(after) // options.columns)
    sheet = Image.new("RGB", (options.columns * block, rows * (CELL + GAP) + 2 * MARGIN + 16), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for place, (earlier, later) in enumerate(zip(before, after)):
        column, row = place % options.columns, place // options.columns
        left, top = column * block + MARGIN, MARGIN + 16 + row * (CELL + GAP)
        sheet.paste(thumbnail(Path(later["query"])), (left, top))
        for side, answer in enumerate((earlier, later)):
            start = left + CELL + MARGIN + side * (PER_SIDE * (CELL + GAP) + MARGIN)
            if row == 0:
                draw.text((start, 4), ("before", "after")[side], INK)
            for number, match in enumerate(answer["matches"][:PER_SIDE]):
                sheet.paste(thumbnail(options.products / match["path"]), (start + number * (CELL + GAP), top))
    sheet.save(options.output, quality=80)
    print(f"{options.output}: {len(after)} questions, {sheet.width} × {sheet.height}")


def thumbnail(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.pad(image.convert("RGB"), (CELL, CELL), color=BACKGROUND)


if __name__ == "__main__":
    main(parse_arguments())
