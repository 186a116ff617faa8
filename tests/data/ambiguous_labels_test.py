"""Label files that could be meant in two ways, or are meant in another than they are read: refused, with what to do."""

import json
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data.classes import ClassList, load_class_list
from ecgan_tf.data.label_maps import labels_from_file
from ecgan_tf.errors import RequestError

COLORS = np.uint8([[200, 40, 30], [30, 180, 60], [20, 60, 220]])
IDS = np.uint8([[0, 1, 2], [2, 1, 0]])


@pytest.fixture
def classes():
    return ClassList(("sky", "tree", "road"), COLORS, unknown_label=255)


def palette_file(path, indices, palette):
    picture = Image.fromarray(np.uint8(indices), "P")
    picture.putpalette(np.uint8(palette).ravel().tolist())
    picture.save(path)
    return path


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_few_bits_of_grey_are_the_values_that_are_stored(bits, classes, tmp_path):
    """Written by hand: Pillow writes no greyscale of 2 or 4 bits, GIMP and PNG optimisers do."""
    import struct
    import zlib

    rows = [[0, 1, 2, 1], [2, 2, 0, 0]]
    packed = b""
    for row in rows:
        number = 0
        for value in row:
            number = number << bits | value
        packed += b"\0" + number.to_bytes(-(-4 * bits // 8), "big")

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 4, 2, bits, 0, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(labels_from_file(path, classes), rows)


def test_a_palette_of_any_colours_is_read_by_index(classes, tmp_path):
    path = palette_file(tmp_path / "a.png", IDS, [[9, 9, 9], [8, 8, 8], [7, 7, 7]])
    np.testing.assert_array_equal(labels_from_file(path, classes), IDS)


def test_a_palette_of_the_classes_colours_in_order_is_read_by_index(classes, tmp_path):
    path = palette_file(tmp_path / "a.png", IDS, COLORS)
    np.testing.assert_array_equal(labels_from_file(path, classes), IDS)


def test_a_palette_whose_indices_are_no_classes_is_read_by_its_colours(classes, tmp_path):
    palette = np.zeros((8, 3), np.uint8)
    palette[[5, 6, 7]] = COLORS
    path = palette_file(tmp_path / "a.png", IDS + 5, palette)
    np.testing.assert_array_equal(labels_from_file(path, classes), IDS)


@pytest.mark.parametrize("palette", [COLORS[[1, 0, 2]], [[9, 9, 9], COLORS[2], [7, 7, 7]]], ids=["all", "one"])
def test_a_palette_that_says_something_else_than_its_indices_is_refused(palette, classes, tmp_path):
    path = palette_file(tmp_path / "a.png", IDS, palette)
    with pytest.raises(
        RequestError, match=r"in two ways: index \d is '\w+', but its colour .* is that of '\w+'. Save it"
    ):
        labels_from_file(path, classes)


def test_black_in_a_palette_is_no_evidence_for_unknown(classes, tmp_path):
    path = palette_file(tmp_path / "a.png", IDS, [[0, 0, 0], [128, 0, 0], [0, 128, 0]])
    np.testing.assert_array_equal(labels_from_file(path, classes), IDS)


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (np.repeat(IDS[..., None], 3, -1), "ids saved as red = green = blue"),
        (np.uint8(np.random.default_rng(0).integers(1, 255, (8, 8, 3))), "without anti-aliasing"),
        (np.uint8([[0, 255], [255, 0]]), "mask of one class"),
        (np.uint8([[[1, 2, 3]]]), "Add them to classes.json"),
    ],
    ids=["grey RGB", "blended", "mask", "foreign"],
)
def test_each_common_cause_has_its_own_remedy(array, remedy, tmp_path):
    Image.fromarray(array).save(tmp_path / "a.png")
    with pytest.raises(RequestError, match=remedy):
        labels_from_file(tmp_path / "a.png", ClassList(("sky", "tree", "road"), COLORS))


def test_a_jpeg_named_png_is_called_one(classes, tmp_path):
    Image.fromarray(IDS).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(RequestError, match="a JPEG file whose name ends in .png, not a PNG image"):
        labels_from_file(tmp_path / "a.png", classes)


