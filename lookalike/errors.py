"""The few errors that a person can act on. Each message says what happened, the limit and what to do next."""

INDEX_COMMAND = "python -m lookalike index"
REBUILD = f"Make the index again: {INDEX_COMMAND}"

# What libraries say, in errors of their own, where Python itself would raise MemoryError.
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
    """An image whose decoder was killed or ran out of time. It may be decoded on another day."""


class ShortageError(LookalikeError):
    """An image that could not be opened because the machine lacks something. This says nothing about the image.

    lacks is what the machine lacks, in the operating system's words.
    """

    def __init__(self, name: str, lacks: str):
        super().__init__(f"{name} cannot be opened right now ({lacks} on this machine). Try again in a moment.")
        self.lacks = lacks


class CatalogueError(LookalikeError):
    """A folder of images, or a table of attributes, that cannot be indexed."""


class WeightsError(LookalikeError):
    """A backbone whose weights are missing, do not fit or cannot be read."""


class IndexFileError(LookalikeError):
    """An index that is missing, mixed, damaged or made for another backbone."""


class ServerError(LookalikeError):
    """A server that holds an index and does not answer, or refuses a request."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the machine, or this process's share of it, is out of memory."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)
