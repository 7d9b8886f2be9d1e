"""The few errors a person can act on; each message says what happened, the limit and what to do next."""


class LookalikeError(Exception):
    """Base of every error whose message may be shown to a person as it is."""


class ImageError(LookalikeError):
    """A photo or a catalogue file that cannot be used as an image."""


class CatalogueError(LookalikeError):
    """A folder of images, or a table of attributes, that cannot be indexed."""


class WeightsError(LookalikeError):
    """A backbone whose weights are missing, do not fit or cannot be read."""


class IndexFileError(LookalikeError):
    """An index that is absent, mixed, damaged or made for another backbone."""


class ServerError(LookalikeError):
    """A server that holds an index and does not answer, or refuses what is asked of it."""
