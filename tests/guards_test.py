"""Every place that writes, decodes, handles a signal or changes a run, each with its guard: a new one must be listed.

The tables go from "module:function" to what keeps it safe. A guard that is one word is a function or a class that the
place itself uses, which is checked; more words say who else guards it. What is not listed here, or is no longer there,
fails the test: think of the guard first, then write it down.
"""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]

# Open a file for writing, or create, replace or remove one.
WRITERS = {
    "ecgan_tf.atomic_files:_remove": "names of PARTIAL alone, of processes that are gone",
    "ecgan_tf.atomic_files:atomic_path": "machine_errors",
    "ecgan_tf.atomic_files:write_image": "atomic_path",
    "ecgan_tf.atomic_files:write_text": "atomic_path",
    "ecgan_tf.cli:reader_may_leave": "os.devnull, to nobody",
    "ecgan_tf.doctor.artefacts:serving": "a temporary folder of the check",
    "ecgan_tf.doctor.checks:serving": "TemporaryDirectory",
    "ecgan_tf.doctor.checks:tensorrt": "TemporaryDirectory",
    "ecgan_tf.doctor.children:run_child": "TemporaryFile",
    "ecgan_tf.doctor.run:run_check": "TemporaryDirectory",
    "ecgan_tf.data.shards:write_shard": "atomic_path",
    "ecgan_tf.evaluation.compare:write_pdf": "atomic_path",
    "ecgan_tf.evaluation.page:picture": "BytesIO",
    "ecgan_tf.interrupts:_hold_stderr": "os.devnull, to nobody",
    "ecgan_tf.commands.studio:main": "TemporaryDirectory",
    "ecgan_tf.console:stderr_held_back": "TemporaryFile",
    "ecgan_tf.json_lines:append_line": "machine_errors",
    "ecgan_tf.outputs:emptied_if_it_fails": "a folder that was empty when the command began",
    "ecgan_tf.outputs:plan_folder": "machine_errors",
    "ecgan_tf.runs.checkpoints:prune_checkpoints": "steps of checkpoints alone, but the newest and those kept",
    "ecgan_tf.runs.checkpoints:save_checkpoint": "atomic_path",
    "ecgan_tf.runs.folder:RunFolder.roll_back": "locked, by train; of a checkpoint that is kept, by check",
    "ecgan_tf.runs.folder:RunFolder.start": "atomic_path",
    "ecgan_tf.runs.lock:_take": "machine_errors, by locked",
    "ecgan_tf.runs.lock:locked": "machine_errors",
    "ecgan_tf.training.imports:bring_in": "emptied_if_it_fails",
    "ecgan_tf.training.imports:take_out": "atomic_path",
    "ecgan_tf.training.loop:Record.after": "atomic_path, by save_checkpoint",
    "ecgan_tf.training.loop:Record.save": "atomic_path, by save_checkpoint",
    "ecgan_tf.training.segmenter:train_segmenter": "atomic_path",
    "ecgan_tf.training.summaries:MetricsWriter.__init__": "machine_errors",
    "export.artefact:_removed_at_the_end": "the folder of partial_name alone, by export_one",
    "export.artefact:export_one": "machine_errors",
    "export.artefact:move_in": "partial_name",
    "export.artefact:remove": "what an earlier export of this run left, by earlier_export",
    "export.build_engine:write": "BuildError",
    "export.export_run:export_run": "TemporaryDirectory",
    "export.on_device:plan": "machine_errors",
    "export.on_device:remove_partials": "names of its own partial files alone, of processes that are gone",
    "export.on_device:write_picture": "write_whole",
    "export.on_device:write_whole": "machine_errors",
    "export.gpu_delegate:main": "a temporary folder of on_gpu",
    "export.gpu_delegate:on_gpu": "a temporary folder of its own",
    "export.onnx:_int8": "need_temporary_room",
    "export.onnx:write_onnx": "in the folder of export_one, which moves it in",
    "export.openvino:_save": "in the folder of export_one, which moves it in",
    "export.openvino:write_openvino": "need_temporary_room",
    "export.saved_model:write_saved_model": "in the folder of export_one, which moves it in",
    "export.serving.pictures:encode_png": "BytesIO",
    "export.serving.requests:write_answer": "atomic_path",
    "export.serving.warmup:write_warmup": "atomic_path",
    "export.stages:Stages._keep": "machine_errors",
    "export.style_split:write_split_tflite": "in the folder of export_one, which moves it in",
    "export.tensorrt_files:write_build_folder": "atomic_path",
    "export.tflite_metadata:write_described": "in the folder of export_one, which moves it in",
}
# Make something of bytes that came from elsewhere.
DECODERS = {
    "ecgan_tf.evaluation.report:_file": "style.png, which evaluate wrote a moment before",
    "ecgan_tf.arrays:_read_header": "LARGEST_HEADER",
    "ecgan_tf.arrays:read_arrays": "RequestError",
    "ecgan_tf.atomic_files:parse_json": "RecursionError",
    "ecgan_tf.config:without_foreign_keys": "its own JSON, a moment before",
    "ecgan_tf.data.earth:EarthMosaic.__init__": "the package's own file",
    "ecgan_tf.data.images:_open": "UnreadableError",
    "ecgan_tf.data.images:_what_it_is": "for a message alone, where the reader has refused",
    "ecgan_tf.doctor.artefacts:decode": "RequestError",
    "ecgan_tf.data.packed:as_lines": "its own text, a moment before",
    "ecgan_tf.data.packing:_origin": "its own digest, a moment before",
    "ecgan_tf.data.records:decode": "RecordError",
    "ecgan_tf.evaluation.networks.foreign:_open_onnx": "reading",
    "ecgan_tf.evaluation.networks.foreign:_open_tflite": "reading",
    "ecgan_tf.evaluation.networks.foreign:_open_weights": "reading",
    "ecgan_tf.inference.runtimes:_tflite_runner": "foreign_file",
    "ecgan_tf.inference.runtimes:open_onnx": "foreign_file",
    "ecgan_tf.inference.runtimes:open_openvino": "foreign_file",
    "ecgan_tf.inference.runtimes:open_saved_model": "foreign_file",
    "ecgan_tf.inference.runtimes:read_tflite_metadata": "foreign_file, by _tflite_runner",
    "ecgan_tf.models.described_networks:open_keras": "reading",
    "ecgan_tf.models.described_networks:open_saved_model": "reading",
    "ecgan_tf.models.hed:open_hed": "RequestError",
    "ecgan_tf.models.vgg:_load_keras": "RequestError",
    "ecgan_tf.runs.folder:RunFolder._check_model": "read_json",
    "ecgan_tf.runs.folder:RunFolder._write_if_changed": "read_json",
    "ecgan_tf.runs.folder:defaults_of": "its own JSON, a moment before",
    "ecgan_tf.runs.folder:plain": "its own JSON, a moment before",
    "ecgan_tf.runs.lock:_holder": "for a message alone, where the lock is held",
    "ecgan_tf.torch_files:_read_sequence": "RequestError, by read_torch_arrays",
    "ecgan_tf.torch_files:_read_zip": "RequestError, by read_torch_arrays",
    "ecgan_tf.training.cluster:tell": "what the chief of the same run said",
    "export.build_engine:read_plan": "BuildError",
    "export.build_engine:synthesise": "its own engine, a moment before",
    "export.kserve_server:OnnxModel.__init__": "ValueError",
    "export.on_device:Model.__init__": "RequestError",
    "export.on_device:read_label_map": "RequestError",
    "export.on_device:what_it_is": "for a message alone, where the reader has refused",
    "export.on_device:read_metadata": "RequestError, by Model",
    "export.onnx:_computed": "its own graph, a moment before",
    "export.onnx:operators": "its own file, a moment before",
    "export.openvino:operators": "its own file, a moment before",
    "export.openvino:write_openvino": "its own file, a moment before",
    "export.saved_model:_decode": "_check",
    "export.saved_model:_header": "_check",
    "export.serving.connections:GrpcConnection._metadata": "DecodeError",
    "export.serving.connections:RestConnection._call": "_foreign",
    "export.serving.connections:RestConnection._predict": "_foreign",
    "export.stages:Stages._images": "its own file, a moment before",
    "export.gpu_delegate:answer": "what its own process printed",
    "export.gpu_delegate:main": "its own arrays, a moment before",
    "export.gpu_delegate:on_gpu": "its own process's pictures, a moment before",
    "export.tflite:_nodes": "its own file, a moment before",
    "export.tflite_graph:_widen": "its own file, a moment before",
    "export.tflite_graph:with_float32_tables": "its own file, a moment before",
    "export.tflite_int8:_images": "its own file, a moment before",
    "export.tflite_int8:_inlined": "its own file, a moment before",
    "export.tflite_int8:_watched": "its own file, a moment before",
    "export.tflite_metadata:_tensors": "its own file, a moment before",
    "export.tflite_metadata:with_metadata": "its own file, a moment before",
    "export.tflite_metadata:write_described": "its own file, a moment before",
}
SIGNALS = {
    "ecgan_tf.atomic_files:_is_alive": "signal 0, which asks; never on Windows",
    "ecgan_tf.interrupts:handlers": "the old handlers come back at the end; in the main thread alone",
    "ecgan_tf.interrupts:stop_on_signals.note": "SIG_DFL",
    "export.on_device:": "StoppedError",
    "export.on_device:remove_partials": "signal 0, which asks; never on Windows",
}
# Change a run folder.
STATES = {
    "ecgan_tf.runs.checkpoints:save_checkpoint": "atomic_path",
    "ecgan_tf.runs.folder:RunFolder._write_if_changed": "write_json",
    "ecgan_tf.runs.folder:RunFolder.keep_schedule": "write_json",
    "ecgan_tf.runs.folder:RunFolder.save": "save_checkpoint",
    "ecgan_tf.runs.folder:RunFolder.start": "locked and check before it, by train; locked, by bring_in",
    "ecgan_tf.training.evaluations:Evaluations.__init__": "drop_lines_after",
    "ecgan_tf.training.evaluations:Evaluations.measure": "append_line",
    "ecgan_tf.training.imports:bring_in": "locked",
    "ecgan_tf.training.imports:take_out": "atomic_path",
    "ecgan_tf.training.loop:Record.__init__": "locked, by train",
    "ecgan_tf.training.loop:Record.save": "DivergedError",
    "ecgan_tf.training.segmenter:train_segmenter": "atomic_path",
    "ecgan_tf.training.summaries:MetricsWriter.__init__": "locked, by train",
    "ecgan_tf.training.summaries:MetricsWriter.write": "machine_errors, by append_line",
    "ecgan_tf.training.summaries:Samples.draw": "write_image",
    "ecgan_tf.training.train:begin_in": "locked, by prepare",
    "ecgan_tf.training.train:train": "prepare",
    "ecgan_tf.training.train:train.prepare": "locked",
}

