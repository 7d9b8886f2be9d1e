"""The genders and colours that groups of products come in."""

ALL = ("Men", "Women", "Boys", "Girls")
ADULTS = ("Men", "Women")
BRIGHT = (
    "Navy Blue",
    "Red",
    "White",
    "Black",
    "Green",
    "Yellow",
    "Grey Melange",
    "Blue",
    "Maroon",
    "Olive",
    "Orange",
    "Teal",
    "Pink",
    "Purple",
    "Charcoal",
    "Turquoise Blue",
)
SOFT = (
    "White",
    "Pink",
    "Peach",
    "Navy Blue",
    "Black",
    "Lavender",
    "Teal",
    "Red",
    "Mustard",
    "Cream",
    "Magenta",
    "Sea Green",
    "Burgundy",
    "Blue",
)
SHIRTING = (
    "White",
    "Blue",
    "Navy Blue",
    "Pink",
    "Red",
    "Grey",
    "Olive",
    "Maroon",
    "Beige",
    "Teal",
    "Green",
    "Purple",
    "Black",
)
EARTH = ("Beige", "Khaki", "Olive", "Navy Blue", "Black", "Grey", "Brown", "Charcoal", "Cream")
LEATHER = ("Brown", "Black", "Tan", "Coffee Brown", "Burgundy", "Navy Blue")
DENIM = ("Blue", "Navy Blue", "Blue", "Black", "Grey", "Navy Blue", "Blue", "Charcoal", "White")
METAL = ("Gold", "Silver", "Copper", "Gold", "Steel")
