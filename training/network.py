"""The fashion network in PyTorch: EfficientNet-lite0, garment grid, pooling, four parts and their cosine heads.

Its constants are those of lookalike/weights/fashion.json, which the app reads too. To try others, change them there.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from training import depthwise

DESCRIPTION = Path(__file__).parents[1] / "lookalike" / "weights" / "fashion.json"
# EfficientNet-lite0: repeats, kernel, stride, expansion, channels in, channels out.
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
MIDDLE_BLOCK = 10  # the last block at a sixteenth of the input's side: 112 channels
DROPOUT = 0.2
# Of the training images, whose color is then learned from only one of its two sources.
COLOR_PATH_ALONE, POOLED_ALONE = 0.35, 0.15


@lru_cache(maxsize=1)
def design() -> dict[str, Any]:
    """Return what fashion.json says about the network: the constants below and much that only the app needs."""
    return json.loads(DESCRIPTION.read_text(encoding="utf-8"))


def head_scale(head: str) -> float:
    """Return what a head's cosines are multiplied by."""
    return design()["scales"][design()["heads"][head]]


@lru_cache(maxsize=1)
def _has_bfloat16() -> bool:
    # Without AVX-512 instructions for it, bfloat16 would be many times slower than float32.
    return torch.cpu._is_avx512_bf16_supported()


def preprocess(pixels: torch.Tensor) -> torch.Tensor:
    """Return uint8 (N, S, S, 3) as the float32 (N, 3, S, S) that the network takes."""
    image = design()["input"]
    return (pixels.permute(0, 3, 1, 2).float() - image["mean"]) / image["std"]


class FrozenNorm(nn.Module):
    """Batch normalization with fixed statistics and trained weight and bias, both (C,)."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def fold(self, kernel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return kernel and bias of a convolution that includes the normalization."""
        scale = self.weight * torch.rsqrt(self.running_var + design()["norm_epsilon"])
        return kernel * scale.view(-1, 1, 1, 1), self.bias - self.running_mean * scale


def convolve(x: torch.Tensor, layer: nn.Conv2d, norm: FrozenNorm, active: bool = True) -> torch.Tensor:
    """Convolve with TensorFlow's SAME padding, normalize and, if active, clip to 0..6."""
    kernel, bias = norm.fold(layer.weight)
    size, stride = kernel.shape[-1], layer.stride[0]
    padding = (size - 1) // 2
    if size > 1 and layer.groups > 1 and depthwise.is_usable(x):
        x = depthwise.Depthwise.apply(x, kernel, bias, stride)
        return F.hardtanh_(x, 0.0, 6.0) if active else x
    if stride == 2:
        # SAME pads one less at the top and left when an even side is halved.
        low, high = (size - 2) // 2, (size - 1) // 2
        x, padding = F.pad(x, (low, high, low, high)), 0
    x = F.conv2d(x, kernel, bias, stride, padding, 1, layer.groups)
    return F.hardtanh_(x, 0.0, 6.0) if active else x


def _conv(inside: int, outside: int, size: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, size, stride, groups=groups, bias=False)