WRITING_MODES = set("wax+")
OS_WRITERS = {
    "replace", "rename", "renames", "makedirs", "mkdir", "remove", "unlink", "rmdir", "removedirs", "truncate",
    "ftruncate", "symlink", "link", "chmod", "fdopen", "mkfifo", "utime",
}  # fmt: skip
READS_ONLY = {"shutil.which", "shutil.disk_usage", "shutil.get_terminal_size", "tempfile.gettempdir"}
WRITING_METHODS = {
    "save", "savez", "savez_compressed", "savetxt", "tofile", "write_text", "write_bytes", "mkdir", "touch",
    "unlink", "rmtree", "create_file_writer", "TFRecordWriter", "write_file", "save_model", "save_weights",
    "imwrite", "quantize_static", "truncate", "hardlink_to", "symlink_to", "rename",
}  # fmt: skip
DECODING_CALLS = {
    "Image.open", "np.load", "json.load", "json.loads", "onnx.load", "onnx.load_model", "tf.saved_model.load",
    "torch.load", "pickle.load", "pickle.loads", "yaml.safe_load", "base64.b64decode", "ort.InferenceSession",
    "h5py.File", "keras.saving.load_model", "core.read_model",
}  # fmt: skip
DECODING_METHODS = {
    "Interpreter", "InferenceSession", "GetRootAs", "imdecode", "imread", "FromString", "ParseFromString",
    "convert_bytearray_to_object", "ZipFile", "frombuffer", "fromfile", "read_magic", "load_weights", "Unpack",
    "deserialize_cuda_engine", "from_bytes",
}  # fmt: skip
# What changes a run folder: the methods of a run, and the writers of files in the rooms that have one.
CHANGING_METHODS = {"start", "save", "roll_back", "keep_schedule"}
CHANGING_CALLS = {
    "save_checkpoint", "atomic_path", "write_json", "write_text", "write_image", "MetricsWriter", "locked",
    "remove_partials", "append_line", "drop_lines_after", "_write_if_changed",
}  # fmt: skip


