"""Label files that could be meant in two ways, or are meant in another than they are read: refused, with what to do."""

import json
import pathlib
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.config import base_config
from ecgan_tf.data.classes import ClassList, load_class_list
from ecgan_tf.data.label_maps import labels_from_file
from ecgan_tf.data.validate import described, find_mistakes, validate
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


def grey_png(rows, bits, kind=0):
    """Written by hand: Pillow writes no greyscale of 2 or 4 bits, GIMP and PNG optimisers do; nor RGB of 16 bits."""
    packed = b""
    for row in rows:
        number = 0
        for value in row:
            number = number << bits | value
        packed += b"\0" + number.to_bytes(-(-len(row) * bits // 8), "big")

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    channels = {0: 1, 2: 3}[kind]
    header = struct.pack(">IIBBBBB", len(rows[0]) // channels, len(rows), bits, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(packed)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_few_bits_of_grey_are_the_values_that_are_stored(bits, classes, tmp_path):
    rows = [[0, 1, 2, 1], [2, 2, 0, 0]]
    path = tmp_path / "a.png"
    path.write_bytes(grey_png(rows, bits))
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


def test_an_index_beyond_the_palette_has_no_colour(classes, tmp_path):
    """It is read by index, if it is a class; else nothing says what it means."""
    palette = [[9, 9, 9]] * 5
    beyond = palette_file(tmp_path / "a.png", np.uint8([[5, 6, 7, 9]]), [*palette, *COLORS])
    with pytest.raises(RequestError, match="in two ways: index 5 is no class, but its colour .* is that of 'sky'"):
        labels_from_file(beyond, classes)


def test_the_colour_of_a_class_where_pixels_are_unlabelled_is_refused(classes, tmp_path):
    path = palette_file(tmp_path / "a.png", np.uint8([[0, 255]]), [*COLORS, *[[9, 9, 9]] * 252, COLORS[0]])
    with pytest.raises(RequestError, match="index 255 is unlabelled, but its colour .* is that of 'sky'"):
        labels_from_file(path, classes)


def test_a_colour_that_classes_share_counts_as_any_of_them(tmp_path):
    """As in Cityscapes: the index decides, as long as it is one of those."""
    shared = ClassList(("road", "car", "plate"), np.uint8([[128, 64, 128], [0, 0, 142], [0, 0, 142]]))
    path = palette_file(tmp_path / "a.png", IDS, shared.palette)
    np.testing.assert_array_equal(labels_from_file(path, shared), IDS)
    path = palette_file(tmp_path / "a.png", IDS + 5, [*[[9, 9, 9]] * 5, *shared.palette])
    np.testing.assert_array_equal(labels_from_file(path, shared), np.minimum(IDS, 1))


def test_rgb_of_16_bits_is_refused(classes, tmp_path):
    """Pillow keeps the upper half of each value: ids would all be black."""
    (tmp_path / "a.png").write_bytes(grey_png([[1, 1, 1, 2, 2, 2]], 16, kind=2))
    with pytest.raises(RequestError, match="16-bit RGB; save it as 8-bit RGB of the class colours, or as greyscale"):
        labels_from_file(tmp_path / "a.png", classes)


def test_one_bit_is_refused_with_its_reason(classes, tmp_path):
    Image.fromarray(IDS > 0).save(tmp_path / "a.png")
    with pytest.raises(RequestError, match="whose white may be 1 or 255; save label maps as 8-bit or 16-bit greyscale"):
        labels_from_file(tmp_path / "a.png", classes)


WAY = np.float32([0, 0.25, 0.5, 0.75, 1])[:, None]


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (np.repeat(IDS[..., None], 3, -1), "ids saved as red = green = blue"),
        (np.uint8(np.random.default_rng(0).integers(1, 255, (8, 8, 3))), "without anti-aliasing"),
        (np.uint8([COLORS[0] * (1 - WAY) + COLORS[1] * WAY]), "blended borders: .* without anti-aliasing"),
        (np.uint8([[0, 255], [255, 0]]), "mask of one class"),
        (np.uint8([[[0] * 3, [255] * 3]]), "mask of one class"),
        (np.uint8([[[1, 2, 3]]]), "Add them to classes.json"),
        (np.uint8([[[1, 2, 3], [99, 9, 200]]]), "Add them to classes.json"),
    ],
    ids=["grey RGB", "blended", "one blended border", "mask", "mask in RGB", "foreign", "two foreign"],
)
def test_each_common_cause_has_its_own_remedy(array, remedy, tmp_path):
    Image.fromarray(array).save(tmp_path / "a.png")
    with pytest.raises(RequestError, match=remedy):
        labels_from_file(tmp_path / "a.png", ClassList(("sky", "tree", "road"), COLORS))


def test_a_jpeg_named_png_is_called_one(classes, tmp_path):
    Image.fromarray(IDS).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(RequestError, match="a JPEG file whose name ends in .png, not a PNG image"):
        labels_from_file(tmp_path / "a.png", classes)


def test_ids_in_rgb_that_know_unlabelled_pixels_are_ids(classes, tmp_path):
    Image.fromarray(np.repeat(np.uint8([[0, 1, 255]])[..., None], 3, -1)).save(tmp_path / "a.png")
    with pytest.raises(RequestError, match="ids saved as red = green = blue"):
        labels_from_file(tmp_path / "a.png", classes)


SIDE = 2048
LARGE = {
    "RGB": lambda ids: Image.fromarray(COLORS[ids]),
    "8-bit grey": Image.fromarray,
    "16-bit grey": lambda ids: Image.fromarray(ids.astype(np.uint16)),
    "palette by colour": lambda ids: Image.fromarray(ids + 5, "P"),
}


@pytest.mark.parametrize("kind", LARGE)
def test_memory_follows_the_pixels_and_no_more(kind, classes, tmp_path):
    """At most 12 bytes a pixel, four times what RGB is decoded; the labels that are given back take 4 of them.

    Before, RGB took 40 bytes a pixel, 2.6 GB for a file of 196 KB.
    """
    ids = np.zeros((SIDE, SIDE), np.uint8)
    ids[SIDE // 2 :] = 2
    picture = LARGE[kind](ids)
    if picture.mode == "P":
        picture.putpalette([9] * 15 + COLORS.ravel().tolist())
    picture.save(tmp_path / "a.png")
    tracemalloc.start()
    before = resident(anew=True)
    labels = labels_from_file(tmp_path / "a.png", classes)
    peak, grown = tracemalloc.get_traced_memory()[1], resident() - before
    tracemalloc.stop()
    np.testing.assert_array_equal(labels, ids)
    assert max(peak, grown) < 12 * SIDE**2


def resident(anew=False):
    """The most bytes that the process had, since it was asked `anew`; 0 where the machine does not tell."""
    try:
        if anew:  # Pillow's memory is none of Python's, which is all that tracemalloc sees
            pathlib.Path("/proc/self/clear_refs").write_text("5")
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


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


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"classes": [{"id": 0, "name": ["a"]}]}', "name .* is no text"),
        ('{"classes": {"id": 0}}', "list of objects"),
        ('{"classes": [[0, "a"]]}', "list of objects"),
        ('{"classes": [{"id": 0, "name": "a", "color": ' + "[" * 900 + "]" * 900 + "}]}", "nested too deep"),
        ('{"classes": [{"id": 0, "name": "a", "color": "' + "x" * 9999 + '"}]}', "three integers"),
    ],
    ids=["name", "object", "list", "deep", "long"],
)
def test_lists_where_objects_should_be_are_one_short_line(content, problem, tmp_path):
    (tmp_path / "classes.json").write_text(content)
    with pytest.raises(RequestError, match=problem) as error:
        load_class_list(tmp_path / "classes.json")
    assert len(str(error.value)) < 500 and str(error.value).count("classes.json") == 1