class Block(nn.Module):
    """Inverted residual: expand, convolve each channel, project."""

    def __init__(self, size: int, stride: int, expansion: int, inside: int, outside: int):
        super().__init__()
        wide = inside * expansion
        self.expands, self.residual = expansion > 1, stride == 1 and inside == outside
        if self.expands:
            self._expand_conv, self._bn0 = _conv(inside, wide), FrozenNorm(wide)
        self._depthwise_conv, self._bn1 = _conv(wide, wide, size, stride, wide), FrozenNorm(wide)
        self._project_conv, self._bn2 = _conv(wide, outside), FrozenNorm(outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = convolve(x, self._expand_conv, self._bn0) if self.expands else x
        y = convolve(y, self._depthwise_conv, self._bn1)
        y = convolve(y, self._project_conv, self._bn2, active=False)
        return x + y if self.residual else y


class Trunk(nn.Module):
    """EfficientNet-lite0 without its classifier.

    Turns preprocessed images (N, 3, S, S) into maps (N, 112, S/16, S/16) and (N, 1280, S/32, S/32).
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _conv(3, 32, 3, 2), FrozenNorm(32)
        self._blocks = nn.ModuleList(
            Block(size, stride if first == 0 else 1, expansion, inside if first == 0 else outside, outside)
            for repeats, size, stride, expansion, inside, outside in STAGES
            for first in range(repeats)
        )
        self._conv_head, self._bn1 = _conv(320, 1280), FrozenNorm(1280)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = convolve(x, self._conv_stem, self._bn0)
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number == MIDDLE_BLOCK:
                middle = x
        return middle, convolve(x, self._conv_head, self._bn1)


class Garment(nn.Module):
    """A logit for each cell of S/16: does it show what the product's attributes are about?"""

    def __init__(self) -> None:
        super().__init__()
        self.middle, self.last = nn.Conv2d(112, 1, 1), nn.Conv2d(1280, 1, 1, bias=False)

    def forward(self, middle: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        return self.middle(middle) + F.interpolate(self.last(last), scale_factor=2, mode="nearest")


class Pool(nn.Module):
    """Maps (N, 1280, h, h) to (N, 1280): a gain on the maximum plus one on the garment's mean."""

    def __init__(self) -> None:
        super().__init__()
        self.maximum = nn.Parameter(torch.full((1280,), 0.5))
        self.mean = nn.Parameter(torch.full((1280,), 1.5))

    def forward(self, last: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
        weight = F.avg_pool2d(score, 2) + design()["pool_floor"]
        mean = (last * weight).sum((2, 3)) / weight.sum((2, 3))
        return self.maximum * last.amax((2, 3)) + self.mean * mean


class ColorPath(nn.Module):
    """The garment's pixels, each through two small layers, averaged by garment score: (N, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.pixel1, self.pixel2 = nn.Conv2d(3, 64, 1), nn.Conv2d(64, 160, 1)
        self.hidden, self.out = nn.Linear(160, 192), nn.Linear(192, design()["parts"]["color"])

    def forward(self, x: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
        pixels = F.avg_pool2d(x, design()["color_cell"])
        pixels = F.relu(self.pixel2(F.relu(self.pixel1(pixels))))
        weight = F.interpolate(score, size=pixels.shape[-2:], mode="nearest") + design()["color_floor"]
        mean = (pixels * weight).sum((2, 3)) / weight.sum((2, 3))
        return self.out(F.relu(self.hidden(mean)))


class FashionNetwork(nn.Module):
    """Preprocessed images to unit parts, garment logits and, through heads, cosines to words."""

    def __init__(self, words: Mapping[str, Sequence[str]]):
        super().__init__()
        parts, heads = design()["parts"], design()["heads"]
        self.trunk, self.garment, self.pool, self.color = Trunk(), Garment(), Pool(), ColorPath()
        self.projection = nn.ModuleDict({part: nn.Linear(1280, width) for part, width in parts.items()})
        self.heads = nn.ParameterDict(
            {head: nn.Parameter(torch.randn(len(words[head]), parts[part]) * 0.05) for head, part in heads.items()}
        )

    def forward(self, x: torch.Tensor) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training and _has_bfloat16()):
            middle, last = self.trunk(x.contiguous(memory_format=torch.channels_last))
        middle, last = middle.float(), last.float()
        grid = self.garment(middle, last)
        score = torch.sigmoid(grid)
        pooled = F.dropout(self.pool(last, score), DROPOUT, self.training)
        parts = {part: layer(pooled) for part, layer in self.projection.items()}
        parts["color"] = self._add_color_path(parts["color"], self.color(x, score))
        return {part: F.normalize(vector, dim=1) for part, vector in parts.items()}, grid

    def _add_color_path(self, pooled: torch.Tensor, path: torch.Tensor) -> torch.Tensor:
        # In training often only one of the two counts: otherwise the pooled vector would memorize all colors.
        if self.training:
            draw = torch.rand(len(pooled), 1)
            pooled = pooled * (draw >= COLOR_PATH_ALONE)
            path = path * ((draw < COLOR_PATH_ALONE) | (draw >= COLOR_PATH_ALONE + POOLED_ALONE))
        return pooled + path

    def cosines(self, parts: Mapping[str, torch.Tensor], head: str) -> torch.Tensor:
        """Return the cosine (N, words) of a head's part to each of its words."""
        return parts[design()["heads"][head]] @ F.normalize(self.heads[head], dim=1).T

    def logits(self, parts: Mapping[str, torch.Tensor], head: str) -> torch.Tensor:
        """Return the cosines (N, words) times the head's scale."""
        return head_scale(head) * self.cosines(parts, head)

    def pull_to_words(self, parts: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the parts, unit length, each pulled halfway to the vectors of the words it may stand for."""
        pull, pulled = design()["drawn"], {}
        for part, head in design()["naming"].items():
            words = F.normalize(self.heads[head], dim=1)
            chance = torch.softmax(design()["scales"][part] * parts[part] @ words.T, 1)
            expected = F.normalize(chance @ words, dim=1)
            pulled[part] = F.normalize((1 - pull) * parts[part] + pull * expected, dim=1)
        return pulled


def join_parts(parts: Mapping[str, torch.Tensor], weights: Mapping[str, float]) -> torch.Tensor:
    """Return the fashion vectors (N, 256) of norm 1: the pulled parts side by side, weighted."""
    total = sum(w * w for w in weights.values()) ** 0.5
    return torch.cat([parts[part] * (weights[part] / total) for part in design()["naming"]], 1)


def build_network(words: Mapping[str, Sequence[str]], imagenet: str | Path, seed: int) -> FashionNetwork:
    """Return a new network with random heads and ImageNet's trunk from a PyTorch checkpoint."""
    torch.manual_seed(seed)
    network = FashionNetwork(words)
    state = torch.load(imagenet, map_location="cpu", weights_only=True)
    network.trunk.load_state_dict({name: state[name] for name in network.trunk.state_dict()})
    return network.to(memory_format=torch.channels_last)
