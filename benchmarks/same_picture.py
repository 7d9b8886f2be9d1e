"""How near the same picture lies at another size or slightly changed, and how near other products do.

python benchmarks/same_picture.py --images DIR [--limit 400]: the figures that SAME_PICTURE rests on.
"""

import argparse
import io

import numpy as np
import harness
from PIL import Image, ImageEnhance

PERCENTS = (0.1, 1, 5, 50, 95, 99, 99.9)


def changed(image):
    """The same picture as a shop may have it twice, by what was done to it."""
    width, height = image.size
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=55)
    return {
        "half the size": image.resize((width // 2, height // 2)),
        "JPEG at 55": Image.open(buffer).convert("RGB"),
        "5 % brighter": ImageEnhance.Brightness(image).enhance(1.05),
        "rim of 2 % cut": image.crop((width // 50, height // 50, width - width // 50, height - height // 50)),
    }


def main(options):
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.images.decoding import aspect, decode, prepare
    from lookalike.images.discovery import find_images

    paths = find_images(options.images)[:: max(1, len(find_images(options.images)) // options.limit)]
    harness.print_head(f"{options.images}: {len(paths)} images", "nothing is timed")
    embedder = load_embedder(find_backbone(options.backbone), throughput=True)
    originals = [decode(path, 512) for path in paths]

    def vectors(images):
        aspects = [aspect(image) for image in images]
        return embedder.vectors(np.stack([prepare(image, embedder.size) for image in images]), aspects)

    base = vectors(originals)
    variants = [changed(image) for image in originals]
    changes = {name: vectors([variant[name] for variant in variants]) for name in variants[0]}
    for space in ("look", "fashion"):
        print(f"{space}: distances at percentiles {PERCENTS}")
        for name, moved in changes.items():
            line(name, np.linalg.norm(moved[space] - base[space], axis=1))
        cosines = base[space] @ base[space].T
        np.fill_diagonal(cosines, -1)
        line("nearest other product", np.sqrt(np.maximum(2 - 2 * cosines.max(axis=1), 0)))


def line(name, distances):
    print(f"  {name:24}", " ".join(f"{value:6.3f}" for value in np.percentile(distances, PERCENTS)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True)
    parser.add_argument("--backbone", default="efficientnet-lite0")
    parser.add_argument("--limit", type=int, default=400)
    main(parser.parse_args())
