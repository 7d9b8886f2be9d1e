"""Any kind of Pillow image → upright, RGB on white, in little memory."""

import numpy as np
from PIL import Image

# Larger images are made RGB and smaller band by band, so that no second one of their size is ever in memory.
PIXELS_AT_ONCE = 16_000_000
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image, orientation):
    """The image turned as its EXIF orientation, 1 to 8, says."""
    turn = TURNS.get(orientation)
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
