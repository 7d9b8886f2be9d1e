"""What a batch is trained for: words of products, photos and garments, two views of one product, the garment grid."""

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional as F

from training.batches import MixedLabels, ShotTargets
from training.network import FashionNetwork, head_scale

HEAD_WEIGHTS = {"articleType": 1.0, "baseColour": 1.0, "gender": 0.5, "subCategory": 0.2, "usage": 0.2}
LABEL_SMOOTHING = 0.05  # of every label but the color, which has its own
COLOR_SMOOTHING = 0.2  # more than of others: the catalogue's own words for colors are unreliable
COSINE_MARGIN = 0.1  # required of articleType only: other labels are too uncertain
SHOT_HEADS = ("articleType", "baseColour", "gender", "pattern", "photo")
ANY_COLOR_WEIGHT, FIRST_COLOR_WEIGHT, SHOT_GENDER_WEIGHT, PATTERN_WEIGHT, LABEL_WEIGHT = 0.7, 0.3, 0.3, 0.3, 0.2
# Two views of one product: how much color counts beside detail, the temperature, and the least share of a mixed view.
INSTANCE_COLOR, TEMPERATURE, MIN_INSTANCE_SHARE = 0.5, 0.07, 0.6
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

    Labels are -1 if unknown; colors are the target distributions of the color words, (words, words).
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


def shot_losses(
    network: FashionNetwork,
    parts: Mapping[str, torch.Tensor],
    own: ShotTargets,
    other: ShotTargets,
    shares: torch.Tensor,
) -> torch.Tensor:
    """Return the mean loss on what photos and garments teach themselves, and what those mixed into them teach."""
    logs = {head: F.log_softmax(network.logits(parts, head), 1) for head in SHOT_HEADS}
    return (shares * _shot_loss(logs, own) + (1 - shares) * _shot_loss(logs, other)).mean()


def _shot_loss(logs: Mapping[str, torch.Tensor], targets: ShotTargets) -> torch.Tensor:
    total = _missed(logs["articleType"], targets.types) + ANY_COLOR_WEIGHT * _missed(logs["baseColour"], targets.colors)
    known = (
        ("baseColour", targets.first_color, FIRST_COLOR_WEIGHT),
        ("gender", targets.gender, SHOT_GENDER_WEIGHT),
        ("pattern", targets.pattern, PATTERN_WEIGHT),
        ("photo", targets.label, LABEL_WEIGHT),
    )
    for head, labels, weight in known:
        loss = -logs[head].gather(1, labels.clamp(min=0)[:, None])[:, 0]
        total = total + weight * (labels >= 0) * loss
    return total


def _missed(logs: torch.Tensor, accepted: torch.Tensor) -> torch.Tensor:
    """Return minus the logarithm of the probability (n,) that all accepted words (n, words) get; 0 if there is none."""
    return -torch.logsumexp(logs.masked_fill(~accepted, -1e4), 1) * accepted.any(1)


def instance_loss(
    parts: Mapping[str, torch.Tensor], products: int, recolored: int, shares: torch.Tensor
) -> torch.Tensor:
    """Return how badly each product's two views find each other among all of the batch, by detail and color.

    parts are those of the first views, the second ones and the recolored ones; the last are wrong answers. shares are
    how much of the first views is the product itself: where it is little, the view counts for nothing.
    """
    vectors = F.normalize(torch.cat([parts["detail"], INSTANCE_COLOR * parts["color"]], 1), dim=1)
    first, second, others = vectors[:products], vectors[products : 2 * products], vectors[2 * products :]
    assert len(others) == recolored
    right = torch.arange(products)
    losses = F.cross_entropy(first @ torch.cat([second, others]).T / TEMPERATURE, right, reduction="none")
    losses = losses + F.cross_entropy(second @ first.T / TEMPERATURE, right, reduction="none")
    weights = shares * (shares > MIN_INSTANCE_SHARE)
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def garment_loss(grid: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return how far garment logits (n, 1, h, h) are from masks (n, h, h) in 0..1."""
    grid = grid[:, 0]
    outside, inside = (masks < 0.05).float(), (masks > 0.8).float()
    losses = outside * F.softplus(grid) + INSIDE_WEIGHT * inside * F.softplus(-grid)
    return GARMENT_WEIGHT * losses.mean()
