"""The Keras models behind the backbones: preprocessed pixels to a feature map.

One description serves both of Keras's backends that are used here. Convolutions run in the layout of Keras's setting
image_data_format: channels_first converts to the faster graph for OpenVINO, channels_last is TensorFlow's own. Whatever
enters or leaves a model, and all that is not a convolution, is channels_last.
"""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import h5py
import keras
import numpy as np
from keras import KerasTensor as Tensor
from keras import layers, ops

from lookalike.embedding.engines.torch_checkpoint import read_checkpoint
from lookalike.embedding.fashion import DETAIL, FashionDescription, describe_fashion, find_fashion
from lookalike.embedding.garments import describe_finder
from lookalike.errors import WeightsError
from lookalike.types import Matrix

Parameters: TypeAlias = Mapping[str, Matrix]
"""From the name in the weights file to the array."""

# EfficientNet-lite0: repeats, stride of the first block, and expansion, one row for each stage. The weights determine
# the kernels' sizes and the numbers of channels.
LITE0_STAGES = ((1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6))

LAST_STAGE_OF_EIGHTHS, LAST_STAGE_OF_SIXTEENTHS = 2, 4

LITE0_NORM_EPSILON = 1e-3

# How often the garment finder's head looks around each cell.
HEAD_STEPS = 3

CHANNELS_LAST = "channels_last"


def keras_model(name: str, weights: Path) -> keras.Model:
    """Return the Keras model of a backbone: float32 (n, s, s, 3) → (n, h, w, C); raises WeightsError.

    The model called fashion has four outputs, that called garments two; see fashion() and garments().
    """
    if name == "resnet50":
        return resnet50(weights)
    if name == "fashion":
        return fashion(weights)
    if name == "garments":
        return garments(find_fashion().weights, weights)
    return efficientnet_lite0(read_checkpoint(weights))


def keep_first_outputs(model: keras.Model, count: int) -> keras.Model:
    """Return the same model with only the first count of its outputs."""
    return keras.Model(model.inputs, model.outputs[:count])


def resnet50(weights: Path) -> keras.Model:
    """Return Keras Applications' ResNet-50 without its top, with the weights of an .h5 file; raises WeightsError."""
    inputs = keras.Input((224, 224, 3))
    model = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=_to_convolutions(inputs))
    try:
        _load_weights(model, weights)
    except Exception as error:  # h5py and keras raise many kinds for a file that does not fit
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"{weights} does not fit ResNet-50 without its top ({reason}) "
            "Give the …_notop.h5 that Keras publishes, or a .weights.h5 written by ResNet50(include_top=False)."
        ) from None
    return keras.Model(inputs, _from_convolutions(model.output))


def _load_weights(model: keras.Model, path: Path) -> None:
    """Load a file of either kind: Keras chooses by the file's name, so this gives it a name that fits its content."""
    with h5py.File(path, "r") as file:
        suffix = ".h5" if "layer_names" in file.attrs or "model_weights" in file else ".weights.h5"
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copyfile(path, Path(folder, "resnet50" + suffix))
        model.load_weights(copy)


def efficientnet_lite0(parameters: Parameters) -> keras.Model:
    """Return EfficientNet-lite0 without its classifier: float32 (n, 224, 224, 3) → (n, 7, 7, 1280)."""
    inputs, convolutions = keras.Input((224, 224, 3)), Convolutions(parameters, LITE0_NORM_EPSILON)
    _, _, last = lite0_maps(_to_convolutions(inputs), convolutions)
    model = keras.Model(inputs, _from_convolutions(last))
    convolutions.set_weights(model)
    return model


def lite0_maps(x: Tensor, convolutions: "Convolutions") -> tuple[Tensor, Tensor, Tensor]:
    """Add EfficientNet-lite0's layers: maps of s/8 cells a side, 40 channels, of s/16, 112, and of s/32, 1280."""
    x = convolutions.add(x, "_conv_stem", "_bn0", stride=2)
    block = 0
    for stage, (repeats, stride, expansion) in enumerate(LITE0_STAGES):
        for repeat in range(repeats):
            x = convolutions.add_block(x, f"_blocks.{block}.", stride if repeat == 0 else 1, expansion)
            block += 1
        if stage == LAST_STAGE_OF_EIGHTHS:
            eighth = x
        elif stage == LAST_STAGE_OF_SIXTEENTHS:
            middle = x
    return eighth, middle, convolutions.add(x, "_conv_head", "_bn1")