def writes(call, name, last):
    if last == "open" or name == "os.fdopen":
        modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
        if name in ("Image.open",) or (last == "open" and "." in name and not modes):
            return False
        return any(not isinstance(mode, ast.Constant) or WRITING_MODES & set(str(mode.value)) for mode in modes)
    if name.startswith("os."):
        return last in OS_WRITERS
    if name.startswith(("shutil.", "tempfile.")):
        return name not in READS_ONLY
    return ("." in name and last in WRITING_METHODS) or name in ("json.dump", "quantize_static")


def decodes(call, name, last):
    return name in DECODING_CALLS or last in DECODING_METHODS or last.startswith(("decode_", "GetRootAs"))


def signals(call, name, last):
    return name in ("signal.signal", "signal.set_wakeup_fd", "os.kill", "signal.alarm", "signal.setitimer")


def changes(call, name, last):
    return (name.startswith(("run.", "self.run.")) and last in CHANGING_METHODS) or last in CHANGING_CALLS


def functions(tree, outer=""):
    """Pairs of the dotted name of each function, "" for the module itself, and the nodes that are in no other one."""
    own, waiting = [], list(ast.iter_child_nodes(tree))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from functions(node, f"{outer}.{node.name}" if outer else node.name)
        else:
            own.append(node)
            waiting += ast.iter_child_nodes(node)
    yield outer, own


