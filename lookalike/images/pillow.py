"""Decode image bytes with Pillow: upright, sRGB, transparency on white, in little memory."""

import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial, reduce
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageChops, TiffImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from lookalike.errors import ImageError
from lookalike.images.color_profiles import are_known, convert_code_points, convert_gamma, convert_to_srgb, is_srgb
from lookalike.images.headers import (
    FORMATS,
    JPEG_END,
    MAX_UNENDED_DECODES,
    Header,
    check_size,
    damage_error,
    read_orientation,
    require_header,
)
from lookalike.images.rims import cut_rims

ToRGB: TypeAlias = Callable[[Image.Image], Image.Image]
"""From an image of any mode without transparency to an RGB image with sRGB's numbers."""

# Larger images are flattened and reduced band by band, so that memory never holds a second one of their size.
MAX_PIXELS_AT_ONCE = 16_000_000

# Bytes that stand for the rest of a JPEG without end mark: if they change a pixel, the picture itself is cut. They
# begin with a 1, for libjpeg goes on with zeros, and have no 0xFF, which begins a mark.
NOISE = bytes((0xB6 + 97 * at) % 255 for at in range(510))
# The same behind each of the marks from which a decoder may start anew.
NOISE += b"".join(bytes((0xFF, 0xD0 + number)) + NOISE for number in range(8))
# So many zeros at the end of such a JPEG may belong to its picture; of more, a disk may have padded it.
MAX_OWN_ZEROS = 2

# The key in an image's info that says whether its profile is sRGB's own.
SRGB_PROFILE = "srgb_profile"

# The key in an image's info that says that its numbers count darkness, which Pillow turns over for 8 bits only.
WHITE_IS_ZERO = "white_is_zero"

# Tags of TIFF.
BITS, PHOTOMETRIC, PLANES, SAMPLE_FORMAT = 258, 262, 284, 339

# Pillow's names for numbers in big-endian and in this machine's order.
NATIVE = {"F;32BF": "F;32NF", "I;16BS": "I;16NS", "I;32BS": "I;32NS"}

# What libtiff is often built without.
RARE_COMPRESSIONS = ("tiff_jpeg", "webp", "zstd", "lzma", "tiff_thunderscan", "tiff_sgilog", "tiff_sgilog24")

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


def decode_in_process(
    content: bytes, size: int, name: str, heed_profile: bool = False, header: Header | None = None
) -> Image.Image:
    """Decode bytes as decoding.decode does, in this process, however long it takes; raises ImageError.

    Only the sandbox heeds color profiles, for LittleCMS may crash; the info of its images has SRGB_PROFILE. header is
    the bytes' own, if the caller has read it: that takes a twentieth of the time that decoding takes.
    """
    set_up_pillow()
    header = header or require_header(content, name)
    try:
        decode_content = partial(_decode, header, size=size, name=name, heed_profile=heed_profile)
        if header.is_ended:
            upright = decode_content(header.content)
        else:
            upright = _decode_unended(decode_content, header.scans, header.content)
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        if header.kind == "TIFF" and _is_unusual_tiff(header.content):
            raise _unusual_tiff_error(name) from None
        raise damage_error(name, "its header makes no sense") from None
    except Exception as error:  # Pillow's decoders raise nearly every built-in exception on damage.
        raise damage_error(name, error) from None
    # Pillow would write a comment that it has read into whatever it saves.
    upright.info = {SRGB_PROFILE: True} if heed_profile and header.profile and is_srgb(header.profile) else {}
    return cut_rims(upright)


def _decode(header: Header, content: bytes, size: int, name: str, heed_profile: bool) -> Image.Image:
    """Return the upright sRGB image in a file's content; raises nearly anything on damage."""
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        check_size(image.size, name)
        image.draft("RGB", (2 * size, 2 * size))
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            _load_tiff(image, name)
        else:
            image.load()  # of an animation, the first frame alone
        check_size(image.size, name)
        if header.kind == "PNG" and "transparency" in image.info:
            depth = content[24]
            if image.mode == "RGB" and depth == 16:
                _apply_deep_key(image, content)
            elif image.mode == "L" and depth < 8:  # Pillow spreads the pixels over 8 bits, but not their key
                image.info["transparency"] = image.info["transparency"] * 255 // (2**depth - 1)
        flat = flatten(image, 4 * size, _color_conversion(header, image, heed_profile))
        if header.frame:
            flat = _on_white(flat, header.frame, image.size)
        # A HEIF's EXIF only informs (ISO/IEC 23008-12): its own turns, which libheif applies, are the ones to follow.
        orientation = max(header.orientation, read_orientation(image.info.get("exif") or b""))
    transposition = TRANSPOSITIONS.get(orientation)
    return flat if transposition is None else flat.transpose(transposition)