def fashion(weights: Path) -> keras.Model:
    """Return the fashion network: float32 (n, 192, 192, 3) → fashion vectors, garment scores, detail vectors, last map.

    The fashion vectors are (n, 256) of norm 1, the garment scores (n, 12, 12) from 0 to 1, the detail vectors (n, 96)
    of norm 1. The last map, (n, 6, 6, 1280), is what embedding/fashion.py pools again over a region.
    """
    network = describe_fashion()
    with np.load(weights) as stored:
        parameters = {name: stored[name].astype(np.float32) for name in stored.files}
    size = network.preprocessing.size
    inputs, convolutions = keras.Input((size, size, 3)), Convolutions(parameters, network.norm_epsilon)
    dense = DenseLayers(parameters)
    _, middle, end = lite0_maps(_to_convolutions(inputs), convolutions)
    middle, last = _from_convolutions(middle), _from_convolutions(end)
    score = _garment_scores(middle, last, dense)
    pooled = _pool(end, score, parameters, network)
    parts = {name: dense.add(pooled, f"projection.{name}") for name in network.parts}
    parts["color"] = parts["color"] + _color_path(inputs, score, dense, network)
    vectors = _join_parts(parts, parameters, network)
    model = keras.Model(inputs, [vectors, ops.squeeze(score, axis=-1), _unit(parts[DETAIL]), last])
    convolutions.set_weights(model)
    dense.set_weights(model)
    return model


def garments(fashion_weights: Path, weights: Path) -> keras.Model:
    """Return the garment finder: float32 (n, s, s, 3) → chances (n, h, h, g) and distances (n, h, h, 4 g), h = s / 8.

    Its maps are the fashion network's. embedding/garments.py says what its outputs mean.
    """
    finder = describe_finder()
    with np.load(fashion_weights) as stored:
        trunk = Convolutions(
            {name: stored[name].astype(np.float32) for name in stored.files}, describe_fashion().norm_epsilon
        )
    with np.load(weights) as stored:
        head = HeadConvolutions({name: stored[name].astype(np.float32) for name in stored.files})
    inputs = keras.Input((finder.side, finder.side, 3))
    eighth, middle, last = lite0_maps(_to_convolutions(inputs), trunk)
    x = ops.relu(layers.UpSampling2D(2)(head.add(last, "garments.last")) + head.add(middle, "garments.middle"))
    x = ops.relu(layers.UpSampling2D(2)(head.add(x, "garments.down")) + head.add(eighth, "garments.eighth"))
    for step in range(HEAD_STEPS):
        wide = ops.relu(head.add(x, f"garments.wide.{step}"))
        x = ops.relu(x + head.add(wide, f"garments.mix.{step}"))
    chances, distances = ops.sigmoid(head.add(x, "garments.place")), head.add(x, "garments.box")
    model = keras.Model(inputs, [_from_convolutions(chances), _from_convolutions(distances)])
    trunk.set_weights(model)
    head.set_weights(model)
    return model


def _to_convolutions(x: Tensor) -> Tensor:
    """Turn (n, h, w, C) into the layout that convolutions run in."""
    return ops.transpose(x, (0, 3, 1, 2)) if keras.config.image_data_format() == "channels_first" else x


def _from_convolutions(x: Tensor) -> Tensor:
    """Turn the layout that convolutions run in into (n, h, w, C)."""
    return ops.transpose(x, (0, 2, 3, 1)) if keras.config.image_data_format() == "channels_first" else x


def _garment_scores(middle: Tensor, last: Tensor, dense: "DenseLayers") -> Tensor:
    """Add how much each of 12 × 12 cells shows the garment, 0 to 1: (n, 12, 12, 1)."""
    coarse = layers.UpSampling2D(2, CHANNELS_LAST)(dense.add(last, "garment.last"))
    return ops.sigmoid(dense.add(middle, "garment.middle") + coarse)


def _pool(maps: Tensor, score: Tensor, parameters: Parameters, network: FashionDescription) -> Tensor:
    """Weight and add each channel's maximum and its mean over the garment: (n, 1280). maps are as convolved."""
    cells = (2, 3) if keras.config.image_data_format() == "channels_first" else (1, 2)
    weight = layers.AveragePooling2D(2)(_to_convolutions(score)) + network.pool_floor
    mean = ops.sum(maps * weight, axis=cells) / ops.sum(weight, axis=cells)
    return ops.max(maps, axis=cells) * parameters["pool.maximum"] + mean * parameters["pool.mean"]


def _color_path(pixels: Tensor, score: Tensor, dense: "DenseLayers", network: FashionDescription) -> Tensor:
    """Send the pixels through two small layers and average them over the garment: (n, 64)."""
    small = layers.AveragePooling2D(network.color_cell, data_format=CHANNELS_LAST)(pixels)
    small = ops.relu(dense.add(ops.relu(dense.add(small, "color.pixel1")), "color.pixel2"))
    finer = network.preprocessing.size // network.garment_grid // network.color_cell
    weight = layers.UpSampling2D(finer, CHANNELS_LAST)(score) + network.color_floor
    mean = ops.sum(small * weight, axis=(1, 2)) / ops.sum(weight, axis=(1, 2))
    return dense.add(ops.relu(dense.add(mean, "color.hidden")), "color.out")


