"""The fashion network: trunk, garment grid, pooling, three sub-vectors and their cosine heads."""

import torch
from torch import nn
from torch.nn import functional as F
from trunk import Trunk

PARTS = {"article": 160, "gender": 32, "color": 64}
HEADS = {
    "articleType": "article",
    "subCategory": "article",
    "usage": "article",
    "photo": "article",
    "gender": "gender",
    "baseColour": "color",
}
SCALES = {"article": 24.0, "gender": 16.0, "color": 16.0}
NAMING = {"article": "articleType", "gender": "gender", "color": "baseColour"}
DRAWN = 0.5  # how far each part is drawn towards what its naming head expects
BFLOAT16 = torch.cpu._is_avx512_bf16_supported()  # elsewhere it would be many times slower than float32
SIDE = 192  # of the images that it is used on: trained on 128 to 192, it sees less in 224 than in these
PATH_ALONE, POOLED_ALONE = 0.35, 0.15  # of the images: their color is learned from one of its two sources
CELL = 4  # pixels of the input that one pixel of the color path covers, per side


def prepared(pixels):
    """Return uint8 (N, S, S, 3) as the float32 (N, 3, S, S) that the network takes."""
    return (pixels.permute(0, 3, 1, 2).float() - 127.0) / 128.0


class Garment(nn.Module):
    """A logit for each cell of S/16: does it show what the product's attributes speak of?"""

    def __init__(self):
        super().__init__()
        self.middle, self.last = nn.Conv2d(112, 1, 1), nn.Conv2d(1280, 1, 1, bias=False)

    def forward(self, middle, last):
        return self.middle(middle) + F.interpolate(self.last(last), scale_factor=2, mode="nearest")


class Pool(nn.Module):
    """Maps (N, 1280, h, h) to (N, 1280): a gain on the maximum plus one on the garment's mean."""

    def __init__(self):
        super().__init__()
        self.maximum = nn.Parameter(torch.full((1280,), 0.5))
        self.mean = nn.Parameter(torch.full((1280,), 1.5))

    def forward(self, last, score):
        weight = F.avg_pool2d(score, 2) + 0.05
        mean = (last * weight).sum((2, 3)) / weight.sum((2, 3))
        return self.maximum * last.amax((2, 3)) + self.mean * mean


class Color(nn.Module):
    """The garment's pixels, each through two small layers, averaged by garment score: (N, 64)."""

    def __init__(self):
        super().__init__()
        self.pixel1, self.pixel2 = nn.Conv2d(3, 64, 1), nn.Conv2d(64, 160, 1)
        self.hidden, self.out = nn.Linear(160, 192), nn.Linear(192, PARTS["color"])

    def forward(self, x, score):
        pixels = F.avg_pool2d(x, CELL)
        pixels = F.relu(self.pixel2(F.relu(self.pixel1(pixels))))
        weight = F.interpolate(score, size=pixels.shape[-2:], mode="nearest") + 1e-4
        mean = (pixels * weight).sum((2, 3)) / weight.sum((2, 3))
        return self.out(F.relu(self.hidden(mean)))


class Fashion(nn.Module):
    """Prepared images to unit sub-vectors, garment logits and, through heads, cosines."""

    def __init__(self, words):
        super().__init__()
        self.trunk, self.garment, self.pool, self.color = Trunk(), Garment(), Pool(), Color()
        self.projection = nn.ModuleDict({p: nn.Linear(1280, n) for p, n in PARTS.items()})
        self.heads = nn.ParameterDict(
            {head: nn.Parameter(torch.randn(len(words[head]), PARTS[part]) * 0.05) for head, part in HEADS.items()}
        )

    def forward(self, x):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training and BFLOAT16):
            middle, last = self.trunk(x.contiguous(memory_format=torch.channels_last))
        middle, last = middle.float(), last.float()
        grid = self.garment(middle, last)
        score = torch.sigmoid(grid)
        pooled = F.dropout(self.pool(last, score), 0.2, self.training)
        parts = {p: layer(pooled) for p, layer in self.projection.items()}
        parts["color"] = self.either(parts["color"], self.color(x, score))
        return {p: F.normalize(v, dim=1) for p, v in parts.items()}, grid

    def either(self, pooled, path):
        """Return the sum; in training often one of the two alone, or the first would learn all colors by heart."""
        if self.training:
            draw = torch.rand(len(pooled), 1)
            pooled = pooled * (draw >= PATH_ALONE)
            path = path * ((draw < PATH_ALONE) | (draw >= PATH_ALONE + POOLED_ALONE))
        return pooled + path

    def cosines(self, parts, head):
        """Return the cosine (N, words) of a head's sub-vector to each of its words."""
        return parts[HEADS[head]] @ F.normalize(self.heads[head], dim=1).T

    def drawn(self, parts):
        """Return the parts, unit length, each halfway to the vectors of the words it may stand for."""
        result = {}
        for part, head in NAMING.items():
            words = F.normalize(self.heads[head], dim=1)
            chance = torch.softmax(SCALES[part] * parts[part] @ words.T, 1)
            expected = F.normalize(chance @ words, dim=1)
            result[part] = F.normalize((1 - DRAWN) * parts[part] + DRAWN * expected, dim=1)
        return result


def joined(parts, weights):
    """Return the fashion vector (N, 256): the drawn parts, weighted so that its length is one."""
    total = sum(w * w for w in weights.values()) ** 0.5
    return torch.cat([parts[p] * (weights[p] / total) for p in PARTS], 1)
