"""Small fonts in place of Streamlit's: its icons that are used here, and letters of Western and Central Europe.

Streamlit's page loads 550 kB of fonts. These two are 38 kB. For any other letter the browser fetches Streamlit's font.
An icon that is missing would show as its name, so that another version of Streamlit keeps its own icons.
deploy/subset_fonts.py makes them; fonts/LICENSE.txt has their licenses.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

LATIN = (
    "U+20-7E, U+A0-17F, U+218-21B, U+2010-2027, U+2030-203A, U+20AC, U+2122, U+2190-2193, U+2212, U+2248, U+2260, "
    "U+2264-2265"
)
FILES = Path(__file__).with_name("fonts")
# Beside Streamlit's own files, which it and a proxy let a browser keep for good: the address changes with the content.
FOLDER = "static/media/"
KEEP = "public, immutable, max-age=31536000"
ICONS = "Material Symbols Rounded"
# Streamlit's scripts load every font that is called so before they draw anything.
SCRIPT = f"""
  for (const sheet of document.styleSheets) {{
    const isWhole = (rule) => rule instanceof CSSFontFaceRule && rule.cssText.includes("{ICONS}")
      && !rule.cssText.includes("lookalike-");
    const place = [...sheet.cssRules].findIndex(isWhole);
    if (place >= 0) sheet.deleteRule(place);
  }}
"""


@dataclass(frozen=True)
class Font:
    """A font's content, its address relative to the page, and how a style sheet describes it."""

    content: bytes
    address: str
    description: str

    @property
    def rule(self) -> str:
        """The rule of a style sheet that uses this font."""
        source = f'src: url("./{self.address}") format("woff2")'
        return f"@font-face {{ {self.description}; {source}; }}"


@cache
def fonts() -> tuple[Font, ...]:
    """Return the fonts. Their families are those of Streamlit's, which a later rule stands in for."""
    latin = _read(
        "latin", f"font-family: Source Sans; font-weight: 100 900; font-style: normal; unicode-range: {LATIN}"
    )
    icons = _read("icons", f"font-family: {ICONS}; font-weight: 400; font-style: normal; font-display: block")
    return (latin, icons) if has_icons_of(st.__version__) else (latin,)


def has_icons_of(version: str) -> bool:
    """Return whether the icons are those that this version of Streamlit uses."""
    return icon_names()[0] == f"# Streamlit {version}"


def icon_names() -> list[str]:
    """Return the line that names a version of Streamlit, then the names of all icons."""
    return (FILES / "icons.txt").read_text(encoding="utf-8").splitlines()


class Fonts:
    """ASGI middleware: answers the addresses of the fonts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._fonts = {font.address: font for font in fonts()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a font; let everything else pass."""
        if scope["type"] == "http" and scope["method"] == "GET" and f"/{FOLDER}" in scope["path"]:
            font = self._fonts.get(FOLDER + scope["path"].rpartition("/")[2])
            if font:
                response = Response(font.content, media_type="font/woff2", headers={"Cache-Control": KEEP})
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _read(name: str, description: str) -> Font:
    content = (FILES / f"{name}.woff2").read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Font(content, f"{FOLDER}lookalike-{name}.{digest}.woff2", description)
