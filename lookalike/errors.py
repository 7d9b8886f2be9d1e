"""The few errors a person can act on; each message says what happened, the limit and what to do next."""

# What libraries say, in errors of their own kinds, where Python itself would raise MemoryError.
OUT_OF_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "can't alloc",
    "can't start new thread",
    "failed to map segment",
    "Broken promise",
    "Resource temporarily unavailable",
)


class LookalikeError(Exception):
    """Base of every error whose message may be shown to a person as it is."""


class ImageError(LookalikeError):
    """A photo or a catalogue file that cannot be used as an image."""


class UndecidedError(ImageError):
    """An image whose decoder was killed, or stopped for its time: on another day it may be decoded."""


class ShortageError(LookalikeError):
    """An image that could not be looked at for something the machine lacks: it tells nothing of the image."""

    def __init__(self, name, lacks):
        super().__init__(f"{name} cannot be opened just now ({lacks}, on this machine). Try again in a moment.")
        self.lacks = lacks


class CatalogueError(LookalikeError):
    """A folder of images, or a table of attributes, that cannot be indexed."""


class WeightsError(LookalikeError):
    """A backbone whose weights are missing, do not fit or cannot be read."""


class IndexFileError(LookalikeError):
    """An index that is absent, mixed, damaged or made for another backbone."""


class ServerError(LookalikeError):
    """A server that holds an index and does not answer, or refuses what is asked of it."""


def is_out_of_memory(error):
    """Whether the machine's memory, or the share of it that this process may take, is what error comes from."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)