# ---- the copy of the rule


def saved(array, mode=None, **options):
    return lambda path: Image.fromarray(array, mode).save(path, format="PNG", **options)


def with_palette(indices, palette):
    return lambda path: palette_file(path, indices, palette)


CORPUS = {
    "any colours": with_palette(IDS, [[9, 9, 9], [8, 8, 8], [7, 7, 7]]),
    "in order": with_palette(IDS, COLORS),
    "other order": with_palette(IDS, COLORS[[1, 0, 2]]),
    "one of another": with_palette(IDS, [[9, 9, 9], COLORS[2], [7, 7, 7]]),
    "by colour": with_palette(IDS + 5, [*[[0, 0, 0]] * 5, *COLORS]),
    "neither": with_palette(IDS + 5, [[9, 9, 9]] * 8),
    "by colour with black": with_palette([[0, 1, 2, 3]], [[0, 0, 0], *COLORS]),
    "an index beyond": with_palette([[5, 6, 7, 9]], [*[[9, 9, 9]] * 5, *COLORS]),
    "a class's colour where unlabelled": with_palette([[0, 255]], [*COLORS, *[[9, 9, 9]] * 252, COLORS[0]]),
    "unlabelled": with_palette([[0, 255]], [*COLORS, *[[9, 9, 9]] * 252, [0, 0, 0]]),
    "grey": saved(IDS),
    "grey with unlabelled": saved(np.uint8([[0, 255]])),
    "a foreign grey": saved(IDS + 9),
    "a foreign grey of one pixel": saved(np.pad(np.uint8([[77]]), 40)),
    "16-bit grey": saved(IDS.astype(np.uint16)),
    "a foreign 16-bit grey": saved(np.uint16([[0, 256]])),
    "2-bit grey": lambda path: path.write_bytes(grey_png(IDS.tolist(), 2)),
    "4-bit grey": lambda path: path.write_bytes(grey_png(IDS.tolist(), 4)),
    "a foreign 4-bit grey": lambda path: path.write_bytes(grey_png([[0, 15]], 4)),
    "1-bit grey": saved(IDS > 0),
    "RGB": saved(COLORS[IDS]),
    "RGB with black": saved(np.uint8([[COLORS[1], [0, 0, 0]]])),
    "RGB of another colour": saved(np.uint8([[COLORS[1], [1, 2, 3]]])),
    "RGB of ids": saved(np.repeat(IDS[..., None], 3, -1)),
    "16-bit RGB": lambda path: path.write_bytes(grey_png([[1, 1, 1, 2, 2, 2]], 16, kind=2)),
    "RGBA": saved(np.dstack([COLORS[IDS], IDS])),
    "grey with alpha": saved(np.dstack([IDS, IDS])),
    "a JPEG named .png": lambda path: Image.fromarray(IDS).save(path, format="JPEG"),
    "a TIFF named .png": lambda path: Image.fromarray(IDS).save(path, format="TIFF"),
    "nothing": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"no picture"),
    "more than 64 megapixels": saved(np.zeros((8193, 8193), np.uint8)),
}


