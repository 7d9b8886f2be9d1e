"""How many of a photo's five products are right with bars, borders and a phone's screen around it, kept or cut off.

python benchmarks/rims.py --data DIR [--products 2500] [--photos 12] [--index DIR]

DIR holds fashion-product-images/ and shopper-photos/. Of each class, so many photos ask an index of so many random
products, twice, chosen with two seeds. Rims are kept by switching images/rims.py off. 500 further products ask, too.
"""

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import harness
import numpy as np
from PIL import Image, ImageDraw

CLASSES = json.loads((harness.ROOT / "benchmarks" / "classes.json").read_text())
SEEDS = (1, 2)
FURTHER_PRODUCTS = 500
# A screenshot's sides in pixels, and how far down an app shows the photo.
SCREEN, APP_BAR = (1080, 2280), 330


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--products", type=int, default=2500)
    parser.add_argument("--photos", type=int, default=12, help="of each class")
    parser.add_argument("--index", help="an index that an earlier run made")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    from lookalike.images.decoding import decode
    from lookalike.index.attributes import read_styles
    from lookalike.search.loading import load_recommender

    catalogue = options.data.resolve() / "fashion-product-images"
    harness.print_head(options.data, "nothing is timed")
    products = random.Random(SEEDS[0]).sample(
        sorted((catalogue / "images").iterdir()), options.products + FURTHER_PRODUCTS
    )
    styles = read_styles(catalogue / "styles.csv")
    with tempfile.TemporaryDirectory() as folder:
        recommender = load_recommender(options.index or make_index(products[: options.products], catalogue, folder))
        for name, frame in FRAMES.items():
            for seed in SEEDS:
                photos = choose_photos(options.data / "shopper-photos", options.photos, seed)
                contents = [as_jpeg(frame(decode(path, 224))) for path in photos]
                kinds = [CLASSES[path.parent.name] for path in photos]
                print(f"{name}, seed {seed}: {compare(recommender, contents, kinds)}", flush=True)
        asking = [path for path in products[options.products :] if path.stem in styles]
        kinds = [[styles[path.stem]["articleType"]] for path in asking]
        print(f"further products: {compare(recommender, [path.read_bytes() for path in asking], kinds)}")


def make_index(products: Sequence[Path], catalogue: Path, folder: str) -> str:
    """Index these products, with tuning, in a folder; return the folder."""
    Path(folder, "images").mkdir()
    for path in products:
        Path(folder, "images", path.name).symlink_to(path)
    command = [sys.executable, "-m", "lookalike", "index", "--images", f"{folder}/images", "--output", folder]
    command += ["--backbone", "efficientnet-lite0", "--styles", str(catalogue / "styles.csv")]
    subprocess.run(command, cwd=harness.ROOT, check=True)
    return folder


def compare(recommender: Any, contents: Sequence[bytes], kinds: Sequence[Sequence[str]]) -> str:
    """Return the precision at 5 of photos, given the article types that are right, with rims kept and cut off."""
    from lookalike.images import pillow
    from lookalike.images.decoding import decode
    from lookalike.images.rims import cut_rims

    def precision(content: bytes, right: Sequence[str]) -> float:
        matches = recommender.similar(content)
        return sum(match.product.attributes.get("articleType") in right for match in matches) / len(matches)

    cut = float(np.mean(list(map(precision, contents, kinds))))
    with mock.patch.object(pillow, "cut_rims", lambda image: image):
        kept = float(np.mean(list(map(precision, contents, kinds))))
        images = [decode(content, 224) for content in contents]
    found = sum(cut_rims(image) is not image for image in images)
    return f"kept {kept:.3f}, cut off {cut:.3f}, rims found in {found} of {len(contents)}"


def choose_photos(folder: Path, count: int, seed: int) -> list[Path]:
    """Return so many photos of each class, or all that it has."""
    chosen = random.Random(seed)
    photos = [sorted(path.iterdir()) for path in sorted(folder.iterdir())]
    return [path for of_class in photos for path in chosen.sample(of_class, min(count, len(of_class)))]


def as_jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def add_bars(photo: Image.Image) -> Image.Image:
    """Put a photo into a frame of 16 : 9 as video players do."""
    wide = round(photo.height * 16 / 9)
    return paste(photo, (max(wide, photo.width), photo.height), "black")


def add_border(photo: Image.Image, color: str) -> Image.Image:
    """Add a border of a quarter of the photo's longer side."""
    border = max(photo.size) // 4
    return paste(photo, (photo.width + 2 * border, photo.height + 2 * border), color)


def add_screen(photo: Image.Image, ground: str, ink: str) -> Image.Image:
    """Show a photo on a phone: below the clock and an app's name, above a caption."""
    width, height = SCREEN
    high = min(round(photo.height * width / photo.width), height - 2 * APP_BAR)
    screen = Image.new("RGB", SCREEN, ground)
    screen.paste(photo.resize((width, high)), (0, APP_BAR))
    draw = ImageDraw.Draw(screen)
    draw.text((60, 28), "9:41", fill=ink, font_size=40)
    draw.rectangle((940, 34, 1010, 62), fill=ink)
    draw.text((60, 160), "street_style", fill=ink, font_size=52)
    draw.text((60, APP_BAR + high + 60), "Liked by many people", fill=ink, font_size=44)
    draw.rounded_rectangle((400, height - 40, 680, height - 28), 6, fill=ink)
    return screen


def paste(photo: Image.Image, size: tuple[int, int], color: str) -> Image.Image:
    """Return the photo in the middle of an image of one color."""
    image = Image.new("RGB", size, color)
    image.paste(photo, ((size[0] - photo.width) // 2, (size[1] - photo.height) // 2))
    return image


FRAMES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda photo: photo,
    "black bars, 16 : 9": add_bars,
    "white border of a quarter": lambda photo: add_border(photo, "white"),
    "black border of a quarter": lambda photo: add_border(photo, "black"),
    "screenshot, dark": lambda photo: add_screen(photo, "black", "white"),
    "screenshot, white": lambda photo: add_screen(photo, "white", "black"),
}

if __name__ == "__main__":
    main(parse_arguments())
