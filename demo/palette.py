"""Colours by their catalogue names, as red, green and blue in 0..1."""

import numpy as np

_HEX = {
    "Beige": "d9c7a6",
    "Black": "26262a",
    "Blue": "2f62b5",
    "Brown": "6e4427",
    "Burgundy": "641c33",
    "Charcoal": "45484e",
    "Coffee Brown": "4b3325",
    "Copper": "b5714a",
    "Cream": "f0e6cd",
    "Gold": "cfa64a",
    "Green": "2f8a4c",
    "Grey": "8e9298",
    "Grey Melange": "a9acb1",
    "Khaki": "b5a074",
    "Lavender": "b7a4d6",
    "Magenta": "c12a78",
    "Maroon": "7a2030",
    "Mustard": "d49a22",
    "Navy Blue": "22305a",
    "Off White": "f1eee6",
    "Olive": "6a6b35",
    "Orange": "ea7425",
    "Peach": "f5b894",
    "Pink": "ee86a8",
    "Purple": "6b3f95",
    "Red": "c8262f",
    "Rust": "a84a24",
    "Sea Green": "3fa58c",
    "Silver": "c3c7cc",
    "Steel": "9aa1a9",
    "Tan": "b9814e",
    "Teal": "17757c",
    "Turquoise Blue": "2fb3c0",
    "White": "f4f4f3",
    "Yellow": "f3c72f",
}

COLOURS = {name: np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]) for name, code in _HEX.items()}

_PARTNERS = {
    "warm": ("Cream", "Navy Blue", "White", "Mustard", "Olive", "Peach"),
    "cool": ("White", "Yellow", "Grey", "Peach", "Turquoise Blue", "Off White"),
    "pale": ("Navy Blue", "Red", "Teal", "Maroon", "Black", "Green"),
    "dark": ("White", "Red", "Grey", "Mustard", "Turquoise Blue", "Pink"),
}


def partner(rng, colour):
    """Return a colour (3,) that goes with a colour (3,): pale with strong, warm with cool."""
    lightness = float(colour @ (0.3, 0.59, 0.11))
    if lightness > 0.72:
        family = "pale"
    elif lightness < 0.24:
        family = "dark"
    else:
        family = "warm" if colour[0] > colour[2] else "cool"
    return COLOURS[rng.choice(_PARTNERS[family])]


def tint(colour, amount):
    """Return a colour (3,) moved toward white (amount > 0) or black (amount < 0), by a share of 1."""
    goal = 1.0 if amount > 0 else 0.0
    return colour + (goal - colour) * abs(amount)


def is_pale(colour):
    """Tell whether dark details show better than pale ones on a colour (3,)."""
    return float(colour @ (0.3, 0.59, 0.11)) > 0.5
