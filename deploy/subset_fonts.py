"""Make the small fonts of lookalike/web/fonts from those that Streamlit brings, after an icon or Streamlit has changed.

pip install fonttools brotli streamlit; python deploy/subset_fonts.py

icons.woff2 holds the icons that this package and Streamlit's own scripts name; latin.woff2 the letters of Western and
Central European languages. The browser fetches Streamlit's whole fonts only for what these two lack.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import streamlit
from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "lookalike" / "web" / "fonts"
STATIC = Path(streamlit.__file__).parent / "static" / "static"
ICON = re.compile(r":material/([a-z0-9_]+)")
# As in lookalike/web/small_fonts.py, LATIN.
LATIN = [(0x20, 0x7E), (0xA0, 0x17F), (0x218, 0x21B), (0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC)]
LATIN += [(0x2122, 0x2122), (0x2190, 0x2193), (0x2212, 0x2212), (0x2248, 0x2248), (0x2260, 0x2260), (0x2264, 0x2265)]


def main() -> None:
    print("icons.woff2", make_icons(), "bytes")
    print("latin.woff2", make_latin(), "bytes")


def make_icons() -> int:
    """Write icons.woff2, whose icons are ligatures of their names, and return its size."""
    font = open_font("MaterialSymbols-Rounded.*.woff2")
    letters = font.getBestCmap()
    ligatures = dict(read_ligatures(font))
    names = sorted(name for name in icon_names() if name in ligatures)
    alphabet = {letters[ord(letter)] for letter in " abcdefghijklmnopqrstuvwxyz0123456789_" if ord(letter) in letters}
    options = subset.Options(flavor="woff2", layout_closure=False, layout_features=["*"], hinting=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(glyphs=[*alphabet, *(ligatures[name] for name in names)])
    subsetter.subset(font)
    lines = [f"# Streamlit {streamlit.__version__}", *names]
    (TARGET / "icons.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return save(font, "icons.woff2", options)


def make_latin() -> int:
    """Write latin.woff2 under a name of its own, as the license of Source Sans asks, and return its size."""
    font = open_font("SourceSansVF-Upright.*.woff2")
    features = ["kern", "mark", "mkmk", "ccmp", "locl", "liga"]
    options = subset.Options(flavor="woff2", layout_features=features, name_IDs=[0, 1, 2, 4, 6, 13, 14])
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for first, last in LATIN for code in range(first, last + 1)])
    subsetter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 4, 6):
            record.string = "LookalikeSans" if record.nameID == 6 else "Lookalike Sans"
    return save(font, "latin.woff2", options)


def icon_names() -> set[str]:
    """Return the names of all icons that the package or Streamlit's scripts mention."""
    files = [*(ROOT / "lookalike").rglob("*.py"), *(ROOT / "lookalike").rglob("*.js"), *(STATIC / "js").glob("*.js")]
    return {name for file in files for name in ICON.findall(file.read_text(encoding="utf-8"))}


def read_ligatures(font: Any) -> Iterator[tuple[str, str]]:
    """Yield the letters of each ligature with its glyph."""
    letter_of = {glyph: chr(code) for code, glyph in font.getBestCmap().items()}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in (getattr(one, "ExtSubTable", one) for one in lookup.SubTable):
            for first, ligatures in getattr(table, "ligatures", {}).items():
                for ligature in ligatures:
                    yield (
                        "".join(letter_of.get(glyph, "?") for glyph in (first, *ligature.Component)),
                        ligature.LigGlyph,
                    )


def open_font(pattern: str) -> Any:
    (path,) = (STATIC / "media").glob(pattern)
    return TTFont(path)


def save(font: Any, name: str, options: Any) -> int:
    subset.save_font(font, str(TARGET / name), options)
    return (TARGET / name).stat().st_size


if __name__ == "__main__":
    main()
