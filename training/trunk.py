"""EfficientNet-lite0 without its classifier, with batch normalization folded in on the fly."""

import depthwise
import torch
from torch import nn
from torch.nn import functional as F

# repeats, kernel, stride, expansion, channels in, channels out
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
EPSILON = 1e-3
MIDDLE = 10  # the last block at a sixteenth of the input's side: 112 channels


class FrozenNorm(nn.Module):
    """Batch normalization with fixed statistics and trained weight and bias, both (C,)."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def fold(self, kernel):
        """Return the kernel and the bias of the convolution that does both."""
        scale = self.weight * torch.rsqrt(self.running_var + EPSILON)
        return kernel * scale.view(-1, 1, 1, 1), self.bias - self.running_mean * scale


def convolve(x, layer, norm, active=True):
    """Convolve as TensorFlow's SAME does, normalize and, if active, clip to 0..6."""
    kernel, bias = norm.fold(layer.weight)
    size, stride = kernel.shape[-1], layer.stride[0]
    padding = (size - 1) // 2
    if size > 1 and layer.groups > 1 and depthwise.ready(x):
        x = depthwise.Depthwise.apply(x, kernel, bias, stride)
        return F.hardtanh_(x, 0.0, 6.0) if active else x
    if stride == 2:
        # SAME pads one less at the top and left when an even side is halved.
        low, high = (size - 2) // 2, (size - 1) // 2
        x, padding = F.pad(x, (low, high, low, high)), 0
    x = F.conv2d(x, kernel, bias, stride, padding, 1, layer.groups)
    return F.hardtanh_(x, 0.0, 6.0) if active else x


def layer(inside, outside, size=1, stride=1, groups=1):
    """Return a convolution without bias."""
    return nn.Conv2d(inside, outside, size, stride, groups=groups, bias=False)


class Block(nn.Module):
    """Inverted residual: expand, convolve each channel, project."""

    def __init__(self, size, stride, expansion, inside, outside):
        super().__init__()
        wide = inside * expansion
        self.expands, self.residual = expansion > 1, stride == 1 and inside == outside
        if self.expands:
            self._expand_conv, self._bn0 = layer(inside, wide), FrozenNorm(wide)
        self._depthwise_conv, self._bn1 = layer(wide, wide, size, stride, wide), FrozenNorm(wide)
        self._project_conv, self._bn2 = layer(wide, outside), FrozenNorm(outside)

    def forward(self, x):
        y = convolve(x, self._expand_conv, self._bn0) if self.expands else x
        y = convolve(y, self._depthwise_conv, self._bn1)
        y = convolve(y, self._project_conv, self._bn2, active=False)
        return x + y if self.residual else y


class Trunk(nn.Module):
    """Images (N, 3, S, S), prepared, to maps (N, 112, S/16, S/16) and (N, 1280, S/32, S/32)."""

    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = layer(3, 32, 3, 2), FrozenNorm(32)
        self._blocks = nn.ModuleList(
            Block(size, stride if first == 0 else 1, expansion, inside if first == 0 else outside, outside)
            for repeats, size, stride, expansion, inside, outside in STAGES
            for first in range(repeats)
        )
        self._conv_head, self._bn1 = layer(320, 1280), FrozenNorm(1280)

    def forward(self, x):
        x = convolve(x, self._conv_stem, self._bn0)
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number == MIDDLE:
                middle = x
        return middle, convolve(x, self._conv_head, self._bn1)