def _decode_unended(decode_content: Callable[[bytes], Image.Image], scans: int, content: bytes) -> Image.Image:
    """Return the picture of a JPEG that lacks its end mark; raises ValueError if it lacks more than that."""
    data = content.removesuffix(JPEG_END)
    picture = data.rstrip(b"\0")
    picture += b"\0" if picture.endswith(b"\xff") else b""  # which makes data of it
    zeros = max(0, len(data) - len(picture))

    def decode_whole(own_zeros: int) -> Image.Image | None:
        start = picture + bytes(own_zeros)
        image, noisy = decode_content(start + JPEG_END), decode_content(start + NOISE + JPEG_END)
        return image if image.tobytes() == noisy.tobytes() else None

    image = decode_whole(min(zeros, MAX_OWN_ZEROS))
    if image is None and zeros > MAX_OWN_ZEROS and scans <= MAX_UNENDED_DECODES:
        # In a single scan, a plain ground may be a long run of zeros. Then the picture needs nearly all of them.
        image = None if decode_whole(max(0, zeros - 4 * MAX_OWN_ZEROS)) else decode_whole(zeros)
    if image is None:
        raise ValueError("it ends too early")
    return image


def _color_conversion(header: Header, image: Image.Image, heed_profile: bool) -> ToRGB:
    """Return what makes sRGB of the opened image.

    Of several descriptions, these win: a PNG's code points over its profile over its gamma, a HEIF's profile.
    """
    profile = (header.profile or image.info.get("icc_profile") or b"") if heed_profile else b""
    code_points = header.code_points
    if code_points and (are_known(code_points) if header.kind == "PNG" else not profile):
        return lambda part: convert_code_points(part.convert("RGB"), code_points)
    if header.gamma and not header.profile:
        return lambda part: convert_gamma(part.convert("RGB"), header.gamma)
    return partial(convert_to_srgb, profile=profile)


def _load_tiff(image: TiffImagePlugin.TiffImageFile, name: str) -> None:
    """Load a TIFF, or raise the ImageError of a kind of TIFF that Pillow would read wrongly or not at all."""
    arguments = [tuple(tile.args or ()) for tile in image.tile]
    if image.tag_v2.get(PLANES) == 2:
        is_plain = image.mode in ("L", "P") and image.tag_v2.get(PHOTOMETRIC) != 0
        if len(image.getbands()) < 3 and not is_plain:
            raise _unusual_tiff_error(name)
        if image.tile[0].codec_name == "raw":
            # ";" is the plane after those that have a meaning.
            planes = [(tile, band, rest) for tile, (band, *rest) in zip(image.tile, arguments, strict=True)]
            planes = [plane for plane in planes if plane[1] != ";"]
            is_deep = max(image.tag_v2.get(BITS, (1,))) == 16
            if not {band for _, band, _ in planes} <= set(image.getbands()) or (is_deep and image.mode == "CMYK"):
                raise _unusual_tiff_error(name)
            # Pillow reads planes of 16 bits as 8 bits.
            depth = f";16{'L' if image.tag_v2.prefix == b'II' else 'B'}" if is_deep else ""
            image.tile = [tile._replace(args=(band + depth, *rest)) for tile, band, rest in planes]
    elif image.tile[0].codec_name == "libtiff":
        # It brings the bytes into this machine's order, which Pillow forgets for some kinds of numbers.
        image.tile = [
            tile._replace(args=(NATIVE.get(kind, kind), *rest))
            for tile, (kind, *rest) in zip(image.tile, arguments, strict=True)
        ]
    try:
        image.load()
    except OSError:
        if image.info.get("compression") in RARE_COMPRESSIONS:
            raise _unusual_tiff_error(name) from None
        raise


def _is_unusual_tiff(content: bytes) -> bool:
    """Return whether Pillow knows no way to read a TIFF that seems sound."""
    if content.startswith(b"MM\0+"):
        return True  # a BigTIFF that is big-endian, which Pillow takes for a small one
    try:
        TiffImagePlugin.TiffImageFile(io.BytesIO(content))
    except SyntaxError as error:
        # It did not find the kind of pixels, planes or compression in its tables.
        return isinstance(error.__cause__, LookupError)
    return False


