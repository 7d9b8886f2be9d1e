"""The Keras models behind the backbones: pixels, preprocessed, to a feature map."""

import tempfile
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers, ops

from lookalike.embedding.engines.torch_checkpoint import read_checkpoint
from lookalike.embedding.fashion import SIDE
from lookalike.errors import WeightsError

# EfficientNet-lite0: repeats, stride of the first and expansion, one row a stage; the kernels' sizes
# and the numbers of channels are those of the weights.
LITE0_STAGES = ((1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6))

LAST_STAGE_OF_SIXTEENTHS = 4

BATCH_NORM_EPSILON = 1e-3


# The vector's parts in their order: how much each weighs in a distance, the head that names it, and how
# sure that head is made by what its cosines are multiplied with.
PARTS = {"article": (1.0, "articleType", 24.0), "gender": (0.7, "gender", 16.0), "color": (1.0, "baseColour", 16.0)}

COLOR_CELL = 4


def keras_model(name, weights):
    """The Keras model of a backbone: float32 (n, 224, 224, 3) → (n, 7, 7, C); raises WeightsError."""
    if name == "resnet50":
        return resnet50(weights)
    if name == "fashion":
        pass

        return fashion(weights)
    return efficientnet_lite0(read_checkpoint(weights))


def with_first_outputs(model, count):
    """The same model with only the first count of its outputs."""
    return keras.Model(model.inputs, model.outputs[:count])


def resnet50(weights):
    """Keras Applications' ResNet-50 without its top, with the weights of an .h5 file."""
    model = keras.applications.ResNet50(include_top=False, weights=None, input_shape=(224, 224, 3))
    try:
        _load_weights(model, Path(weights))
    except Exception as error:  # h5py and keras raise many kinds for a file that does not fit
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"{weights} does not fit ResNet-50 without its top ({reason}) "
            "Give the …_notop.h5 that Keras publishes, or a .weights.h5 written by ResNet50(include_top=False)."
        ) from None
    return model


def _load_weights(model, path):
    """Keras chooses the format by the file's name; choose by content and hand it a fitting name."""
    with h5py.File(path, "r") as file:
        suffix = ".h5" if "layer_names" in file.attrs or "model_weights" in file else ".weights.h5"
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, "resnet50" + suffix)
        link.symlink_to(path.resolve())
        model.load_weights(link)


def efficientnet_lite0(parameters):
    """EfficientNet-lite0 without its classifier: float32 (n, 224, 224, 3) → (n, 7, 7, 1280)."""
    inputs, steps = keras.Input((224, 224, 3)), Steps(parameters)
    model = keras.Model(inputs, lite0_maps(inputs, steps)[-1])
    steps.set_weights(model)
    return model


def lite0_maps(x, steps):
    """EfficientNet-lite0's maps: (n, s/16, s/16, 112) halfway, and (n, s/32, s/32, 1280) at its end."""
    x = steps.conv(x, "_conv_stem", "_bn0", stride=2)
    block = 0
    for stage, (repeats, stride, expansion) in enumerate(LITE0_STAGES):
        for repeat in range(repeats):
            x = steps.block(x, f"_blocks.{block}.", stride if repeat == 0 else 1, expansion)
            block += 1
        if stage == LAST_STAGE_OF_SIXTEENTHS:
            middle = x
    return middle, steps.conv(x, "_conv_head", "_bn1")


class Steps:
    """Adds layers and remembers the folded weights each of them gets once the model is built."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.weights = {}

    def block(self, x, prefix, stride, expansion):
        """An inverted residual: widen, filter each channel, narrow; add the input where shapes agree."""
        y = x
        if expansion > 1:
            y = self.conv(y, prefix + "_expand_conv", prefix + "_bn0")
        y = self.conv(y, prefix + "_depthwise_conv", prefix + "_bn1", stride, depthwise=True)
        y = self.conv(y, prefix + "_project_conv", prefix + "_bn2", activation=False)
        return layers.Add()([x, y]) if stride == 1 and x.shape[-1] == y.shape[-1] else y

    def conv(self, x, name, norm, stride=1, depthwise=False, activation=True):
        """A convolution with its batch norm folded in, then ReLU6 unless activation is off."""
        kernel, bias = self._folded(name, norm)
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

    def _folded(self, name, norm):
        get = self.parameters.__getitem__
        scale = get(f"{norm}.weight") / (get(f"{norm}.running_var") + BATCH_NORM_EPSILON) ** 0.5
        bias = get(f"{norm}.bias") - get(f"{norm}.running_mean") * scale
        return get(f"{name}.weight") * scale[:, None, None, None], bias

    def set_weights(self, model):
        for name, weights in self.weights.items():
            model.get_layer(name).set_weights(weights)


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