def places(kind, rooms=("ecgan_tf", "export")):
    """The functions with a call of a kind: dictionary from "module:function" to all names that it uses."""
    found = {}
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for function, nodes in functions(ast.parse(path.read_text(encoding="utf-8"))):
                calls = [(node, ast.unparse(node.func)) for node in nodes if isinstance(node, ast.Call)]
                if any(kind(call, name, name.rsplit(".", 1)[-1]) for call, name in calls):
                    names = {node.id for node in nodes if isinstance(node, ast.Name)}
                    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
                    names |= {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
                    found[f"{module}:{function}"] = names
    return found


def changes_of_runs():
    return {
        place: names
        for place, names in places(changes, ("ecgan_tf",)).items()
        if place.startswith(("ecgan_tf.runs", "ecgan_tf.training"))
    }


TABLES = {
    "writers": (WRITERS, lambda: places(writes)),
    "decoders": (DECODERS, lambda: places(decodes)),
    "signals": (SIGNALS, lambda: places(signals)),
    "changes of a run": (STATES, changes_of_runs),
}


@pytest.mark.parametrize("kind", TABLES)
def test_every_place_is_listed_with_its_guard(kind):
    table, find = TABLES[kind]
    found = find()
    assert not sorted(set(found) - set(table)), f"{kind} that are not listed: think of their guard"
    assert not sorted(set(table) - set(found)), f"{kind} that are listed, and no longer there"
    words = [(place, guard) for place, guard in table.items() if guard.isidentifier()]
    unused = [f"{place}: {guard}" for place, guard in words if guard not in found[place]]
    assert not unused, f"guards that the place does not use: {unused}"


def test_a_guard_that_stands_elsewhere_is_there():
    """ "..., by NAME": a function or class of the project."""
    known = {node.name for room in ("ecgan_tf", "export") for path in (ROOT / room).rglob("*.py")
             for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.FunctionDef | ast.ClassDef)}  # fmt: skip
    named = {part.rsplit(" by ", 1)[1] for table, _ in TABLES.values() for guard in table.values()
             for part in guard.split(";") if " by " in part}  # fmt: skip
    assert named and not named - known


SOUND = """
import os, signal
from PIL import Image

class Part:
    def read(self, path):
        def inner():
            with open(path, "w") as file:
                file.write("text")
        return Image.open(path), open(path), open(path, "rb"), str(path).replace("a", "b")

os.remove("file")
signal.signal(15, None)
"""


def test_the_walk_finds_what_it_should(tmp_path, monkeypatch):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "part.py").write_text(SOUND)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    found = {kind.__name__: sorted(places(kind, ["room"])) for kind in (writes, decodes, signals, changes)}
    assert found == {
        "writes": ["room.part:", "room.part:Part.read.inner"],
        "decodes": ["room.part:Part.read"],
        "signals": ["room.part:"],
        "changes": [],
    }
