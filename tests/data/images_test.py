import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.errors import RequestError


def png_header(width, height):
    """A valid start of a PNG of any size, with too few pixels behind it."""
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"IDAT" + zlib.compress(bytes(9))]
    framed = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.fixture
def photograph(rng):
    return rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff"])
def test_photographs_come_back_as_they_were(tmp_path, save, photograph, suffix):
    np.testing.assert_array_equal(read_photograph(save(tmp_path / f"a.{suffix}", photograph)), photograph)


def test_a_grey_photograph_becomes_rgb(tmp_path, save, photograph):
    gray = photograph[..., 0]
    np.testing.assert_array_equal(read_photograph(save(tmp_path / "a.png", gray)), np.dstack([gray] * 3))


def test_photographs_are_turned_upright(tmp_path, save, photograph):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    upright = read_photograph(save(tmp_path / "a.png", photograph, exif=exif))
    np.testing.assert_array_equal(upright, np.rot90(photograph, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_label_files_keep_their_values(tmp_path, save, rng, dtype):
    values = rng.integers(0, np.iinfo(dtype).max + 1, (9, 7)).astype(dtype)
    np.testing.assert_array_equal(read_label_file(save(tmp_path / "a.png", values)), values)


def test_palette_label_files_give_their_indices(tmp_path, rng):
    values = rng.integers(0, 5, (9, 7), dtype=np.uint8)
    picture = Image.fromarray(values).convert("P")
    picture.putdata(values.ravel().tolist())
    picture.putpalette(list(range(0, 240, 16)))
    picture.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(read_label_file(tmp_path / "a.png"), values)


def broken_files():
    """Name, how to write it, and what the message says; for photographs and label files alike."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 40), dtype=np.uint8)

    def truncated(path):
        Image.fromarray(noise).save(path, format="PNG")
        path.write_bytes(path.read_bytes()[:-700])

    def gif(path):
        Image.fromarray(noise).save(path, format="GIF")

    def with_alpha(path):
        Image.fromarray(np.dstack([noise] * 4)).save(path, format="PNG")

    def grey_with_alpha(path):
        Image.fromarray(np.dstack([noise] * 2)).save(path, format="PNG")

    def one_bit(path):
        Image.fromarray(noise > 128).save(path, format="PNG")

    return {
        "missing": (lambda path: None, "no such file"),
        "folder": (lambda path: path.mkdir(), "no such file"),
        "empty": (lambda path: path.write_bytes(b""), "not a .*PNG.* image"),
        "text": (lambda path: path.write_text("hello"), "not a .*PNG.* image"),
        "gif": (gif, "not a .*PNG.* image"),
        "truncated": (truncated, "cannot be decoded .*truncated"),
        "large": (lambda path: path.write_bytes(png_header(9000, 9000)), "64 megapixels"),
        "bomb": (lambda path: path.write_bytes(png_header(2**30, 2**30)), "64 megapixels"),
        "alpha": (with_alpha, "alpha channel"),
        "grey with alpha": (grey_with_alpha, "alpha channel"),
        "1 bit": (one_bit, "mode '1'"),
    }


@pytest.mark.parametrize("read", [read_photograph, read_label_file])
@pytest.mark.parametrize("name", sorted(broken_files()))
def test_a_broken_file_is_a_request_error_that_names_it(tmp_path, read, name):
    write, message = broken_files()[name]
    path = tmp_path / "broken.png"
    write(path)
    with pytest.raises(RequestError, match=message) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_truncated_jpeg_photograph(tmp_path, save, photograph):
    path = save(tmp_path / "a.jpg", photograph)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(RequestError, match="truncated"):
        read_photograph(path)


def test_a_jpeg_is_no_label_file(tmp_path, save, photograph):
    save(tmp_path / "a.png", photograph, format="JPEG")
    with pytest.raises(RequestError, match="not a PNG image"):
        read_label_file(tmp_path / "a.png")


def test_a_16_bit_photograph_is_refused(tmp_path, save):
    with pytest.raises(RequestError, match="8-bit RGB"):
        read_photograph(save(tmp_path / "a.png", np.zeros((4, 4), np.uint16)))
