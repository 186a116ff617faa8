"""Reading photographs and label files that may be broken, oversized or something else altogether."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ecgan_tf.errors import RequestError

MAX_PIXELS = 64 * 1024 * 1024
PHOTOGRAPH_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
PHOTOGRAPH_MODES = ("L", "RGB", "P", "CMYK", "YCbCr")
LABEL_FORMATS = ("PNG",)
LABEL_MODES = ("L", "P", "I", "I;16", "I;16B", "RGB")  # "1" is left out: is its white 1, or 255?


def read_photograph(path):
    """Reads a photograph, turned upright as its EXIF data says.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    picture = _open(path, PHOTOGRAPH_FORMATS)
    if _is_transparent(picture):
        raise RequestError(f"{path}: the photograph has an alpha channel; save it without transparency.")
    if picture.mode not in PHOTOGRAPH_MODES:
        raise RequestError(f"{path}: a photograph of mode {picture.mode!r}; save it as 8-bit RGB.")
    return _decode(path, picture, lambda: ImageOps.exif_transpose(picture).convert("RGB"))


def read_label_file(path):
    """Reads the values of a label file as they are stored.

    Returns:
        Integers (height, width): the grey values of 2 to 16 bits, or the indices of a palette file. Or
        uint8 (height, width, 3): the colours of an RGB file.
    """
    return read_label_image(path)[0]


def read_label_image(path):
    """The values of a label file, as `read_label_file` gives them, and its palette.

    Returns:
        values; and uint8 (colours, 3), RGB, of a palette file, else None.
    """
    picture = _open(path, LABEL_FORMATS)
    if picture.mode not in LABEL_MODES:
        kind = "with an alpha channel" if "A" in picture.mode else f"of mode {picture.mode!r}"
        raise RequestError(
            f"{path}: a label file {kind}; save label maps as 8-bit or 16-bit greyscale PNG, one id a pixel."
        )
    palettes = []

    def values_and_palette():
        picture.load()
        palettes.append(_palette(picture))
        return picture

    values = _decode(path, picture, values_and_palette)
    return (values // _scale_of_greys(path) if picture.mode == "L" else values), palettes[0]


def _is_transparent(picture):
    """Whether there is an alpha channel; of a broken header, over which Pillow stumbles, the decoder will say more."""
    try:
        return picture.has_transparency_data
    except Exception:
        return False


def _palette(picture):
    """RGB of each index; a palette that is no RGB is none that anybody reads."""
    try:
        colours = picture.getpalette("RGB") if picture.mode == "P" else None
    except ValueError:
        colours = None
    return None if not colours else np.array(colours, np.uint8).reshape(-1, 3)


def _scale_of_greys(path):
    """By what Pillow has multiplied the values of a greyscale PNG: 85 of 2 bits, 17 of 4, so that white is 255."""
    with open(path, "rb") as file:
        depth = file.read(25)[24]
    return {2: 85, 4: 17}.get(depth, 1)


def _open(path, formats):
    """Reads the header, and refuses what should not be decoded."""
    if not Path(path).is_file():
        raise RequestError(f"{path}: no such file.")
    try:
        picture = Image.open(path, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    except PermissionError as error:
        raise RequestError(f"{path}: no permission to read this file; change its access rights.") from error
    except Exception as error:  # a broken header leads Pillow's plug-ins to any exception
        raise RequestError(
            f"{path}: {_what_it_is(path, formats)}not a {'/'.join(formats)} image, or a broken one; save it as "
            f"{formats[0]}."
        ) from error
    if picture.width * picture.height > MAX_PIXELS:
        picture.close()
        raise _too_large(path)
    return picture


def _what_it_is(path, formats):
    """Words on a file of another format than its name says."""
    try:
        with Image.open(path) as picture:
            return (
                f"a {picture.format} file whose name ends in {Path(path).suffix}, "
                if picture.format not in formats
                else ""
            )
    except Exception:  # nothing that Pillow knows
        return ""


def _decode(path, picture, convert):
    try:
        with picture:
            return np.array(convert())
    except Exception as error:  # as above; Pillow names the trouble: truncated, broken data stream ...
        raise RequestError(f"{path}: the image cannot be decoded ({error}); copy or export it again.") from error


def _too_large(path):
    return RequestError(f"{path}: more than {MAX_PIXELS // 1024**2} megapixels; scale the image down first.")
