"""Files from outside, spoilt in every way: a reader gives a value or one line, never anything else, in bounded memory.

Valid files are mutated, not random bytes, which die at the magic number: bits are flipped, pieces cut, doubled and
swapped; numbers in JSON and in headers changed; PNG chunks edited with their checksums made right again.

What opens .tflite and .onnx files is native code, which a spoilt file may end with its process. So those are opened in
a process of their own, this file as a program: a process that ends is counted, an exception that escapes is a failure.
"""

import io
import json
import pathlib
import re
import resource
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.arrays import read_arrays
from ecgan_tf.data.classes import ClassList, load_class_list
from ecgan_tf.data.images import read_photograph
from ecgan_tf.data.label_maps import labels_from_file, read_instances
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import checked_description, open_model, read_tflite_metadata
from ecgan_tf.json_lines import drop_lines_after
from ecgan_tf.openvino_core import openvino_core
from ecgan_tf.runs.folder import RunFolder, read_config, read_json, read_layouts
from ecgan_tf.training.cluster import find_cluster
from export import build_engine, on_device

CLASSES = ClassList(("sky", "tree", "road"), np.uint8([[200, 40, 30], [30, 180, 60], [20, 60, 220]]), 255)
SAMPLE = 10  # `make test` takes one mutation of so many; the whole is marked slow
MOST_MEMORY = 500_000  # kilobytes that the process may grow by: a header may claim a picture of 64 megapixels
LONGEST = 3000  # characters of a message


# --- mutations -------------------------------------------------------------------------------------------------------


def mutate(content, rng):
    """One mutation of some bytes."""
    content = bytearray(content)
    kind = rng.integers(7)
    size = max(len(content), 1)
    start, length = int(rng.integers(size)), int(rng.integers(1, 64))
    if kind == 0:
        for _ in range(int(rng.integers(1, 5))):
            content[int(rng.integers(size))] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del content[start:]
    elif kind == 2:
        del content[start : start + length]
    elif kind == 3:
        content[start:start] = content[start : start + length]
    elif kind == 4:
        content[start : start + 4] = struct.pack(">I", int(rng.choice([0, 1, 2**31 - 1, 2**32 - 1, 65536])))
    elif kind == 5:
        content[start : start + 8] = struct.pack("<q", int(rng.choice([-1, 0, 2**40, 2**62, 4096])))
    else:
        other = int(rng.integers(size))
        content[start : start + length] = content[other : other + length]
    return bytes(content)


def mutate_png(content, rng):
    """A mutation inside the chunks of a PNG, whose checksums are right again; or one of its bytes."""
    if rng.integers(3) == 0:
        return mutate(content, rng)
    chunks, place = [], 8
    while place + 8 <= len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        chunks.append([content[place + 4 : place + 8], content[place + 8 : place + 8 + length]])
        place += 12 + length
    chosen = chunks[int(rng.integers(len(chunks)))]
    if chosen[0] == b"IHDR" and rng.integers(2):
        fields = list(struct.unpack(">IIBBBBB", chosen[1]))
        index = int(rng.integers(len(fields)))
        fields[index] = int(rng.integers(0, 17 if index > 1 else 70000))
        chosen[1] = struct.pack(">IIBBBBB", *fields)
    elif rng.integers(4) == 0:
        chunks.insert(int(rng.integers(len(chunks))), chunks.pop(int(rng.integers(len(chunks)))))
    else:
        chosen[1] = mutate(chosen[1], rng) if chosen[1] else bytes(rng.integers(0, 256, 3, np.uint8))
    parts = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    return content[:8] + b"".join(parts)


ODD = [
    None,
    True,
    -1,
    0,
    3,
    2**70,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "²",
    "\ud800",
    [],
    {},
    [[]],
    {"a": 1},
    "x" * 999,
]
DEEP = [b"[" * 50 + b"]" * 50, b"[" * 960 + b"]" * 960, b"[" * 200_000, b'{"a":' * 500 + b"1" + b"}" * 500]


