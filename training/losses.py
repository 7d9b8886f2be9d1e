"""What a batch is trained for: the words of products and photos, and the garment grid."""

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional as F

from training.batches import MixedLabels
from training.network import FashionNetwork, head_scale

HEAD_WEIGHTS = {"articleType": 1.0, "baseColour": 1.0, "gender": 0.5, "subCategory": 0.2, "usage": 0.2}
LABEL_SMOOTHING = 0.05  # of every label but the color, which has its own
COLOR_SMOOTHING = 0.12
COSINE_MARGIN = 0.1  # required of articleType only: other labels are too uncertain
LABEL_WEIGHT, ALLOWED_WEIGHT = 0.25, 0.6
GARMENT_WEIGHT = 0.6  # over all images, fewer than half of which have a mask to learn from
INSIDE_WEIGHT = 0.15  # of a low score inside the mask, compared with a high one outside
SIMILAR_COLORS = (
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


def color_targets(words: Sequence[str], smoothing: float = COLOR_SMOOTHING) -> torch.Tensor:
    """Return the target distribution of each color word, float32 (n, n), smoothed mostly towards similar colors."""
    near = torch.zeros(len(words), len(words))
    for group in SIMILAR_COLORS:
        places = [words.index(w) for w in group.split("/") if w in words]
        for a in places:
            near[a, places] = 1
    near.fill_diagonal_(0)
    near = near + 0.02
    near = near / near.sum(1, keepdim=True)
    return (1 - smoothing) * torch.eye(len(words)) + smoothing * near


def product_losses(
    network: FashionNetwork, parts: Mapping[str, torch.Tensor], labels: Mapping[str, MixedLabels], colors: torch.Tensor
) -> torch.Tensor:
    """Return the weighted sum over attributes of the losses on a product's own label and on that of the one mixed in.

    Labels are -1 if unknown; those of the color are rows of colors, the target distributions (products, words).
    """
    total = 0.0
    for head, weight in HEAD_WEIGHTS.items():
        own, other, share = labels[head]
        cosines = network.cosines(parts, head)
        losses = share * _head_losses(head, cosines, own, colors)
        losses = losses + (1 - share) * _head_losses(head, cosines, other, colors)
        known = share * (own >= 0) + (1 - share) * (other >= 0)
        total = total + weight * losses.sum() / known.sum()
    return total


def _head_losses(head: str, cosines: torch.Tensor, labels: torch.Tensor, colors: torch.Tensor) -> torch.Tensor:
    known = labels >= 0
    target = labels.clamp(min=0)
    if head == "articleType":
        cosines = cosines - COSINE_MARGIN * F.one_hot(target, cosines.shape[1])
    targets, smoothing = (colors[target], 0) if head == "baseColour" else (target, LABEL_SMOOTHING)
    return known * F.cross_entropy(head_scale(head) * cosines, targets, label_smoothing=smoothing, reduction="none")


def photo_losses(
    network: FashionNetwork, parts: Mapping[str, torch.Tensor], labels: MixedLabels, allowed: torch.Tensor
) -> torch.Tensor:
    """Return the mean loss on what the article types that each photo's label allows get, and on the label itself.

    allowed is bool (labels, article types).
    """
    own, other, share = labels
    types = F.log_softmax(network.logits(parts, "articleType"), 1)
    names = network.logits(parts, "photo")
    losses = share * _photo_loss(types, names, own, allowed)
    losses = losses + (1 - share) * _photo_loss(types, names, other, allowed)
    return losses.mean()


def _photo_loss(types: torch.Tensor, names: torch.Tensor, labels: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    mask = allowed[labels]
    missed = -torch.logsumexp(types.masked_fill(~mask, -1e4), 1) * mask.any(1)
    label_loss = F.cross_entropy(names, labels, reduction="none", label_smoothing=LABEL_SMOOTHING)
    return ALLOWED_WEIGHT * missed + LABEL_WEIGHT * label_loss


def garment_loss(grid: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return how far garment logits (n, 1, h, h) are from masks (n, h, h) in 0..1."""
    grid = grid[:, 0]
    outside, inside = (masks < 0.05).float(), (masks > 0.8).float()
    losses = outside * F.softplus(grid) + INSIDE_WEIGHT * inside * F.softplus(-grid)
    return GARMENT_WEIGHT * losses.mean()
