"""A shopper's words → the words that the network can name and that a shop's table has."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN

USAGE_COLUMN, PATTERN_COLUMN = "usage", "pattern"
# Longer questions are cut.
MAX_LETTERS, MAX_TOKENS = 400, 30
# The longest phrase, in words, and from how many letters on a word may have a slip, and how like the right one it is.
MAX_PHRASE, MIN_LETTERS, LIKENESS = 3, 5, 0.8
# Words that say nothing about a product.
_EMPTY = """
a an the for with in of on and or to my some any pair pairs set me i want need looking like something really
very nice good best new cheap size style fashion clothes clothing wear outfit item items product products at
by from is are that this please show find similar color colour colored coloured
"""
EMPTY = frozenset(_EMPTY.split())
JOINING = frozenset(("and", "or"))
# Below: what shoppers call it, separated by commas → the words that are right; those count that there are.
SHOES = ("Casual Shoes", "Sports Shoes", "Formal Shoes", "Heels", "Flats", "Sandals", "Flip Flops", "Sports Sandals")
JEWELRY = ("Earrings", "Necklace and Chains", "Bracelet", "Ring", "Pendant", "Bangle", "Jewellery Set")
TYPES: Mapping[str, Sequence[str]] = {
    "tee, t-shirt, tshirt, henley": ("Tshirts",),
    "polo, polo shirt": ("Tshirts",),
    "top, blouse, crop top, cami, camisole, tank top, tank, tube top, halter": ("Tops", "Tunics"),
    "vest": ("Innerwear Vests", "Waistcoat", "Tops"),
    "shirt, button down, button up, oxford shirt, dress shirt, flannel": ("Shirts",),
    "jumper, pullover, knit, knitwear, cardigan, turtleneck": ("Sweaters",),
    "hoodie, hoody, hooded sweatshirt, sweat": ("Sweatshirts",),
    "coat, parka, anorak, bomber, windbreaker, raincoat, puffer, overcoat, trench, trench coat, outerwear": (
        "Jackets",
        "Rain Jacket",
        "Blazers",
    ),
    "blazer, sport coat, suit jacket": ("Blazers", "Jackets"),
    "suit": ("Suits", "Blazers"),
    "waistcoat": ("Waistcoat",),
    "dress, gown, frock, sundress, maxi, maxi dress": ("Dresses",),
    "tunic": ("Tunics", "Kurtas", "Kurtis"),
    "pant, trouser, chino, slacks, cargo, dress pants, bottoms": ("Trousers", "Track Pants"),
    "jogger, sweatpants, track bottoms, tracksuit bottoms": ("Track Pants", "Lounge Pants"),
    "denim, jean": ("Jeans", "Jeggings"),
    "capri, cropped trousers": ("Capris",),
    "shorts, bermuda, hot pants": ("Shorts",),
    "skirt, miniskirt, mini skirt": ("Skirts",),
    "legging": ("Leggings", "Tights", "Jeggings"),
    "stocking": ("Stockings", "Tights"),
    "jumpsuit, romper, playsuit, onesie": ("Jumpsuit", "Rompers"),
    "sari, saree": ("Sarees",),
    "kurta, kurti": ("Kurtas", "Kurtis", "Kurta Sets"),
    "shoe, footwear": SHOES,
    "sneaker, trainer, runner, kicks, tennis shoe, plimsoll": ("Casual Shoes", "Sports Shoes"),
    "running shoe, gym shoe, athletic shoe, sport shoe, sports shoe": ("Sports Shoes",),
    "pump, stiletto, court shoe, high heel, heel, wedge, platform": ("Heels",),
    "flat, ballerina, ballet flat": ("Flats",),
    "loafer, moccasin, boat shoe, slip on, espadrille": ("Casual Shoes", "Flats"),
    "oxford, brogue, derby, formal shoe, dress shoe": ("Formal Shoes",),
    "boot, ankle boot, chelsea boot": ("Casual Shoes", "Heels", "Flats"),
    "flip flop, thong, slipper, slide": ("Flip Flops",),
    "sandal": ("Sandals", "Sports Sandals", "Flats"),
    "bag, purse, tote, shoulder bag, hand bag, handbag, satchel, hobo": ("Handbags",),
    "clutch, evening bag": ("Clutches",),
    "rucksack, backpack, back pack, school bag": ("Backpacks", "Rucksacks"),
    "messenger, crossbody, cross body": ("Messenger Bag", "Handbags"),
    "laptop bag, briefcase": ("Laptop Bag",),
    "duffel, duffle, gym bag, sports bag, holdall": ("Duffel Bag",),
    "fanny pack, bum bag": ("Waist Pouch",),
    "wallet, billfold, card holder": ("Wallets",),
    "cap, baseball cap, snapback": ("Caps",),
    "hat, beanie, fedora, sun hat": ("Hat", "Caps"),
    "shades, sunnies, sunglasses, sun glasses": ("Sunglasses",),
    "watch, timepiece, wristwatch, wrist watch": ("Watches",),
    "earring, stud, hoop": ("Earrings",),
    "necklace, chain": ("Necklace and Chains", "Pendant"),
    "pendant": ("Pendant", "Necklace and Chains"),
    "bracelet": ("Bracelet", "Bangle"),
    "bangle": ("Bangle", "Bracelet"),
    "ring": ("Ring",),
    "jewelry, jewellery, jewels": JEWELRY,
    "cufflink, cuff link": ("Cufflinks",),
    "scarf, scarves, shawl, stole, wrap": ("Scarves", "Stoles", "Mufflers"),
    "muffler": ("Mufflers", "Scarves"),
    "tie, necktie, bow tie": ("Ties",),
    "belt": ("Belts",),
    "glove, mitten": ("Gloves",),
    "sock": ("Socks",),
    "umbrella, brolly": ("Umbrellas",),
    "perfume, fragrance, cologne": ("Perfume and Body Mist", "Deodorant"),
    "bra, bralette": ("Bra",),
    "knickers, panties, brief, underpants, underwear": ("Briefs", "Trunk", "Boxers"),
    "boxer, boxer shorts": ("Boxers", "Trunk"),
}
COLORS: Mapping[str, Sequence[str]] = {
    "navy, dark blue, midnight": ("Navy Blue",),
    "burgundy, wine, oxblood, bordeaux": ("Burgundy", "Maroon"),
    "maroon": ("Maroon", "Burgundy"),
    "gray, grey": ("Grey", "Grey Melange"),
    "charcoal, anthracite, dark grey, dark gray": ("Charcoal", "Grey"),
    "ivory, ecru, eggshell, off white": ("Off White", "Cream", "White"),
    "cream": ("Cream", "Off White", "Beige"),
    "light blue, sky blue, baby blue, pale blue, royal blue, cobalt": ("Blue",),
    "turquoise, aqua": ("Turquoise Blue", "Teal"),
    "teal, petrol": ("Teal", "Turquoise Blue", "Sea Green"),
    "violet": ("Purple", "Lavender"),
    "lilac": ("Lavender", "Purple", "Mauve"),
    "fuchsia, hot pink": ("Magenta", "Pink"),
    "rose, blush": ("Pink", "Rose", "Peach"),
    "camel, sand": ("Tan", "Beige", "Khaki"),
    "chocolate, dark brown": ("Coffee Brown", "Brown"),
    "coral, salmon": ("Orange", "Peach", "Pink"),
    "golden": ("Gold",),
    "silvery": ("Silver", "Steel"),
    "mint, lime": ("Lime Green", "Green", "Sea Green"),
    "olive, army, military green": ("Olive", "Green", "Khaki"),
    "khaki": ("Khaki", "Beige", "Olive"),
    "nude, skin": ("Nude", "Skin", "Beige"),
    "multicolor, multicolour, multicolored, multicoloured, colorful, colourful, rainbow": ("Multi",),
    "scarlet, crimson": ("Red",),
}
GENDERS: Mapping[str, Sequence[str]] = {
    "man, men, male, him, gent, guy, gentleman, gentlemen, boyfriend, husband, dad": ("Men", "Unisex"),
    "woman, women, female, her, lady, girlfriend, wife, mom, mum": ("Women", "Unisex"),
    "boy, son": ("Boys",),
    "girl, daughter": ("Girls",),
    "kid, child, children": ("Boys", "Girls"),
    "unisex": ("Unisex",),
}
USAGES: Mapping[str, Sequence[str]] = {
    "sport, sporty, athletic, gym, running, workout, training, jogging, fitness": ("Sports",),
    "office, work, business, elegant, smart, formal, wedding, interview": ("Formal", "Smart Casual"),
    "everyday, casual, relaxed, weekend": ("Casual",),
    "ethnic, traditional, indian, festive": ("Ethnic",),
    "party, evening": ("Party",),
    "travel": ("Travel",),
}
PATTERNS: Mapping[str, Sequence[str]] = {
    "striped, stripe, stripy, pinstripe": ("striped",),
    "checked, check, checkered, chequered, plaid, tartan, gingham": ("checked",),
    "floral, flower, flowery, flowered": ("floral",),
    "dotted, polka dot, dot, spotted": ("dotted",),
    "printed, print, graphic, patterned": ("printed",),
    "plain, solid": ("plain",),
    "colorblock, color block, colour block": ("block",),
}


@dataclass(frozen=True)
class Understood:
    """What a text means: column → the words that are right, and which of its own words were understood, or not.

    named are those of the understood ones that stand in some products' rows of the table alone: brands, say.
    """

    words: Mapping[str, tuple[str, ...]]
    known: tuple[str, ...]
    unknown: tuple[str, ...]
    named: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was understood."""
        return not self.words and not self.named


