"""Words for colors that mean the same: what a person calls a color, and what a catalogue calls it."""

from collections.abc import Mapping, Sequence

# The words of a catalogue that mean what a person calls a color, besides the word itself.
SAME_COLORS: Mapping[str, tuple[str, ...]] = {
    "Light Blue": ("Blue",),
    "Maroon": ("Burgundy",),
    "Charcoal": ("Grey",),
    "Grey": ("Grey Melange", "Charcoal", "Silver"),
    "Cream": ("Off White", "Beige"),
    "White": ("Off White",),
    "Brown": ("Coffee Brown", "Tan", "Mushroom Brown"),
    "Beige": ("Cream", "Nude", "Skin", "Khaki"),
    "Khaki": ("Beige",),
    "Lavender": ("Purple",),
    "Mauve": ("Purple", "Pink"),
    "Turquoise Blue": ("Teal", "Blue"),
    "Teal": ("Turquoise Blue", "Sea Green"),
    "Mustard": ("Yellow",),
    "Rust": ("Orange", "Brown"),
    "Peach": ("Pink", "Orange"),
    "Magenta": ("Pink",),
    "Tan": ("Brown", "Beige"),
    "Green": ("Sea Green", "Lime Green", "Fluorescent Green", "Olive"),
}


def accepted_colors(colors: Sequence[str]) -> tuple[str, ...]:
    """Return the catalogue's words that are right for colors as a person calls them."""
    return tuple(dict.fromkeys(word for color in colors for word in (color, *SAME_COLORS.get(color, ()))))