@pytest.mark.parametrize("name", CORPUS)
def test_the_device_script_reads_by_the_same_rule(name, classes, tmp_path):
    """It is one file that is copied to devices, so it has a copy of the rule."""
    from export import on_device

    path, described = tmp_path / "a.png", classes.to_dict()
    CORPUS[name](path)
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


def test_the_device_script_calls_a_jpeg_one(classes, tmp_path):
    from export import on_device

    CORPUS["a JPEG named .png"](tmp_path / "a.png")
    with pytest.raises(on_device.RequestError, match=r"a.png is not a label map \(a JPEG file; save it as PNG\)"):
        on_device.read_label_map(tmp_path / "a.png", classes.to_dict())


def test_label_maps_of_another_format_are_found_by_every_command(tmp_path):
    from ecgan_tf.data.label_maps import list_label_maps
    from export.on_device import label_maps

    Image.fromarray(IDS).save(tmp_path / "b.tif")
    for find in (list_label_maps, label_maps):
        with pytest.raises(ValueError, match="the folder has no .png; found b.tif: save it as PNG"):
            find(str(tmp_path))


# ---- a whole data set


@pytest.fixture
def data_set(tmp_path):
    """Eight examples in each split, and its config."""
    for part in ("train", "val"):
        for kind, array in (("images", np.zeros((4, 4, 3), np.uint8)), ("labels", np.zeros((4, 4), np.uint8))):
            (tmp_path / part / kind).mkdir(parents=True)
            for name in "abcdefgh":
                Image.fromarray(array).save(tmp_path / part / kind / f"{name}.png")
    (tmp_path / "classes.json").write_text('{"classes": [{"id": 0, "name": "sky"}]}')
    data = base_config("spade").data
    data.name, data.dir = "folder", str(tmp_path)
    return tmp_path, data


