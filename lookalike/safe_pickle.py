"""A reader of pickles that admits lists, strings and numpy arrays, and nothing that could run code."""

import importlib
import io
import pickle

from .errors import IndexFileError

# What numpy's own pickles of arrays name, under its module names before and since version 2.
ADMITTED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    ),
    # Protocols 0 to 2 write bytes as a call of this.
    ("_codecs", "encode"),
}


def load_pickle(content, name):
    """The value pickled in content; raises IndexFileError, naming the file, for anything else."""
    try:
        return _Reader(io.BytesIO(content)).load()
    except pickle.UnpicklingError as error:
        raise IndexFileError(f"{name} was refused: {error}. Make the index again from the images.") from None
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle raises nearly anything
        raise IndexFileError(
            f"{name} is damaged ({type(error).__name__}). Make the index again from the images."
        ) from None


class _Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, and an index needs only lists, strings and arrays"
            )
        if module.startswith("numpy"):
            return getattr(_numpy_module(module), name)
        return super().find_class(module, name)


def _numpy_module(module):
    """The module of that name in the numpy at hand, which may use the other spelling of core."""
    try:
        return importlib.import_module(module.replace("numpy.core", "numpy._core"))
    except ImportError:
        return importlib.import_module(module.replace("numpy._core", "numpy.core"))
