"""From files to what the loop needs: words, sources of images, the network with ImageNet's trunk."""

import batches
import catalogue
import cutouts
import numpy as np
import photo_cutouts
import pixels
import torch
from network import Fashion


def vocabularies(products, photos):
    """Return the words of each head."""
    words = {a: catalogue.vocabulary(products.labels[a]) for a in catalogue.ATTRIBUTES}
    return {**words, "photo": catalogue.vocabulary(photos.labels["label"])}


def sources(products, photos, words, work, trained=None):
    """Return what to draw products and photos from, and the scenes to put them into.

    Photos are cut out by what a trained network sees in them; without one they stay whole.
    """
    shown = pixels.load(products.paths, work / "products.npy")
    masks = cutouts.load(shown, work / "masks.npy")
    labels = {a: catalogue.numbered(products.labels[a], words[a]) for a in catalogue.ATTRIBUTES}
    # A color is told by a product's own row, see doubts.py.
    labels["baseColour"] = np.where(labels["baseColour"] >= 0, np.arange(len(products.paths)), -1)
    taken = pixels.load(photos.paths, work / "photos.npy")
    numbers = {"label": catalogue.numbered(photos.labels["label"], words["photo"])}
    free = np.flatnonzero(~photos.held)
    photo_masks = np.zeros(taken.shape[:3], np.uint8)
    if trained:
        photo_masks = photo_cutouts.load(trained, taken, work / "photo-masks.npy")
    return (
        batches.Source(shown, masks, labels, np.flatnonzero(~products.held)),
        batches.Source(taken, photo_masks, numbers, free),
        taken[free],
    )


def permitted(words):
    """Return (labels, article types) bool: which types each label of a photo allows."""
    types = words["articleType"]
    return torch.tensor([[t in catalogue.ALLOWED.get(label, ()) for t in types] for label in words["photo"]])


def build(words, imagenet, seed):
    """Return the network with ImageNet's trunk."""
    torch.manual_seed(seed)
    network = Fashion(words)
    state = torch.load(imagenet, map_location="cpu", weights_only=True)
    keep = network.trunk.state_dict().keys()
    network.trunk.load_state_dict({k: state[k] for k in keep})
    return network.to(memory_format=torch.channels_last)
