"""Write the corpus of odd and hostile images, the same at every call: python tests/hostile/make.py FOLDER"""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.hostile.refused import refused  # noqa: E402
from tests.hostile.works import works  # noqa: E402


@dataclass(frozen=True)
class Case:
    """A file and what must come of it: colors (left and right, RGB) or what its sentence matches."""

    name: str
    content: bytes
    colors: tuple | None = None
    sentence: str | None = None


def cases():
    """Every Case, in one order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of the metadata it is asked to write
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
