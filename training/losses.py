"""What a batch is trained for."""

import torch
from network import HEADS, SCALES
from torch.nn import functional as F

WEIGHTS = {"articleType": 1.0, "baseColour": 1.0, "gender": 0.5, "subCategory": 0.2, "usage": 0.2}
SMOOTHING = 0.05  # of every label but the color, which has its own
MARGIN = 0.1  # asked of articleType alone: other labels are too uncertain
LABEL, ALLOWED = 0.25, 0.6
GARMENT = 0.6  # over all images, of which fewer than half have a mask to learn from
INSIDE = 0.15  # how much a product's cell that is scored low costs beside one outside scored high
CONFUSED = (
    "Black/Charcoal/Navy Blue/Grey",
    "Navy Blue/Blue/Black",
    "Grey/Silver/Charcoal/Grey Melange/Steel",
    "Steel/Silver/Metallic",
    "White/Off White/Cream",
    "Cream/Beige/Off White/Nude/Skin",
    "Beige/Khaki/Tan/Brown/Cream",
    "Brown/Coffee Brown/Tan/Rust/Bronze/Copper/Taupe/Mushroom Brown",
    "Red/Maroon/Burgundy/Rust",
    "Purple/Lavender/Magenta/Mauve",
    "Pink/Magenta/Peach/Rose",
    "Green/Olive/Sea Green/Teal/Fluorescent Green/Lime Green",
    "Olive/Khaki/Green",
    "Gold/Yellow/Mustard/Copper/Bronze",
    "Orange/Peach/Rust/Mustard",
    "Yellow/Mustard",
    "Blue/Turquoise Blue/Teal",
)


def color_targets(words, smoothing=0.12):
    """Return (n, n) float32: each color's own share and what its look-alikes get of the rest."""
    near = torch.zeros(len(words), len(words))
    for group in CONFUSED:
        places = [words.index(w) for w in group.split("/") if w in words]
        for a in places:
            near[a, places] = 1
    near.fill_diagonal_(0)
    near = near + 0.02
    near = near / near.sum(1, keepdim=True)
    return (1 - smoothing) * torch.eye(len(words)) + smoothing * near


def product_losses(network, parts, labels, colors):
    """Return the weighted sum over attributes of what is lost on a product's own label and on the other's.

    labels are two (n,) int64 each, -1 unknown, and the share (n,) that the first of them has in the image. Those
    of the color are rows of colors (products, words), which say what share of it each word gets.
    """
    total = 0.0
    for head, weight in WEIGHTS.items():
        own, other, share = labels[head]
        cosines = network.cosines(parts, head)
        lost = share * _lost(head, cosines, own, colors) + (1 - share) * _lost(head, cosines, other, colors)
        known = share * (own >= 0) + (1 - share) * (other >= 0)
        total = total + weight * lost.sum() / known.sum()
    return total


def _lost(head, cosines, labels, colors):
    known = labels >= 0
    target = labels.clamp(min=0)
    if head == "articleType":
        cosines = cosines - MARGIN * F.one_hot(target, cosines.shape[1])
    color = head == "baseColour"
    soft, smoothing = (colors[target], 0) if color else (target, SMOOTHING)
    scaled = SCALES[HEADS[head]] * cosines
    return known * F.cross_entropy(scaled, soft, label_smoothing=smoothing, reduction="none")


def photo_losses(network, parts, labels, allowed):
    """Return minus the log of what the article types that each label allows get, and the label's.

    labels are two (n,) int64 and the share (n,) that the first of them has in the blended photo.
    """
    own, other, share = labels
    types = F.log_softmax(SCALES["article"] * network.cosines(parts, "articleType"), 1)
    names = SCALES["article"] * network.cosines(parts, "photo")
    return (share * _missed(types, names, own, allowed) + (1 - share) * _missed(types, names, other, allowed)).mean()


def _missed(types, names, labels, allowed):
    mask = allowed[labels]
    missed = -torch.logsumexp(types.masked_fill(~mask, -1e4), 1) * mask.any(1)
    return ALLOWED * missed + LABEL * F.cross_entropy(names, labels, reduction="none", label_smoothing=SMOOTHING)


def garment_loss(grid, masks):
    """Return how far garment logits (n, 1, h, h) are from masks (n, h, h) in 0..1."""
    grid = grid[:, 0]
    outside, inside = (masks < 0.05).float(), (masks > 0.8).float()
    wrong = outside * F.softplus(grid) + INSIDE * inside * F.softplus(-grid)
    return GARMENT * wrong.mean()
