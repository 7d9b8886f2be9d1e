"""The Keras models behind the backbones: pixels, preprocessed, to a feature map."""

import tempfile
from pathlib import Path

import h5py
import keras
from keras import layers

from ..errors import WeightsError
from .torch_checkpoint import read_checkpoint

# EfficientNet-lite0: repeats, stride of the first and expansion, one row a stage; the kernels' sizes
# and the numbers of channels are those of the weights.
LITE0_STAGES = ((1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6))
LAST_STAGE_OF_SIXTEENTHS = 4
BATCH_NORM_EPSILON = 1e-3


def keras_model(name, weights):
    """The Keras model of a backbone: float32 (n, 224, 224, 3) → (n, 7, 7, C); raises WeightsError."""
    if name == "resnet50":
        return resnet50(weights)
    if name == "fashion":
        from .fashion_model import fashion

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
