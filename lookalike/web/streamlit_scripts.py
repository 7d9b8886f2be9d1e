"""Which of Streamlit's scripts a page will ask for, so that its HTML can name them and the browser asks at once.

Streamlit loads what draws an element only when the first such element comes, and then what that imports, and so on:
each is a trip to the server and back.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import streamlit as st

FOLDER = Path(st.__file__).parent / "static" / "static" / "js"
IMPORT = re.compile(r"""(?:import|from)\s*["']\./([\w.~-]+\.js)["']""")


def scripts_of(elements: Iterable[str], folder: Path = FOLDER) -> list[str]:
    """Return the names of the scripts that draw elements, such as FileUploader, and of all that those import.

    An element that this version of Streamlit has no script for is left out.
    """
    found: dict[str, None] = {}
    waiting = [path.name for element in elements for path in sorted(folder.glob(f"{element}.*.js"))]
    while waiting:
        name = waiting.pop(0)
        path = folder / name
        if name not in found and path.is_file():
            found[name] = None
            waiting += IMPORT.findall(path.read_text(encoding="utf-8"))
    return list(found)
