"""The vectors of labeled photos that come with the package, for heads to learn from: lookalike/weights/photos.npz."""

import argparse

import numpy as np

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.images.decoding import load_prepared
from lookalike.index.color_words import accepted_colors
from lookalike.tuning.photo_examples import SPACES, write_examples
from training import dataset

BATCH = 32


def main(options: argparse.Namespace) -> None:
    """Embed the photos of all people who are not held out, as the app does, and write their vectors and words."""
    photos = dataset.read_photos(options.photos)
    fine = dataset.read_fine_labels(options.fine_labels)
    chosen = [row for row, name in enumerate(photos.names) if name in fine and not photos.held_out[row]]
    embedder = load_embedder(find_backbone("efficientnet-lite0"), precision="f32", throughput=True)
    parts = []
    for start in range(0, len(chosen), BATCH):
        prepared = [load_prepared(photos.paths[row], embedder.size) for row in chosen[start : start + BATCH]]
        pixels, aspects = zip(*prepared)
        parts.append(embedder.fashion_vectors(np.stack(pixels), aspects))
    rows = [fine[photos.names[row]] for row in chosen]
    colors = [row["colors"].split("|") for row in rows]
    words = {
        "articleType": [row["types"].split("|") for row in rows],
        "baseColour": [accepted_colors(own) for own in colors],
        "gender": [[row["gender"]] if row["gender"] != "?" else [] for row in rows],
    }
    vectors = {name: np.concatenate([part[name] for part in parts]) for name in SPACES}
    write_examples(options.output, vectors, words)
    print(f"{options.output}: {len(chosen)} photos")
