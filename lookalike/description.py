"""What an index's manifest records beside how its vectors were made: where the rest is, and what that said."""

from pathlib import Path

from .attributes import readable
from .backbones import file_sha256
from .errors import CatalogueError
from .index import stored_name


def describe(made_by, backbone, styles, output):
    """What the manifest records: made_by, where the weights and the table of attributes are, and what that said.

    An app takes over an index whose manifest has changed, though nothing but a word in the table may have.
    """
    return {
        **made_by,
        "weights_file": recorded(str(Path(backbone.weights).resolve())),
        "styles": recorded(stored_name(styles, output)) if styles else None,
        "styles_sha256": _table_sha256(styles) if styles else None,
    }


def recorded(name):
    """The name of a file or folder, where a manifest can hold it; raises CatalogueError where it cannot."""
    if name != readable(name):
        raise CatalogueError(f"The name {readable(name)} is no UTF-8, which an index cannot record. Rename it first.")
    return name


def _table_sha256(styles):
    try:
        return file_sha256(styles)
    except OSError:  # moved meanwhile: products are shown without attributes until the next run
        return None
