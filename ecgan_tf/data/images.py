"""Reading photographs and label files that may be broken, oversized or something else altogether."""

from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from ecgan_tf.errors import RequestError

MAX_PIXELS = 64 * 1024 * 1024
PHOTOGRAPH_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
PHOTOGRAPH_MODES = ("L", "RGB", "P", "CMYK", "YCbCr")
LABEL_FORMATS = ("PNG",)
OTHER_SUFFIXES = (".tif", ".tiff", ".bmp", ".gif", ".webp")  # in which label maps may lie where a PNG is wanted
GREYS = {1: 1, 2: 85, 4: 17, 8: 1, 16: 1}  # by what Pillow multiplies greys of so many bits, so that white is 255
BAND, SMALL = 128 * 1024, 512 * 1024  # pixels that are looked at at a time; and that are all looked at at once
LABEL_MODES = ("L", "P", "I", "I;16", "I;16B", "RGB")  # "1" is left out: is its white 1, or 255?


class UnreadableError(RequestError):
    """The file is broken, too large, or of a format or mode that is not read."""

    kind = "files that cannot be read"


def read_photograph(path):
    """Reads a photograph, turned upright as its EXIF data says.

    Returns:
        uint8 (height, width, 3), RGB; not to be written to.
    """
    picture = _open(path, PHOTOGRAPH_FORMATS)
    if _is_transparent(picture):
        raise UnreadableError(f"{path}: the photograph has an alpha channel; save it without transparency.")
    if picture.mode not in PHOTOGRAPH_MODES:
        raise UnreadableError(f"{path}: a photograph of mode {picture.mode!r}; save it as 8-bit RGB.")
    return _decode(path, picture, lambda: _upright_rgb(picture))


def _upright_rgb(picture):
    """The pixels, which Pillow would copy at each step, needed or not."""
    picture.load()  # some formats have their EXIF data at the end
    if picture.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


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
        kind = f"of mode {picture.mode!r}"
        if "A" in picture.mode:
            kind = "with an alpha channel"
        elif picture.mode == "1":
            kind = "of 1 bit (mode '1'), whose white may be 1 or 255"
        raise UnreadableError(
            f"{path}: a label file {kind}; save label maps as 8-bit or 16-bit greyscale PNG, one id a pixel."
        )
    depth = _depth(path)
    if picture.mode == "RGB" and depth != 8:
        raise UnreadableError(
            f"{path}: a label file of {depth}-bit RGB; save it as 8-bit RGB of the class colours, or as greyscale PNG, "
            "one id a pixel."
        )
    scale = GREYS[depth] if picture.mode == "L" else 1
    return _decode(path, picture, lambda: (_values(picture, scale), _palette(picture)))


def _values(picture, scale):
    """The pixels, some rows at a time: Pillow would hold them three times over while it makes an array of them.

    Args:
        scale: by what Pillow has multiplied the values.
    """
    picture.load()
    width, height = picture.size
    if width * height <= SMALL:
        values = np.asarray(picture)
        return values // scale if scale > 1 else values
    values, rows = None, max(1, BAND // width)
    for top in range(0, height, rows):
        band = np.asarray(picture.crop((0, top, width, min(top + rows, height))))
        if values is None:
            values = np.empty((height, *band.shape[1:]), band.dtype)
        values[top : top + rows] = band // scale if scale > 1 else band
    return values


def of_another_format(folder):
    """Words on the first picture of a folder that lies where a PNG is wanted, or ""."""
    names = sorted(path.name for path in Path(folder).iterdir() if path.suffix.lower() in OTHER_SUFFIXES)
    return f"found {names[0]}: save it as PNG" if names else ""


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


def _depth(path):
    """The bits of a value, of a PNG's header; one whose header does not come first is none that a program wrote."""
    with open(path, "rb") as file:
        start = file.read(26)
    if start[12:16] != b"IHDR" or start[24] not in GREYS:
        raise UnreadableError(f"{path}: not a PNG image, or a broken one; save it as PNG.")
    return start[24]


def _open(path, formats):
    """Reads the header, and refuses what should not be decoded."""
    if not Path(path).is_file():
        raise UnreadableError(f"{path}: no such file.")
    try:
        picture = Image.open(path, formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    except PermissionError as error:
        raise UnreadableError(f"{path}: no permission to read this file; change its access rights.") from error
    except Exception as error:  # a broken header leads Pillow's plug-ins to any exception
        raise UnreadableError(
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
            return convert()
    except Exception as error:  # as above; Pillow names the trouble: truncated, broken data stream ...
        raise UnreadableError(f"{path}: the image cannot be decoded ({error}); copy or export it again.") from error


def _too_large(path):
    return UnreadableError(f"{path}: more than {MAX_PIXELS // 1024**2} megapixels; scale the image down first.")
