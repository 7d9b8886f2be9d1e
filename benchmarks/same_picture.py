"""How far a picture lies from itself at another size or slightly changed, and how far other products lie.

python benchmarks/same_picture.py --images DIR [--limit 400]: the figures behind SAME_PICTURE.
"""

import argparse
import io

import numpy as np
import harness
from PIL import Image, ImageEnhance

from lookalike.types import Matrix

PERCENTILES = (0.1, 1, 5, 50, 95, 99, 99.9)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True)
    parser.add_argument("--backbone", default="efficientnet-lite0")
    parser.add_argument("--limit", type=int, default=400)
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.images.decoding import aspect, decode, prepare
    from lookalike.images.discovery import find_images

    paths = find_images(options.images)
    paths = paths[:: max(1, len(paths) // options.limit)]
    harness.print_head(f"{options.images}: {len(paths)} images", "nothing is timed")
    embedder = load_embedder(find_backbone(options.backbone), throughput=True)
    originals = [decode(path, 512) for path in paths]

    def embed(images: list[Image.Image]) -> dict[str, Matrix]:
        aspects = [aspect(image) for image in images]
        return embedder.vectors(np.stack([prepare(image, embedder.size) for image in images]), aspects)

    base = embed(originals)
    variants = [changed_copies(image) for image in originals]
    changed = {name: embed([variant[name] for variant in variants]) for name in variants[0]}
    for space in ("look", "fashion"):
        print(f"{space}: distances at percentiles {PERCENTILES}")
        for name, vectors in changed.items():
            print_line(name, np.linalg.norm(vectors[space] - base[space], axis=1))
        cosines = base[space] @ base[space].T
        np.fill_diagonal(cosines, -1)
        print_line("nearest other product", np.sqrt(np.maximum(2 - 2 * cosines.max(axis=1), 0)))


def changed_copies(image: Image.Image) -> dict[str, Image.Image]:
    """Return, by kind of change, copies of a picture such as a shop may have next to the original."""
    width, height = image.size
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=55)
    return {
        "half the size": image.resize((width // 2, height // 2)),
        "JPEG at 55": Image.open(buffer).convert("RGB"),
        "5% brighter": ImageEnhance.Brightness(image).enhance(1.05),
        "rim of 2% cut": image.crop((width // 50, height // 50, width - width // 50, height - height // 50)),
    }


def print_line(name: str, distances: Matrix) -> None:
    print(f"  {name:24}", " ".join(f"{value:6.3f}" for value in np.percentile(distances, PERCENTILES)))


if __name__ == "__main__":
    main(parse_arguments())
