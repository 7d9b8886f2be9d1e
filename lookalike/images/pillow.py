"""Any kind of Pillow image → upright, RGB on white, in little memory."""

import io
from functools import cache

import numpy as np
from PIL import AvifImagePlugin, Image, UnidentifiedImageError
from pillow_heif import register_heif_opener

from lookalike.errors import ImageError
from lookalike.images.color_profiles import in_srgb
from lookalike.images.headers import FORMATS, orientation, read_header

MAX_PIXELS = 100_000_000

# Longer than this many times its width an image shows no product, and some decoders work line by line.
MAX_ASPECT = 100

# Larger images are made RGB and smaller band by band, so that no second one of their size is ever in memory.
PIXELS_AT_ONCE = 16_000_000

QUEUE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode_in_process(content, size, name):
    """decode, for bytes, in this process, however long it takes."""
    set_up_pillow()
    header = _header(content, name)
    try:
        with Image.open(io.BytesIO(header.content), formats=FORMATS) as image:
            _check_shape(image.size, name)
            image.draft("RGB", (2 * size, 2 * size))
            # Only the first frame of an animation, the one it opens with, is looked at.
            image.load()
            _check_shape(image.size, name)
            turn = max(header.orientation, orientation(image.info.get("exif") or b""))
            flat = in_srgb(flat_rgb(image, 4 * size), header.profile or image.info.get("icc_profile"))
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise _damaged(name, "its header makes no sense") from None
    except Exception as error:  # Pillow's decoders raise nearly every built-in exception on damage.
        raise _damaged(name, error) from None
    flat = upright(flat, turn)
    # Pillow writes a comment it has read into what it saves.
    flat.info.clear()
    return flat


def _header(content, name):
    try:
        header = read_header(content)
    except ValueError as error:
        raise _damaged(name, error) from None
    if header is None:
        raise ImageError(f"{name} is not an image. Use a JPEG, PNG, WebP, HEIC or AVIF file.")
    return header


def _check_shape(size, name):
    width, height = size
    if not width * height > 0:
        raise _damaged(name, "it has no pixels")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width} × {height} pixels; the limit is {MAX_PIXELS // 1_000_000} megapixels. "
            "Save it smaller and try again."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"{name} has {width} × {height} pixels; the limit is {MAX_ASPECT} times as long as wide. "
            "Crop it to the garment and try again."
        )


def _damaged(name, reason):
    text = (str(reason) or type(reason).__name__).splitlines()[0][:120].rstrip(".")
    # A decoder may quote the file, and a terminal acts upon some signs.
    reason = "".join(sign if sign.isprintable() else "?" for sign in text)
    return ImageError(f"{name} is damaged and cannot be read ({reason}). Try another file.")


@cache
def set_up_pillow() -> None:
    """Register the formats that Pillow needs a plugin for, once a process."""
    # A thumbnail inside a file need not show what the file shows.
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 4
    # MAX_PIXELS is checked first, with a text of our own.
    Image.MAX_IMAGE_PIXELS = None


def upright(image, orientation):
    """The image turned as its EXIF orientation, 1 to 8, says."""
    turn = QUEUE.get(orientation)
    return image if turn is None else image.transpose(turn)


def flat_rgb(image, least):
    """The RGB image without alpha; a very large one also smaller, though least pixels or more on each side."""
    width, height = image.size
    if width * height <= PIXELS_AT_ONCE:
        return _flat(image, _top(image))
    factor, top = max(1, min(image.size) // least), _top(image)
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    step = factor * max(1, PIXELS_AT_ONCE // 4 // (width * factor))
    for upper in range(0, height, step):
        band = _flat(image.crop((0, upper, width, min(upper + step, height))), top)
        small.paste(band.reduce(factor) if factor > 1 else band, (0, upper // factor))
    return small


def _flat(image, top):
    """What is transparent becomes white, as a shop's page would show it."""
    if top:
        return _from_deep(image, top)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image.convert("RGB"), mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def _top(image):
    """The white of gray images with more than 8 bits, which Pillow's own conversion clips at 255; 0 for others."""
    if image.mode.startswith("I;16"):
        return 65535.0
    if image.mode not in ("I", "F"):
        return 0.0
    brightest = np.nan_to_num(image.getextrema()[1])
    return 65535.0 if brightest > 255 else 255.0 if brightest > 1 or image.mode == "I" else 1.0


def _from_deep(image, top):
    gray = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=top, neginf=0)
    return Image.fromarray(np.clip(gray / top * 255, 0, 255).astype(np.uint8), "L").convert("RGB")