def mutate_json(content, rng):
    """A value of a JSON text replaced by an odd one, or a mutation of its bytes."""
    if rng.integers(3) == 0:
        return mutate(content, rng)
    tree = json.loads(content)
    places = []

    def walk(node):
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            places.append((node, key))
            walk(value)

    walk(tree)
    node, key = places[int(rng.integers(len(places)))]
    odd = ODD[int(rng.integers(len(ODD)))]
    if rng.integers(4) == 0:
        del node[key]
    else:
        node[key] = odd
    deep = DEEP[int(rng.integers(len(DEEP)))]
    if rng.integers(50) == 0:
        return deep
    if rng.integers(20) == 0:
        place = places[int(rng.integers(len(places)))]
        if place[1] in place[0] if isinstance(place[0], dict) else place[1] < len(place[0]):
            place[0][place[1]] = "DEEP"
    return json.dumps(tree).encode().replace(b'"DEEP"', deep)


def mutate_lines(content, rng):
    """A mutation of one line of JSON, or of the bytes."""
    if rng.integers(2):
        return mutate(content, rng)
    lines = content.splitlines(keepends=True)
    index = int(rng.integers(len(lines)))
    lines[index] = mutate_json(lines[index], rng) + b"\n" * int(rng.integers(2))
    return b"".join(lines)


