"""Convert a Keras model for OpenVINO in a process of its own.

Keras's backend is chosen once for a process: here it is OpenVINO, whatever the program that wants the model uses.
"""

import os
import subprocess
import sys
from pathlib import Path

from lookalike.embedding.backbones import Backbone
from lookalike.errors import WeightsError, is_out_of_memory


def convert_keras(backbone: Backbone, file: Path) -> None:
    """Write the backbone's Keras model as OpenVINO's file (an .xml); raises WeightsError or MemoryError."""
    command = [sys.executable, "-m", __name__, backbone.name, str(backbone.weights.resolve()), str(file)]
    package_home = str(Path(__file__).resolve().parents[3])
    paths = [package_home, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "KERAS_BACKEND": "openvino"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)  # noqa: S603 # nosec B603
    if done.returncode:
        detail = done.stdout.strip() or (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        error = WeightsError(detail)
        raise MemoryError(detail) if is_out_of_memory(error) else error


def main(name: str, weights: str, file: str) -> int:
    """Run in the child process: print the one sentence and return 1 if the weights do not fit."""
    import keras

    keras.config.set_image_data_format("channels_first")
    from lookalike.embedding.engines.keras_models import keras_model

    try:
        model = keras_model(name, Path(weights))
    except WeightsError as error:
        print(error)
        return 1
    model.export(file, format="openvino", verbose=False)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