def _unusual_tiff_error(name: str) -> ImageError:
    return ImageError(f"{name} is a kind of TIFF that cannot be read here. Save it as JPEG or PNG.")


def _apply_deep_key(image: Image.Image, content: bytes) -> None:
    """Turn an RGB PNG of 16 bits into RGBA, in which the pixels of exactly its transparent color are transparent."""
    key = image.info.pop("transparency")
    with Image.open(io.BytesIO(content), formats=("PNG",)) as low:
        low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]  # the bytes that Pillow leaves out
        low.load()
        hits = ImageChops.darker(
            _equal(image, [number >> 8 for number in key]), _equal(low, [number & 255 for number in key])
        )
    image.putalpha(ImageChops.invert(hits))


def _equal(image: Image.Image, color: Sequence[int]) -> Image.Image:
    """Return a mask that is 255 where an image has exactly that color, else 0."""
    masks = [
        band.point([255 * (value == wanted) for value in range(256)])
        for band, wanted in zip(image.split(), color, strict=True)
    ]
    return reduce(ImageChops.darker, masks)


def _on_white(flat: Image.Image, frame: tuple[int, int, int, int], canvas: tuple[int, int]) -> Image.Image:
    """Return the image with white outside of frame, which is in pixels of the canvas; the image may be reduced."""
    box = [edge * flat.size[at % 2] // canvas[at % 2] for at, edge in enumerate(frame)]
    shown = Image.new("RGB", flat.size, "white")
    shown.paste(flat.crop((box[0], box[1], box[2], box[3])), (box[0], box[1]))
    return shown


def flatten(image: Image.Image, min_side: int, to_rgb: ToRGB) -> Image.Image:
    """Return the image as RGB on white. A very large one is also reduced, but keeps min_side pixels a side."""
    width, height = image.size
    white = _white_level(image)
    if width * height <= MAX_PIXELS_AT_ONCE:
        return _flatten_band(image, white, to_rgb)
    factor = max(1, min(image.size) // min_side)
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    step = factor * max(1, MAX_PIXELS_AT_ONCE // 4 // (width * factor))
    for upper in range(0, height, step):
        band = _flatten_band(image.crop((0, upper, width, min(upper + step, height))), white, to_rgb)
        small.paste(band.reduce(factor) if factor > 1 else band, (0, upper // factor))
    return small


def _flatten_band(image: Image.Image, white: float, to_rgb: ToRGB) -> Image.Image:
    """Turn transparent pixels white, as a shop's page would show them."""
    if white:
        return to_rgb(_reduce_depth(image, white))
    if image.mode in ("RGBa", "La"):
        image = image.convert(image.mode.upper())
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        opaque = image.convert("L" if image.mode in ("LA", "L", "1") else "RGB")
        background = Image.new("RGB", image.size, "white")
        background.paste(to_rgb(opaque), mask=image.convert("RGBA").getchannel("A"))
        return background
    return to_rgb(image)


def _reduce_depth(image: Image.Image, white: float) -> Image.Image:
    """Return a gray image of more than 8 bits as one of 8 bits; its transparent color becomes white."""
    values = np.asarray(image)
    if white > 65535:
        values = values.view(np.uint32)  # Pillow knows signed numbers only
    gray = np.nan_to_num(values.astype(np.float32), posinf=white, neginf=0)
    if image.info.get(WHITE_IS_ZERO):
        gray = white - gray
    if "transparency" in image.info:
        gray[values == image.info["transparency"]] = white
    return Image.fromarray(np.clip(gray / white * 255 + 0.5, 0, 255).astype(np.uint8), "L")


def _white_level(image: Image.Image) -> float:
    """Return the white of a gray image with more than 8 bits, which Pillow would clip at 255; 0 for other images."""
    if image.mode.startswith("I;16"):
        if _tags(image).get(PHOTOMETRIC) == 0:
            image.info[WHITE_IS_ZERO] = True
        return 4095.0 if _tags(image).get(BITS) == (12,) else 65535.0
    if image.mode not in ("I", "F"):
        return 0.0
    darkest, brightest = np.nan_to_num(image.getextrema())
    if image.mode == "I" and (darkest < 0 or brightest > 65535) and _tags(image).get(SAMPLE_FORMAT, (1,)) == (1,):
        return 2.0**32 - 1
    return 65535.0 if brightest > 255 else 255.0 if brightest > 1 or image.mode == "I" else 1.0


def _tags(image: Image.Image) -> Mapping[int, Any]:
    """Return the tags of a TIFF, none for other images."""
    return image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