def mutate_npz(content, rng):
    """A mutation inside an array's header or its bytes, in a zip that is sound; or one of the zip's bytes."""
    if rng.integers(3) == 0:
        return mutate(content, rng)
    if rng.integers(12) == 0:
        return content.replace(b"PK\x01\x02", b"PK\x01\x02"[:2] + bytes(rng.integers(0, 256, 2, np.uint8)), 1)
    if rng.integers(12) == 0:  # fields of the directory: flags (encrypted), method, sizes
        start = content.find(b"PK\x01\x02")
        field, size = [(8, 2), (10, 2), (20, 4), (24, 4), (42, 4)][int(rng.integers(5))]
        odd = int(rng.choice([0, 1, 9, 12, 14, 2**16 - 1, 2**31 - 1, 2**32 - 1]))
        spoilt = bytearray(content)
        spoilt[start + field : start + field + size] = (odd % 256**size).to_bytes(size, "little")
        return bytes(spoilt)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    index = int(rng.integers(len(members)))
    name, inside = members[index]
    texts = [
        b"(2, 3)",
        b"(4000000000000,)",
        b"(-1,)",
        b"(True,)",
        b"()",
        b"'|O'",
        b"'<f8'",
        b"'<U9'",
        b"[('a', '<f4')]",
    ]
    if rng.integers(2):
        inside = inside.replace(b"(3, 4)", texts[int(rng.integers(5))]).replace(
            b"'<f4'", texts[int(rng.integers(5, 9))]
        )
    else:
        inside = mutate(inside, rng)
    members[index] = (name if rng.integers(8) else "../../x.npy", inside)
    if rng.integers(20) == 0:
        members.append(members[0])
    made, methods = io.BytesIO(), [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    with zipfile.ZipFile(made, "w", methods[int(rng.choice(4, p=[0.45, 0.45, 0.05, 0.05]))]) as archive:
        for member in members:
            archive.writestr(*member)
    return made.getvalue()


# --- valid files -----------------------------------------------------------------------------------------------------


def picture(array, kind, mode=None, palette=None):
    image = Image.fromarray(array, mode)
    if palette is not None:
        image.putpalette(palette)
    made = io.BytesIO()
    image.save(made, format=kind)
    return made.getvalue()


IDS = np.random.default_rng(0).integers(0, 3, (16, 16), np.uint8)
PALETTE = np.pad(CLASSES.palette, [(0, 253), (0, 0)]).ravel().tolist()


def grey_png(values, depth, interlaced=0):
    """A greyscale PNG of few bits, which Pillow does not write."""
    bits = np.unpackbits(values[..., np.newaxis], axis=-1)[..., 8 - depth :].reshape(len(values), -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    header = struct.pack(">IIBBBBB", values.shape[1], len(values), depth, 0, 0, 0, interlaced)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    framed = (struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


LABELS = [
    picture(IDS, "PNG"),
    picture(IDS.astype(np.uint16), "PNG"),
    picture(IDS, "PNG", "P", PALETTE),
    picture(CLASSES.palette[IDS], "PNG"),
    grey_png(IDS, 2),
    grey_png(IDS, 4),
    picture(IDS + 5, "PNG", "P", [9] * 15 + CLASSES.palette.ravel().tolist()),  # by its colours
    picture(IDS, "PNG", "P", CLASSES.palette.ravel().tolist()),  # of 2 bits
]
PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
MODEL = {
    "name": "spade",
    "arguments": {"num_classes": 3, "image_size": [32, 32], "has_unknown": True, "has_boundaries": False},
    "classes": CLASSES.to_dict(),
}
CONFIG = {"model": {"name": "spade", "base_filters": 4}, "train": {"steps": 3}, "data": {"name": "folder"}}
CLUSTER = {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}
SCHEDULE = {"steps": 4, "pieces": [[0, 2, 4, 1.0]]}
PLAN = {"profiles": {"labels": dict.fromkeys(("min", "opt", "max"), [1, 4, 4])}, "gates": {"float32": {"largest": 1}}}
METRICS = b"".join(json.dumps({"step": step, "L_G": 0.5}).encode() + b"\n" for step in range(5))


def arrays():
    made = io.BytesIO()
    np.savez(made, **{"generator/kernel": np.ones((3, 4), np.float32), "step": np.array(3)})
    return made.getvalue()


def layouts():
    made = io.BytesIO()
    np.savez_compressed(made, labels=np.ones((3, 4, 4), np.int32), boundaries=np.ones((3, 4, 4, 1), np.float32))
    return made.getvalue()


def proof():
    made = io.BytesIO()
    np.savez_compressed(made, expected=np.zeros((1, 4, 4, 3), np.uint8), labels=np.ones((1, 4, 4), np.int32))
    return made.getvalue()


def tflite():
    """The smallest .tflite with a description, by the schema's own builder."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, buffer, entry = schema.ModelT(), schema.BufferT(), schema.MetadataT()
    model.version, model.subgraphs, model.operatorCodes = 3, [], []
    buffer.data = list(json.dumps(MODEL).encode())
    entry.name, entry.buffer = b"ecgan_tf", 1
    model.buffers, model.metadata = [schema.BufferT(), buffer], [entry]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


# --- the readers -----------------------------------------------------------------------------------------------------


def read_cluster(path):
    find_cluster(environment={"TF_CONFIG": path.read_bytes().decode("utf-8", "replace")})


def read_schedule(path):
    from ecgan_tf.config import base_config

    run = path.parent / "run"
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    (run / "checkpoints" / "step_00000002.npz").touch()
    (run / "config.json").write_text(json.dumps(CONFIG))
    (run / "schedule.json").write_bytes(path.read_bytes())
    config = base_config("spade")
    config.train.extend = "hold"
    RunFolder(run).schedule(config)


def read_run_config(path):
    (path.parent / "config.json").write_bytes(path.read_bytes())
    read_config(str(path.parent))


def read_stored_model(path):
    """As a run that goes on compares it with its data."""
    (path.parent / "model.json").write_bytes(path.read_bytes())
    RunFolder(path.parent)._check_model(MODEL)


def read_stored_layouts(path):
    (path.parent / "layouts.npz").write_bytes(path.read_bytes())
    read_layouts(str(path.parent))


def read_plan(path, name):
    for other, content in (("profiles.json", json.dumps(PLAN).encode()), ("proof.npz", proof())):
        (path.parent / other).write_bytes(path.read_bytes() if other == name else content)
    try:
        build_engine.read_plan(str(path.parent))
    except build_engine.BuildError as error:
        raise RequestError(str(error)) from error


def read_description(path):
    checked_description(str(path), read_json(str(path)))


def read_metadata(path):
    """As `open_tflite` reads it; the interpreter itself is native code, and runs in a process of its own below."""
    from ecgan_tf.foreign_files import foreign_file

    with foreign_file(str(path), "LiteRT model"):
        inside = read_tflite_metadata(str(path))
    if inside is not None:
        checked_description(str(path), inside)


def read_on_device(path):
    try:
        on_device.read_label_map(path, CLASSES.to_dict())
    except on_device.RequestError as error:
        raise RequestError(str(error)) from error


def open_on_device(path):
    try:
        on_device.Model(str(path))
    except on_device.RequestError as error:
        raise RequestError(str(error)) from error


# name -> reader of a path, valid contents, mutation, number of mutations
READERS = {
    "labels": (lambda path: labels_from_file(path, CLASSES), LABELS, mutate_png, 6000),
    "instances": (read_instances, [*LABELS[:3], *LABELS[4:]], mutate_png, 1000),
    "labels on a device": (read_on_device, LABELS, mutate_png, 3000),
    "photograph, PNG": (read_photograph, [picture(PHOTOGRAPH, "PNG")], mutate_png, 1500),
    "photograph, JPEG": (read_photograph, [picture(PHOTOGRAPH, "JPEG")], mutate, 1500),
    "photograph, WEBP": (read_photograph, [picture(PHOTOGRAPH, "WEBP")], mutate, 1000),
    "photograph, TIFF": (read_photograph, [picture(PHOTOGRAPH, "TIFF")], mutate, 1000),
    "classes.json": (load_class_list, [json.dumps(CLASSES.to_dict()).encode()], mutate_json, 2500),
    "config.json": (read_run_config, [json.dumps(CONFIG).encode()], mutate_json, 1000),
    "model.json": (read_description, [json.dumps(MODEL).encode()], mutate_json, 2500),
    "schedule.json": (read_schedule, [json.dumps(SCHEDULE).encode()], mutate_json, 500),
    "model.json of a run": (read_stored_model, [json.dumps(MODEL).encode()], mutate_json, 1000),
    "metrics.jsonl": (lambda path: drop_lines_after(str(path), 3), [METRICS], mutate_lines, 1000),
    "layouts.npz": (read_stored_layouts, [layouts()], mutate_npz, 1000),
    "profiles.json": (lambda path: read_plan(path, "profiles.json"), [json.dumps(PLAN).encode()], mutate_json, 500),
    "proof.npz": (lambda path: read_plan(path, "proof.npz"), [proof()], mutate_npz, 500),
    ".npz": (read_arrays, [arrays()], mutate_npz, 3000),
    ".tflite": (read_metadata, [tflite()], mutate, 1500),
    "TF_CONFIG": (read_cluster, [json.dumps(CLUSTER).encode()], mutate_json, 500),
}
assert sum(count for *_, count in READERS.values()) >= 20_000


def peak_memory(anew=False):
    """The most that this process took, kilobytes; on Linux since it was asked `anew`."""
    try:
        if anew:
            pathlib.Path("/proc/self/clear_refs").write_text("5")
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fuzz(name, reader, count, folder, start=0, say=lambda number: None):
    """Mutations `start` to `count` of a reader's files: how many it refused. Fails where anything else comes."""
    read, valid, mutation, _ = reader
    path = folder / (
        "a.tflite" if "tflite" in name else "a.onnx" if "onnx" in name else "a.xml" if "xml" in name else "a.png"
    )
    for content in valid:
        path.write_bytes(content)
        read(path)  # what is mutated is sound
    refused = 0
    for number in range(start, count):
        rng = np.random.default_rng([number, *name.encode()])
        content = mutation(valid[number % len(valid)], rng)
        path.write_bytes(content)
        say(number)
        try:
            read(path)
        except RequestError as error:
            refused += 1
            text = str(error)
            assert text and "\n" not in text and len(text) < LONGEST, f"mutation {number}: no line: {text[:500]!r}"
        except Exception as error:
            pytest.fail(f"mutation {number} escapes as {type(error).__name__}: {error} ({content[:80]!r})")
    return refused


SHARES = pytest.mark.parametrize("share", [SAMPLE, pytest.param(1, marks=pytest.mark.slow)], ids=["sample", "whole"])


@SHARES
@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")
def test_a_reader_gives_a_value_or_one_line(name, share, tmp_path):
    count = READERS[name][-1] // share
    before = peak_memory(anew=True)
    refused = fuzz(name, READERS[name], count, tmp_path)
    grown = peak_memory() - before
    print(f"{name}: {count} mutations, {refused} refused, 0 escapes, {grown / 1000:.0f} MB more at the peak")
    # What metrics.jsonl has of torn lines is dropped, never refused.
    assert (refused > count // 20) == (name != "metrics.jsonl") and grown < MOST_MEMORY


# --- native code, in a process of its own ----------------------------------------------------------------------------

NATIVE = {  # as READERS; the valid file is made by the test, for the program to find
    ".tflite, opened": (lambda path: open_model(str(path)), mutate, 600),
    ".tflite, opened on a device": (open_on_device, mutate, 400),
    ".onnx, opened": (lambda path: open_model(str(path)), mutate, 1000),
    ".xml of OpenVINO, opened": (lambda path: open_model(str(path)), mutate, 600),
}
MOST_ENDS = 0.2  # share of the mutations that may end the process
NATIVE_MEMORY = 6 << 30  # bytes of addresses that the process may take


def valid_tflite(folder):
    import tensorflow as tf

    from export.tflite_metadata import with_metadata

    @tf.function(input_signature=[tf.TensorSpec((1, 32, 32), tf.int32, name="labels")])
    def generate(labels):
        image = tf.cast(labels, tf.float32)[..., None] * tf.constant([0.1, 0.2, 0.3])
        return {"image": tf.identity(image, name="image")}

    module = tf.Module()
    module.generate = generate
    tf.saved_model.save(module, str(folder / "saved"), signatures={"serving_default": generate})
    content = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved")).convert()
    return bytes(with_metadata(content, {"ecgan_tf": json.dumps(MODEL)}))


def valid_onnx(folder):
    import onnx
    from onnx import TensorProto, helper

    labels = helper.make_tensor_value_info("labels", TensorProto.INT32, ["batch", 32, 32])
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 32, 32, 3])
    colors = helper.make_tensor("colors", TensorProto.FLOAT, [3], [0.1, 0.2, 0.3])
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [3])
    nodes = [
        helper.make_node("Cast", ["labels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "axis"], ["column"]),
        helper.make_node("Mul", ["column", "colors"], ["image"]),
    ]
    graph = helper.make_graph(nodes, "tiny", [labels], [image], [colors, axis])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.helper.set_model_props(model, {"ecgan_tf": json.dumps(MODEL)})
    return model.SerializeToString()


def valid_openvino(folder):
    """The .xml; its .bin lies where the mutations will."""
    import openvino

    (folder / "valid.onnx").write_bytes(valid_onnx(folder))
    network = openvino_core().read_model(folder / "valid.onnx")
    network.set_rt_info(json.dumps(MODEL), ["ecgan_tf"])
    openvino.save_model(network, folder / "a.xml", compress_to_fp16=False)
    return (folder / "a.xml").read_bytes()


VALID = {".tflite": valid_tflite, ".onnx": valid_onnx, ".xml": valid_openvino}


@SHARES
@pytest.mark.parametrize("name", NATIVE)
def test_a_runtime_gives_a_model_or_one_line_or_ends(name, share, tmp_path):
    count, start, ends = NATIVE[name][-1] // share, 0, []
    (tmp_path / "valid").write_bytes(VALID[re.match(r"\.\w+", name)[0]](tmp_path))
    while start < count:
        words = [sys.executable, __file__, name, str(count), str(start), str(tmp_path)]
        result = subprocess.run(words, capture_output=True, text=True, timeout=600)
        told = [json.loads(line[5:]) for line in result.stdout.splitlines() if line.startswith("told ")]
        assert told, result.stderr[-2000:]
        if result.returncode == 0:
            break
        assert result.returncode < 0, f"{result.stdout[-500:]} {result.stderr[-2000:]}"  # a signal, no exception
        number = int((tmp_path / "number").read_text())
        ends.append((number, result.returncode))
        start = number + 1
    else:
        told = [{"memory": 0}]
    print(
        f"{name}: {count} mutations, 0 escapes, {len(ends)} ended the process {sorted({code for _, code in ends})}, "
        f"{told[-1]['memory'] / 1000:.0f} MB more at the peak"
    )
    assert len(ends) <= MOST_ENDS * count + 1


def main(name, count, start, folder):
    """Opens mutations of `folder`/valid; `folder`/number tells how far it got."""
    folder = pathlib.Path(folder)
    reader, mutation, _ = NATIVE[name]
    valid = [(folder / "valid").read_bytes()]
    print("told", json.dumps({"memory": 0}), flush=True)
    before = peak_memory(anew=True)
    resource.setrlimit(resource.RLIMIT_AS, (NATIVE_MEMORY, NATIVE_MEMORY))
    say = (folder / "number").write_text
    refused = fuzz(name, (reader, valid, mutation, 0), int(count), folder, int(start), lambda number: say(str(number)))
    print("told", json.dumps({"memory": peak_memory() - before, "refused": refused}))


if __name__ == "__main__":
    main(*sys.argv[1:])
