"""What the demo catalogue holds: each article type with its count, genders, colours and drawing."""

from collections.abc import Callable
from dataclasses import dataclass

import accessories
import backpacks
import belts
import bottoms
import caps
import casual_shoes
import dresses
import flats
import flipflops
import formal_shoes
import handbags
import heels
import jackets
import jewellery
import shirts
import shorts
import sports_shoes
import sunglasses
import tees
import tops
import watches
import winter
from ranges import ADULTS, ALL, BRIGHT, DENIM, EARTH, LEATHER, METAL, SHIRTING, SOFT


@dataclass(frozen=True)
class Kind:
    """One article type of the catalogue: where it belongs, how many to draw, of what, and how."""

    article: str
    sub: str
    master: str
    count: int
    genders: tuple[str, ...]
    colours: tuple[str, ...]
    usages: tuple[str, ...]
    draw: Callable


def _apparel(article, sub, count, genders, colours, draw, usages=("Casual",)):
    return Kind(article, sub, "Apparel", count, genders, colours, usages, draw)


def _footwear(article, sub, count, genders, colours, draw, usages=("Casual",)):
    return Kind(article, sub, "Footwear", count, genders, colours, usages, draw)


def _accessory(article, sub, count, genders, colours, draw, usages=("Casual",)):
    return Kind(article, sub, "Accessories", count, genders, colours, usages, draw)


KINDS = (
    _apparel("Tshirts", "Topwear", 16, ALL, BRIGHT, tees.tshirt, ("Casual", "Casual", "Sports")),
    _apparel("Shirts", "Topwear", 12, ("Men", "Men", "Women", "Boys"), SHIRTING, shirts.shirt, ("Casual", "Formal")),
    _apparel("Tops", "Topwear", 8, ("Women", "Women", "Girls"), SOFT, tops.top),
    _apparel("Kurtas", "Topwear", 5, ADULTS, SOFT, shirts.kurta, ("Ethnic",)),
    _apparel("Sweaters", "Topwear", 8, ADULTS, (*EARTH, "Maroon", "Mustard", "Teal", "Red"), winter.sweater),
    _apparel("Sweatshirts", "Topwear", 8, ALL, BRIGHT, winter.sweatshirt, ("Casual", "Sports")),
    _apparel(
        "Jackets",
        "Topwear",
        8,
        ADULTS,
        ("Black", "Navy Blue", "Brown", "Olive", "Red", "Blue", "Grey", "Tan"),
        jackets.jacket,
    ),
    _apparel("Dresses", "Dress", 15, ("Women", "Women", "Women", "Girls"), SOFT, dresses.dress, ("Casual", "Party")),
    _apparel("Skirts", "Bottomwear", 8, ("Women", "Girls", "Women"), (*SOFT, "Olive", "Charcoal"), dresses.skirt),
    _apparel("Jeans", "Bottomwear", 9, ("Men", "Women", "Men", "Women", "Boys"), DENIM, bottoms.jeans),
    _apparel("Trousers", "Bottomwear", 7, ADULTS, EARTH, bottoms.trousers, ("Formal", "Casual")),
    _apparel(
        "Track Pants",
        "Bottomwear",
        6,
        ALL,
        ("Black", "Navy Blue", "Grey", "Red", "Olive", "Blue"),
        bottoms.track_pants,
        ("Sports",),
    ),
    _apparel(
        "Shorts", "Bottomwear", 8, ALL, (*EARTH, "Blue", "Red", "Turquoise Blue"), shorts.shorts, ("Casual", "Sports")
    ),
    _footwear(
        "Casual Shoes",
        "Shoes",
        12,
        ("Men", "Women", "Unisex", "Boys"),
        (*BRIGHT, "Brown", "Tan", "Beige"),
        casual_shoes.casual_shoes,
    ),
    _footwear(
        "Sports Shoes",
        "Shoes",
        8,
        ADULTS,
        ("White", "Black", "Blue", "Grey", "Red", "Green", "Navy Blue", "Pink"),
        sports_shoes.sports_shoes,
        ("Sports",),
    ),
    _footwear(
        "Formal Shoes",
        "Shoes",
        6,
        ("Men",),
        ("Black", "Brown", "Tan", "Coffee Brown", "Burgundy"),
        formal_shoes.formal_shoes,
        ("Formal",),
    ),
    _footwear(
        "Heels",
        "Shoes",
        12,
        ("Women",),
        ("Black", "Red", "Beige", "Gold", "Pink", "Brown", "Purple", "Silver", "Teal"),
        heels.heels,
        ("Casual", "Party"),
    ),
    _footwear("Flats", "Shoes", 6, ("Women", "Girls"), SOFT, flats.flats),
    _footwear("Flip Flops", "Flip Flops", 7, ALL, BRIGHT, flipflops.flip_flops),
    _footwear("Sandals", "Sandal", 6, ADULTS, (*LEATHER, "Red", "Gold"), flipflops.sandals),
    _accessory(
        "Handbags",
        "Bags",
        13,
        ("Women",),
        (*LEATHER, "Red", "Beige", "Teal", "Mustard", "Pink", "Olive"),
        handbags.handbag,
    ),
    _accessory(
        "Backpacks", "Bags", 8, ("Unisex", "Men", "Women", "Boys"), BRIGHT, backpacks.backpack, ("Casual", "Travel")
    ),
    _accessory("Wallets", "Wallets", 5, ADULTS, LEATHER, accessories.wallet),
    _accessory(
        "Watches",
        "Watches",
        13,
        ("Men", "Women", "Unisex"),
        ("Black", "Brown", "White", "Blue", "Tan", "Red", "Green", "Grey"),
        watches.watch,
        ("Casual", "Formal"),
    ),
    _accessory(
        "Sunglasses",
        "Eyewear",
        9,
        ("Unisex", "Women", "Men"),
        ("Black", "Brown", "Gold", "Red", "Silver", "Blue", "Purple"),
        sunglasses.sunglasses,
    ),
    _accessory("Caps", "Headwear", 8, ("Men", "Unisex", "Boys"), BRIGHT, caps.cap, ("Casual", "Sports")),
    _accessory("Belts", "Belts", 6, ADULTS, (*LEATHER, "White"), belts.belt, ("Casual", "Formal")),
    _accessory(
        "Ties",
        "Ties",
        7,
        ("Men",),
        ("Navy Blue", "Red", "Maroon", "Silver", "Purple", "Green", "Gold", "Black"),
        accessories.tie,
        ("Formal",),
    ),
    _accessory("Socks", "Socks", 6, ALL, BRIGHT, accessories.socks),
    _accessory("Earrings", "Jewellery", 7, ("Women",), METAL, jewellery.earrings, ("Casual", "Party")),
)