class Lexicon:
    """Understands texts in the words of column → words, which are a network's and a shop's."""

    def __init__(self, vocabulary: Mapping[str, Iterable[str]]) -> None:
        own = {column: tuple(dict.fromkeys(words)) for column, words in vocabulary.items()}
        self._meanings: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
        for column, table in (
            (TYPE_COLUMN, TYPES),
            (COLOR_COLUMN, COLORS),
            (GENDER_COLUMN, GENDERS),
            (USAGE_COLUMN, USAGES),
            (PATTERN_COLUMN, PATTERNS),
        ):
            for phrases, right in table.items():
                known = tuple(word for word in right if word in own.get(column, ()))
                for phrase in phrases.split(", ") if known else ():
                    self._meanings[_stems(phrase)] = {column: known}
        for column, words in own.items():
            for word in words:
                # A word of the table itself means itself first, and what the lexicon adds.
                meaning = self._meanings.setdefault(_stems(word), {})
                meaning[column] = tuple(dict.fromkeys((word, *meaning.get(column, ()))))
        self._meanings.pop((), None)
        self._tokens = sorted({token for phrase in self._meanings for token in phrase})

    def understand(self, text: str) -> Understood:
        """Return what a text means; words that say nothing about a product are in neither list."""
        tokens = split_words(text[:MAX_LETTERS])[:MAX_TOKENS]
        stems = [self._mend(_stem(token)) for token in tokens]
        words: dict[str, tuple[str, ...]] = {}
        known, unknown = [], []
        place = 0
        while place < len(tokens):
            for length in range(min(MAX_PHRASE, len(tokens) - place), 0, -1):
                if meaning := self._meanings.get(tuple(stems[place : place + length])):
                    for column, right in meaning.items():
                        # The last noun says what it is: a denim skirt is a skirt. "Jeans or trousers" are both.
                        is_joined = column != TYPE_COLUMN or bool(JOINING & set(tokens[:place]))
                        earlier = words.get(column, ()) if is_joined else ()
                        words[column] = tuple(dict.fromkeys((*earlier, *right)))
                    known.append(" ".join(tokens[place : place + length]))
                    place += length
                    break
            else:
                if tokens[place] not in EMPTY:
                    unknown.append(tokens[place])
                place += 1
        return Understood(words, tuple(known), tuple(unknown))

    def _mend(self, stem: str) -> str:
        """Return a known token for one with a slip, and any other as it is."""
        if len(stem) < MIN_LETTERS or stem in EMPTY or stem in self._tokens:
            return stem
        return next(iter(get_close_matches(stem, self._tokens, 1, LIKENESS)), stem)


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without accents and without the 's of women's."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.findall(r"[^\W_]+", re.sub(r"['’]s?\b", "", plain))


def _stems(text: str) -> tuple[str, ...]:
    return tuple(_stem(token) for token in split_words(text))


def _stem(token: str) -> str:
    """Return a token without the ending of a plural."""
    if len(token) > 4 and token.endswith("ies"):
        return token[:-3] + "y"
    if len(token) > 4 and re.search(r"(?:s|x|z|ch|sh)es$", token):
        return token[:-2]
    return token[:-1] if len(token) > 3 and token.endswith("s") and not token.endswith("ss") else token
