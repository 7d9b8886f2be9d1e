"""The fashion network for Keras: preprocessed pixels to fashion vectors, the garment's cells and the last map."""

import keras
import numpy as np
from keras import layers, ops

from ..fashion import SIDE
from .keras_models import Steps, lite0_maps

# The vector's parts in their order: how much each weighs in a distance, the head that names it, and how
# sure that head is made by what its cosines are multiplied with.
PARTS = {"article": (1.0, "articleType", 24.0), "gender": (0.7, "gender", 16.0), "color": (1.0, "baseColour", 16.0)}
COLOR_CELL = 4


def fashion(weights):
    """float32 (n, 192, 192, 3) → fashion vectors (n, 256) of norm 1, garment scores (n, 12, 12) 0 to 1, last map.

    The last map, (n, 6, 6, 1280), is what lookalike/fashion_tail.py pools anew over a region.
    """
    with np.load(weights) as stored:
        parameters = {name: stored[name].astype(np.float32) for name in stored.files}
    inputs, steps, dense = keras.Input((SIDE, SIDE, 3)), Steps(parameters), Dense(parameters)
    middle, last = lite0_maps(inputs, steps)
    score = garment(middle, last, dense)
    pooled = pool(last, score, parameters)
    parts = {name: dense.apply(pooled, f"projection.{name}") for name in PARTS}
    parts["color"] = parts["color"] + color(inputs, score, dense)
    model = keras.Model(inputs, [joined(parts, parameters), ops.squeeze(score, axis=-1), last])
    steps.set_weights(model)
    dense.set_weights(model)
    return model


def garment(middle, last, dense):
    """How much each of 12 × 12 cells shows the garment, 0 to 1: (n, 12, 12, 1)."""
    coarse = layers.UpSampling2D(2, interpolation="nearest")(dense.apply(last, "garment.last"))
    return ops.sigmoid(dense.apply(middle, "garment.middle") + coarse)


def pool(last, score, parameters):
    """Each channel's maximum, and its mean over the garment, weighted and added: (n, 1280)."""
    weight = layers.AveragePooling2D(2)(score) + 0.05
    mean = ops.sum(last * weight, axis=(1, 2)) / ops.sum(weight, axis=(1, 2))
    return ops.max(last, axis=(1, 2)) * parameters["pool.maximum"] + mean * parameters["pool.mean"]


def color(pixels, score, dense):
    """The garment's pixels, each through two small layers, averaged over the garment: (n, 64)."""
    small = layers.AveragePooling2D(COLOR_CELL)(pixels)
    small = ops.relu(dense.apply(ops.relu(dense.apply(small, "color.pixel1")), "color.pixel2"))
    weight = layers.UpSampling2D(16 // COLOR_CELL, interpolation="nearest")(score) + 1e-4
    mean = ops.sum(small * weight, axis=(1, 2)) / ops.sum(weight, axis=(1, 2))
    return dense.apply(ops.relu(dense.apply(mean, "color.hidden")), "color.out")


def joined(parts, parameters):
    """The parts, each drawn to what it is believed to be and of its weight's share of length 1: (n, 256)."""
    total = sum(weight**2 for weight, _, _ in PARTS.values()) ** 0.5
    shares = []
    for name, (weight, head, scale) in PARTS.items():
        words = parameters[f"heads.{head}"]
        words = words / np.linalg.norm(words, axis=1, keepdims=True)
        shares.append(drawn(ops.normalize(parts[name]), words, scale) * (weight / total))
    return ops.concatenate(shares, axis=-1)


def drawn(part, words, scale):
    """Unit vectors (n, d) moved halfway to the mean of a head's words (w, d), as far as each is believed in.

    It needs no label, and photos and products of one kind come closer together.
    """
    beliefs = ops.softmax(scale * ops.matmul(part, words.T))
    return ops.normalize(part + ops.normalize(ops.matmul(beliefs, words)))


class Dense:
    """Adds fully connected layers (over cells too) and remembers the weights each of them gets."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.weights = {}

    def apply(self, x, name):
        """The layer of that name in the weights file on the last axis of x."""
        kernel = self.parameters[f"{name}.weight"]
        kernel = kernel.reshape(len(kernel), -1).T
        bias = self.parameters.get(f"{name}.bias")
        layer = layers.Dense(kernel.shape[1], use_bias=bias is not None, name=name.replace(".", "_"))
        self.weights[layer.name] = [kernel] if bias is None else [kernel, bias]
        return layer(x)

    def set_weights(self, model):
        for name, weights in self.weights.items():
            model.get_layer(name).set_weights(weights)
