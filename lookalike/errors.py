"""The few errors that a person can act on. Each message says what happened, the limit and what to do next."""

import unicodedata

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
    """Base of every error whose message may be shown to a person as it is: one line, whatever names it quotes."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ImageError(LookalikeError):
    """A photo or a catalogue file that cannot be used as an image."""


class UndecidedError(ImageError):
    """An image whose decoder was killed or ran out of time. It may be decoded on another day."""


class TemporaryError(LookalikeError):
    """An error that passes by itself: the same request may well be answered retry_after seconds later."""

    def __init__(self, message: str, retry_after: float = 10.0):
        super().__init__(message)
        self.retry_after = retry_after


class ShortageError(TemporaryError):
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


class ServerError(TemporaryError):
    """A server that holds an index and does not answer, or refuses a request."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the machine, or this process's share of it, is out of memory."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)


def printable(text: str) -> str:
    """Return text as one line that changes nothing but its own place on a screen: a line break becomes \\n, ESC \\x1b.

    See is_printable for what stays.
    """
    return "".join(char if is_printable(char) else char.encode("unicode_escape").decode() for char in text)


def is_printable(char: str) -> bool:
    """Return whether a character stands for itself: letters, signs, spaces, joiners within words and emoji."""
    return char.isprintable() or unicodedata.category(char) == "Zs" or char in "\u200c\u200d"