def spoil(root):
    """One mistake of each kind and more."""
    train = root / "train"
    (train / "labels" / "a.png").rename(train / "labels" / "a.tif")
    (train / "images" / "b.png").unlink()
    (train / "images" / "c.png").write_bytes(b"nothing")
    for name in "cdefg":
        Image.fromarray(np.full((4, 4), 7, np.uint8)).save(train / "labels" / f"{name}.png")
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(root / "val" / "labels" / "a.png")
    Image.fromarray(np.full((4, 3), 9, np.uint8)).save(root / "val" / "labels" / "b.png")


def test_validate_lists_every_kind_of_error(data_set):
    root, data = data_set
    spoil(root)
    errors = " | ".join(validate(data))
    for part in ("a.png: no label map", "a.tif: save it as PNG", "b.png: a label map without a photograph",
                 "c.png: ", "label id 7", "is 4x4 pixels but"):  # fmt: skip
        assert part in errors, errors


def test_the_mistakes_are_grouped_and_counted(data_set):
    """A file that is wrong in one way is still looked at for the others: c's photograph is broken, its labels, too."""
    root, data = data_set
    spoil(root)
    mistakes = find_mistakes(data)
    assert {kind: len(found) for kind, found in mistakes.items()} == {
        "photographs that lack a file": 1,
        "files that belong to no photograph": 1,
        "files that cannot be read": 1,
        "label maps whose values or colours are not the classes'": 6,
        "files whose sizes differ": 1,
    }
    lines = list(described(mistakes, most=2))
    assert len(lines) == 1 + 1 + 1 + 3 + 1
    assert lines[5] == "... and 4 more label maps whose values or colours are not the classes'"


def test_the_command_tells_the_first_of_each_kind_and_how_many(data_set):
    root, data = data_set
    spoil(root)
    command = [sys.executable, "-m", "ecgan_tf", "validate", "--data.name=folder", f"--data.dir={root}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    told = [line for line in result.stderr.splitlines() if line.startswith(("error: ", "Errors "))]
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "error: ... and 1 more label maps whose values or colours are not the classes'" in told
    assert told[-1].startswith("Errors found: 10 (1 photographs that lack a file; 1 files that belong to no")


def test_a_broken_list_of_classes_hides_nothing_else(data_set):
    root, data = data_set
    spoil(root)
    (root / "classes.json").write_text("{")
    kinds = find_mistakes(data)
    assert {"photographs that lack a file", "files that cannot be read", "files whose sizes differ"} < kinds.keys()
    assert "classes.json" in kinds["other mistakes"][0]


def test_missing_folders_hide_nothing_else(data_set):
    root, data = data_set
    (root / "train" / "images" / "c.png").write_bytes(b"nothing")
    (root / "train" / "labels").rename(root / "elsewhere")
    (root / "val" / "images").rename(root / "nowhere")
    errors = " | ".join(validate(data))
    for part in ("train/labels: no such folder", "val/images: no such folder", "c.png: not a PNG"):
        assert part in errors, errors


def test_a_name_that_looks_like_a_pattern_is_a_name(data_set):
    root, data = data_set
    for name in ("a[1]**", "b*"):
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(root / "train" / "images" / f"{name}.png")
    assert sum("no label map; expected" in error for error in validate(data)) == 2


def test_a_photograph_that_is_turned_by_its_exif_data_has_its_own_remedy(data_set):
    root, data = data_set
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "train" / "images" / "a.png").unlink()
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(root / "train" / "images" / "a.jpg", exif=exif)
    Image.fromarray(np.zeros((4, 6), np.uint8)).save(root / "train" / "labels" / "a.png")
    (error,) = validate(data)
    assert "a.jpg is 4x6 pixels but" in error and "a.png is 6x4; one of them lies on its side" in error
    assert "take the EXIF orientation out of the photograph" in error
