"""Decode image bytes with Pillow: upright, sRGB, transparency on white, in little memory."""

import io
from functools import cache

import numpy as np
from PIL import Image, UnidentifiedImageError
from pillow_heif import register_heif_opener

from lookalike.errors import ImageError
from lookalike.images.color_profiles import convert_to_srgb
from lookalike.images.headers import FORMATS, check_size, damage_error, read_orientation, require_header

# Larger images are flattened and reduced band by band, so that memory never holds a second one of their size.
MAX_PIXELS_AT_ONCE = 16_000_000

TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@cache
def set_up_pillow() -> None:
    """Register the formats that Pillow needs a plugin for, once a process."""
    # A thumbnail inside a file need not show what the file shows.
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def decode_in_process(content: bytes, size: int, name: str) -> Image.Image:
    """Decode bytes as decoding.decode does, in this process, however long it takes; raises ImageError."""
    set_up_pillow()
    header = require_header(content, name)
    try:
        with Image.open(io.BytesIO(header.content), formats=FORMATS) as image:
            check_size(image.size, name)
            image.draft("RGB", (2 * size, 2 * size))
            # Of an animation, this loads the first frame alone.
            image.load()
            check_size(image.size, name)
            orientation = max(header.orientation, read_orientation(image.info.get("exif") or b""))
            profile = header.profile or image.info.get("icc_profile")
            flat = convert_to_srgb(flatten(image, 4 * size), profile)
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise damage_error(name, "its header makes no sense") from None
    except Exception as error:  # Pillow's decoders raise nearly every built-in exception on damage.
        raise damage_error(name, error) from None
    transposition = TRANSPOSITIONS.get(orientation)
    upright = flat if transposition is None else flat.transpose(transposition)
    # Pillow would write a comment that it has read into whatever it saves.
    upright.info.clear()
    return upright


def flatten(image: Image.Image, min_side: int) -> Image.Image:
    """Return the image as RGB on white. A very large one is also reduced, but keeps min_side pixels a side."""
    width, height = image.size
    white = _white_level(image)
    if width * height <= MAX_PIXELS_AT_ONCE:
        return _flatten_band(image, white)
    factor = max(1, min(image.size) // min_side)
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    step = factor * max(1, MAX_PIXELS_AT_ONCE // 4 // (width * factor))
    for upper in range(0, height, step):
        band = _flatten_band(image.crop((0, upper, width, min(upper + step, height))), white)
        small.paste(band.reduce(factor) if factor > 1 else band, (0, upper // factor))
    return small


def _flatten_band(image: Image.Image, white: float) -> Image.Image:
    """Turn transparent pixels white, as a shop's page would show them."""
    if white:
        gray = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=white, neginf=0)
        return Image.fromarray(np.clip(gray / white * 255, 0, 255).astype(np.uint8), "L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        background = Image.new("RGB", image.size, "white")
        background.paste(image.convert("RGB"), mask=image.getchannel("A"))
        return background
    return image.convert("RGB")


def _white_level(image: Image.Image) -> float:
    """Return the white of a gray image with more than 8 bits, which Pillow would clip at 255; 0 for other images."""
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in ("I", "F"):
        return 0.0
    brightest = np.nan_to_num(image.getextrema()[1])
    return 65535.0 if brightest > 255 else 255.0 if brightest > 1 or image.mode == "I" else 1.0