def test_memory_follows_the_pixels_and_no_more(classes, tmp_path):
    Image.fromarray(np.broadcast_to(COLORS[1], (2048, 2048, 3)).copy()).save(tmp_path / "a.png")
    tracemalloc.start()
    labels = labels_from_file(tmp_path / "a.png", classes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (labels == 1).all()
    assert peak < 80e6  # 12.6 MB of colours, 16.8 MB of labels, and a band's work; before, 170 MB


def test_a_class_without_a_colour_gets_one_that_no_other_has(tmp_path):
    invented = (128, 0, 0)  # what the first class would have got
    entries = [{"id": 0, "name": "a"}, {"id": 1, "name": "b", "color": list(invented)}, {"id": 2, "name": "c"}]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": entries}))
    colors = set(map(tuple, load_class_list(tmp_path / "classes.json").palette.tolist()))
    assert len(colors) == 3 and (0, 0, 0) not in colors


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + b'{"classes": [{"id": 0, "name": "a"}]}',
                                     b'{"classes": [{"id": 0, "name": "\\ud800"}]}'])  # fmt: skip
def test_a_mark_at_the_start_and_half_a_character_do_no_harm(content, tmp_path):
    (tmp_path / "classes.json").write_bytes(content)
    assert load_class_list(tmp_path / "classes.json").names[0].encode("utf-8")


def test_a_list_of_classes_that_is_nested_too_deep_is_one_line(tmp_path):
    (tmp_path / "classes.json").write_text("[" * 100_000)
    with pytest.raises(RequestError, match="nested too deep"):
        load_class_list(tmp_path / "classes.json")


PALETTES = {
    "any colours": (IDS, [[9, 9, 9], [8, 8, 8], [7, 7, 7]]),
    "in order": (IDS, COLORS),
    "other order": (IDS, COLORS[[1, 0, 2]]),
    "one of another": (IDS, [[9, 9, 9], COLORS[2], [7, 7, 7]]),
    "by colour": (IDS + 5, [*[[0, 0, 0]] * 5, *COLORS]),
    "neither": (IDS + 5, [[9, 9, 9]] * 8),
    "grey": (IDS, None),
    "a foreign grey": (IDS + 9, None),
}


@pytest.mark.parametrize("name", PALETTES)
def test_the_device_script_reads_by_the_same_rule(name, classes, tmp_path):
    """It is one file that is copied to devices, so it has a copy of the rule."""
    from export import on_device

    indices, palette = PALETTES[name]
    path = tmp_path / "a.png"
    if palette is None:
        Image.fromarray(indices).save(path)
    else:
        palette_file(path, indices, palette)
    described = classes.to_dict()
    try:
        expected = labels_from_file(path, classes)
    except RequestError:
        expected = None
    try:
        found = on_device.table_of_ids(described)[on_device.read_label_map(path, described)]
        found = None if found.min() < 0 else found  # which `Model.read` refuses
    except on_device.RequestError:
        found = None
    assert (found is None) == (expected is None)
    if found is not None:
        np.testing.assert_array_equal(found, expected)


def test_validate_lists_every_kind_of_error(tmp_path, capsys):
    from ecgan_tf.config import base_config
    from ecgan_tf.data.validate import validate

    for part in ("train", "val"):
        for kind, array in (("images", np.zeros((4, 4, 3), np.uint8)), ("labels", np.zeros((4, 4), np.uint8))):
            (tmp_path / part / kind).mkdir(parents=True)
            for name in "abcd":
                Image.fromarray(array).save(tmp_path / part / kind / f"{name}.png")
    train = tmp_path / "train"
    (train / "labels" / "a.png").rename(train / "labels" / "a.tif")
    (train / "images" / "b.png").unlink()
    (train / "images" / "c.png").write_bytes(b"nothing")
    Image.fromarray(np.full((4, 4), 7, np.uint8)).save(train / "labels" / "d.png")
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(tmp_path / "val" / "labels" / "a.png")
    (tmp_path / "classes.json").write_text('{"classes": [{"id": 0, "name": "sky"}]}')
    data = base_config("spade").data
    data.name, data.dir = "folder", str(tmp_path)
    errors = " | ".join(validate(data))
    for part in ("a.png: no label map", "a.tif: save it as PNG", "b.png: a label map without a photograph",
                 "c.png: ", "label id 7", "is 4x4 pixels but"):  # fmt: skip
        assert part in errors, errors
