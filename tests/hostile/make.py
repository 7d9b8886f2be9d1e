"""Write the corpus of odd and hostile images, the same at every call: python -m tests.hostile.make FOLDER"""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.refused import refused
from tests.hostile.works import works


@dataclass(frozen=True)
class Case:
    """A file and its expected outcome: the colors it shows (left and right, RGB), or a pattern for its sentence."""

    name: str
    content: bytes
    colors: tuple | None = None
    sentence: str | None = None


def cases():
    """Yield every Case, in a fixed order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about the metadata it is asked to write
        yield from (Case(name, content, colors=colors) for name, content, colors in works())
        yield from (Case(name, content, sentence=sentence) for name, content, sentence in refused())


def write(folder, chosen=None):
    """Write the files of the chosen cases (all of them) into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases() if chosen is None else chosen:
        (folder / case.name).write_bytes(case.content)


if __name__ == "__main__":
    write(sys.argv[1])
