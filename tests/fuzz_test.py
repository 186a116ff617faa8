"""Files from outside, spoilt in every way: a reader gives a value or one line, never anything else, in bounded memory.

Valid files are mutated, not random bytes, which die at the magic number: bits are flipped, pieces cut, doubled and
swapped; numbers in JSON and in headers changed; PNG chunks edited with their checksums made right again.
"""

import io
import json
import os
import resource
import struct
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
from ecgan_tf.inference.runtimes import checked_description, read_tflite_metadata
from ecgan_tf.runs.folder import RunFolder, read_config, read_json
from ecgan_tf.training.strategy import check_cluster
from ecgan_tf.training.summaries import _drop_lines_after
from export import on_device

CLASSES = ClassList(("sky", "tree", "road"), np.uint8([[200, 40, 30], [30, 180, 60], [20, 60, 220]]), 255)
SAMPLE = 10  # `make test` takes one mutation of so many; the whole is marked slow
MOST_MEMORY = 600_000  # kilobytes that the process may grow by


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


ODD = [None, True, -1, 0, 3, 2**70, 1e308, float("nan"), "", "²", "\ud800", [], {}, [[]], {"a": 1}, "x" * 1000]


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
    if rng.integers(50) == 0:
        return b"[" * 200_000
    return json.dumps(tree).encode()


def mutate_npz(content, rng):
    """A mutation inside an array's header or its bytes, in a zip that is sound; or one of the zip's bytes."""
    if rng.integers(3) == 0:
        return mutate(content, rng)
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
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if rng.integers(2) else zipfile.ZIP_STORED) as archive:
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
LABELS = [
    picture(IDS, "PNG"),
    picture(IDS.astype(np.uint16), "PNG"),
    picture(IDS, "PNG", "P", PALETTE),
    picture(CLASSES.palette[IDS], "PNG"),
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
METRICS = b"".join(json.dumps({"step": step, "L_G": 0.5}).encode() + b"\n" for step in range(5))


def arrays():
    made = io.BytesIO()
    np.savez(made, **{"generator/kernel": np.ones((3, 4), np.float32), "step": np.array(3)})
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
    os.environ["TF_CONFIG"] = path.read_bytes().decode("utf-8", "replace").replace("\0", " ")
    try:
        check_cluster()
    finally:
        del os.environ["TF_CONFIG"]


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


def read_description(path):
    checked_description(str(path), read_json(str(path)))


def read_metadata(path):
    """As `open_tflite` reads it; the interpreter itself is native code, and runs in a process of its own below."""
    from ecgan_tf.inference.runtimes import _foreign

    with _foreign(str(path), "LiteRT model"):
        inside = read_tflite_metadata(str(path))
    if inside is not None:
        checked_description(str(path), inside)


def read_on_device(path):
    try:
        on_device.read_label_map(path, CLASSES.to_dict())
    except on_device.RequestError as error:
        raise RequestError(str(error)) from error


# name -> reader of a path, valid contents, mutation, number of mutations
READERS = {
    "labels": (lambda path: labels_from_file(path, CLASSES), LABELS, mutate_png, 5000),
    "instances": (read_instances, LABELS[:3], mutate_png, 1000),
    "labels on a device": (read_on_device, [LABELS[0], LABELS[2]], mutate_png, 2000),
    "photograph, PNG": (read_photograph, [picture(PHOTOGRAPH, "PNG")], mutate_png, 1500),
    "photograph, JPEG": (read_photograph, [picture(PHOTOGRAPH, "JPEG")], mutate, 1500),
    "photograph, WEBP": (read_photograph, [picture(PHOTOGRAPH, "WEBP")], mutate, 1000),
    "photograph, TIFF": (read_photograph, [picture(PHOTOGRAPH, "TIFF")], mutate, 1000),
    "classes.json": (load_class_list, [json.dumps(CLASSES.to_dict()).encode()], mutate_json, 2500),
    "config.json": (read_run_config, [json.dumps(CONFIG).encode()], mutate_json, 1000),
    "model.json": (read_description, [json.dumps(MODEL).encode()], mutate_json, 2500),
    "schedule.json": (read_schedule, [json.dumps(SCHEDULE).encode()], mutate_json, 500),
    "metrics.jsonl": (lambda path: _drop_lines_after(str(path), 3), [METRICS], mutate, 1000),
    ".npz": (read_arrays, [arrays()], mutate_npz, 3000),
    ".tflite": (read_metadata, [tflite()], mutate, 1500),
    "TF_CONFIG": (read_cluster, [json.dumps(CLUSTER).encode()], mutate_json, 500),
}
assert sum(count for *_, count in READERS.values()) >= 20_000


@pytest.mark.parametrize("share", [SAMPLE, pytest.param(1, marks=pytest.mark.slow)], ids=["sample", "whole"])
@pytest.mark.parametrize("name", READERS)
@pytest.mark.filterwarnings("ignore")
def test_a_reader_gives_a_value_or_one_line(name, share, tmp_path):
    read, valid, mutation, count = READERS[name]
    rng, path = np.random.default_rng(count), tmp_path / ("a.tflite" if name == ".tflite" else "a.png")
    before, refused = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    for content in valid:
        path.write_bytes(content)
        read(path)  # what is mutated is sound
    for number in range(count // share):
        content = mutation(valid[number % len(valid)], rng)
        path.write_bytes(content)
        try:
            read(path)
        except RequestError as error:
            refused += 1
            assert str(error)
        except Exception as error:
            pytest.fail(f"mutation {number} escapes as {type(error).__name__}: {error} ({content[:80]!r})")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{name}: {count // share} mutations, {refused} refused, 0 escapes, {grown / 1000:.0f} MB more at the peak")
    # What metrics.jsonl has of torn lines is dropped, never refused.
    assert (refused > count // share // 20) == (name != "metrics.jsonl") and grown < MOST_MEMORY