def _join_parts(parts: Mapping[str, Tensor], parameters: Parameters, network: FashionDescription) -> Tensor:
    """Pull each part to its words and join all, weighted so that the vector's norm is 1: (n, 256)."""
    norm = sum(weight**2 for weight in network.part_weights.values()) ** 0.5
    weighted = []
    for name in network.part_weights:
        words = parameters[f"heads.{network.naming[name]}"]
        words = words / np.linalg.norm(words, axis=1, keepdims=True)
        pulled = _pull_to_words(_unit(parts[name]), words, network.scales[name])
        weighted.append(pulled * (network.part_weights[name] / norm))
    return ops.concatenate(weighted, axis=-1)


def _pull_to_words(part: Tensor, words: Matrix, scale: float) -> Tensor:
    """Move unit vectors (n, d) halfway to the mean of words (w, d), each weighted by its probability.

    This needs no label, and photos and products of one kind come closer together.
    """
    probabilities = ops.softmax(scale * ops.matmul(part, words.T))
    return _unit(part + _unit(ops.matmul(probabilities, words)))


def _unit(x: Tensor) -> Tensor:
    """Scale (n, d) to norm 1: ops.normalize, in operations that both backends convert to the same graph."""
    return x * ops.minimum(ops.power(ops.sum(x * x, axis=-1, keepdims=True), -0.5), 1 / keras.config.epsilon())


class WeightedLayers:
    """Adds layers to a graph and remembers the weights that each of them gets once the model is built."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.weights: dict[str, list[Matrix]] = {}

    def set_weights(self, model: keras.Model) -> None:
        """Set the weights of all layers that were added."""
        for name, weights in self.weights.items():
            model.get_layer(name).set_weights(weights)


class Convolutions(WeightedLayers):
    """Convolutions with their batch normalization folded in."""

    def __init__(self, parameters: Parameters, norm_epsilon: float) -> None:
        super().__init__(parameters)
        self.norm_epsilon = norm_epsilon

    def add_block(self, x: Tensor, prefix: str, stride: int, expansion: int) -> Tensor:
        """Add an inverted residual: widen, filter each channel, narrow; add the input if the shapes agree."""
        y = x
        if expansion > 1:
            y = self.add(y, prefix + "_expand_conv", prefix + "_bn0")
        y = self.add(y, prefix + "_depthwise_conv", prefix + "_bn1", stride, depthwise=True)
        y = self.add(y, prefix + "_project_conv", prefix + "_bn2", activation=False)
        return layers.Add()([x, y]) if stride == 1 and x.shape == y.shape else y

    def add(
        self, x: Tensor, name: str, norm: str, stride: int = 1, depthwise: bool = False, activation: bool = True
    ) -> Tensor:
        """Add a convolution, then ReLU6 unless activation is off."""
        kernel, bias = self._fold(name, norm)
        options = {"strides": stride, "padding": "same", "name": name.replace(".", "_").strip("_")}
        if depthwise:
            layer = layers.DepthwiseConv2D(kernel.shape[-1], **options)
            kernel = kernel.transpose(2, 3, 0, 1)
        else:
            layer = layers.Conv2D(len(kernel), kernel.shape[-1], **options)
            kernel = kernel.transpose(2, 3, 1, 0)
        self.weights[layer.name] = [kernel, bias]
        x = layer(x)
        return layers.ReLU(max_value=6.0)(x) if activation else x

    def _fold(self, name: str, norm: str) -> tuple[Matrix, Matrix]:
        get = self.parameters.__getitem__
        scale = get(f"{norm}.weight") / (get(f"{norm}.running_var") + self.norm_epsilon) ** 0.5
        bias = get(f"{norm}.bias") - get(f"{norm}.running_mean") * scale
        return get(f"{name}.weight") * scale[:, None, None, None], bias


class HeadConvolutions(WeightedLayers):
    """Convolutions with a bias and without normalization."""

    def add(self, x: Tensor, name: str) -> Tensor:
        """Add the convolution of that name in the weights file; one that filters each channel has one input there."""
        kernel, bias = self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]
        options = {"padding": "same", "name": name.replace(".", "_")}
        size = kernel.shape[-1]
        if kernel.shape[1] == 1 and size > 1:
            layer = layers.DepthwiseConv2D(size, **options)
            kernel = kernel.transpose(2, 3, 0, 1)
        else:
            layer = layers.Conv2D(len(kernel), size, **options)
            kernel = kernel.transpose(2, 3, 1, 0)
        self.weights[layer.name] = [kernel, bias]
        return layer(x)


class DenseLayers(WeightedLayers):
    """Fully connected layers, over cells too."""

    def add(self, x: Tensor, name: str) -> Tensor:
        """Add the layer of that name in the weights file, on the last axis of x."""
        kernel = self.parameters[f"{name}.weight"]
        kernel = kernel.reshape(len(kernel), -1).T
        bias = self.parameters.get(f"{name}.bias")
        layer = layers.Dense(kernel.shape[1], use_bias=bias is not None, name=name.replace(".", "_"))
        self.weights[layer.name] = [kernel] if bias is None else [kernel, bias]
        return layer(x)
