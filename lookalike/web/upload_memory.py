"""Photos that come in are for memory only: Starlette would put the larger ones into a file on the way."""

from starlette.formparsers import MultiPartParser

from lookalike.images.decoding import MAX_PHOTO_BYTES


def keep_uploads_in_memory() -> None:
    """Have this process keep the files of multipart/form-data in memory, whatever their size within the limits."""
    MultiPartParser.spool_max_size = MAX_PHOTO_BYTES + 1_000_000
