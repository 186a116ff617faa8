"""Opens a trained or exported model in its own runtime, behind one face: layouts in, images out."""

import contextlib
import math
import os
import re
import reprlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ecgan_tf import console
from ecgan_tf.atomic_files import parse_json, read_json
from ecgan_tf.data.classes import ClassList
from ecgan_tf.data.images import MAX_PIXELS
from ecgan_tf.data.label_maps import resize_labels, resize_photograph
from ecgan_tf.errors import RequestError
from ecgan_tf.foreign_files import INSIDE, find_saved_model, foreign_file
from ecgan_tf.latents import LATENTS, draw_latents, latent_shapes
from ecgan_tf.openvino_core import openvino_core
from ecgan_tf.pixels import as_float, to_uint8
from ecgan_tf.pretrained import pretrained_models

DESCRIPTION = "model.json"
STYLE_ENCODER, PAINTER = "style_encoder", "painter"  # the two .tflite of a model that was split
OPENVINO_FILE = "model.xml"  # in the folder of an OpenVINO model, with model.bin
METADATA_KEY = "ecgan_tf"  # of the same content inside a .tflite, an .onnx or an OpenVINO model
INPUTS = ("labels", "boundaries", "source", "exemplar", "exemplar_labels", *LATENTS)
IR = re.compile(rb"""\s*(<\?xml[^>]*>\s*)?<net\s[^>]*version="1[01]\"""")  # how an OpenVINO .xml begins
INPUT_TYPES = ("int32", "uint8", "float32")
ONNX_TYPES = {"tensor(int32)": "int32", "tensor(uint8)": "uint8", "tensor(float)": "float32"}


class Synthesizer:
    """A generator, wherever it runs.

    Attributes:
        classes: `ClassList` of the layouts.
        image_size: (height, width).
        inputs: dictionary from the name of each input to its NumPy dtype.
        latents: dictionary from the name of each random input to its shape; {}: a layout has one picture.
        source: path that it was opened from.
        generate_all: maps layouts to all outputs of the generator, of a run folder; None of what was exported.
    """

    def __init__(self, source, description, inputs, run, generate_all=None):
        """`run` maps a dictionary of NumPy arrays, one example each, to the image float32 (1, height, width, 3)."""
        arguments = description["arguments"]
        self.source = source
        self.classes = ClassList.from_dict(description["classes"])
        self.image_size = tuple(map(int, arguments["image_size"]))
        if len(self.image_size) != 2 or min(self.image_size) < 1 or math.prod(self.image_size) > MAX_PIXELS:
            raise ValueError(f"image_size {reprlib.repr(self.image_size)}")
        self.inputs = {name: np.dtype(dtype) for name, dtype in inputs.items()}
        of_classes = {"num_classes": self.classes.num_classes, "has_unknown": self.classes.has_unknown}
        shapes = latent_shapes({**arguments, **of_classes})
        self.latents = {name: shape for name, shape in shapes.items() if name in self.inputs}
        foreign = [name for name in LATENTS if name in self.inputs and name not in shapes]
        if foreign:
            raise RequestError(
                f"{source} takes {', '.join(foreign)}, of which its description does not know; keep the files of an "
                "export together."
            )
        self.generate_all = generate_all
        self._run = run

    def __call__(self, labels: npt.ArrayLike, seed: int = 0, **others: npt.ArrayLike) -> np.ndarray:
        """The picture of a label map, or a picture for each of a batch.

        Args:
            labels: integers (height, width) or (batch, height, width) of any size, ids 0..num_classes.
            others: what else `inputs` names, as `labels`: photographs uint8 (height, width, 3) of any size, further
                label maps, boundaries (height, width) of 0 and 1; with a batch axis where labels have one.
            seed: of a model that gives many pictures of a layout, which one; the same for all of a batch.
        Returns:
            uint8 (height, width, 3) of the model's size, or (batch, height, width, 3).
        """
        given = {"labels": labels, **others}
        wanted = [name for name in self.inputs if name not in self.latents]
        if set(given) != set(wanted):
            raise RequestError(f"{self.source} takes {', '.join(wanted)}; given were {', '.join(given)}.")
        if seed and not self.latents:
            raise RequestError(f"seed={seed}: {self.source} gives one picture of a layout; leave it out.")
        is_batch = np.ndim(labels) == 3
        batches = {name: np.asarray(value) if is_batch else np.asarray(value)[None] for name, value in given.items()}
        if len({batch.shape[:1] for batch in batches.values()}) > 1:
            raise RequestError(f"{', '.join(batches)} are not equally many.")
        layouts = {name: self._fitted(name, batch) for name, batch in batches.items()}
        images = to_uint8(self.generate({**layouts, **self.draw(len(batches["labels"]), seed)}))
        return images if is_batch else images[0]

    def _fitted(self, name, batch):
        """The arrays of one input at the model's size, and of its range."""
        if name == "labels" or name.endswith("_labels"):
            limit = self.classes.num_classes + self.classes.has_unknown
            are_maps = batch.ndim == 3 and batch.size and np.issubdtype(batch.dtype, np.integer)
            if not are_maps or batch.min() < 0 or batch.max() >= limit:
                raise RequestError(f"{name} must be ids 0..{limit - 1} of the model's classes, (height, width).")
            return np.stack([resize_labels(labels, self.image_size) for labels in batch])
        if name == "boundaries":
            if batch.ndim != 3 or not np.isin(batch, (0, 1)).all():
                raise RequestError("boundaries must be 0 and 1, (height, width).")
            return np.stack([resize_labels(boundaries, self.image_size) for boundaries in batch])[..., None]
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[3] != 3:
            raise RequestError(f"{name} must be photographs, uint8 (height, width, 3).")
        return np.stack([as_float(resize_photograph(photograph, self.image_size)) for photograph in batch])

    def draw(self, count, seed=0, sample=0):
        """Random inputs for a batch, the same for each layout of it: dictionary of float32 (count, *shape)."""
        drawn = draw_latents(self.latents, seed, [sample])
        return {name: np.repeat(array, count, axis=0) for name, array in drawn.items()}

    def generate(self, layout: Mapping[str, npt.ArrayLike]) -> np.ndarray:
        """Synthesises layouts one after the other, as a device would.

        Args:
            layout: dictionary of arrays with the keys of `inputs`: `labels` (batch, height, width), ids
                0..num_classes, and as the model has them `boundaries` (batch, height, width, 1) and others. Random
                inputs that are left out are those of seed 0.
        Returns:
            float32 (batch, height, width, 3) in [-1, 1].
        """
        layout = {**self.draw(len(np.asarray(layout["labels"]))), **layout}
        inputs = {key: np.asarray(layout[key], dtype) for key, dtype in self.inputs.items()}
        examples = ({key: array[i : i + 1] for key, array in inputs.items()} for i in range(len(inputs["labels"])))
        images = [self._run(example) for example in examples]
        return np.concatenate(images)


def open_model(path: str, step: int | str | None = None) -> Synthesizer:
    """Opens whatever can synthesise: a run folder, a SavedModel or OpenVINO folder, a .tflite, .onnx or .xml file.

    Exported models have their description, model.json, inside, beside them or one or two folders up, as `export` writes
    it.

    Args:
        path: of the model; or the name of a model of the box, such as "earth".
        step: of a run, the step of a checkpoint, "best" by what it measured while it was trained, or "last".
    Returns:
        `Synthesizer`.
    """
    path = path if os.path.exists(path) else pretrained_models().get(path, path)
    if not os.path.exists(path):
        raise RequestError(
            f"{path}: no such file or folder; give a run folder, a SavedModel or OpenVINO folder, "
            "a .tflite, an .onnx, or a model of the box such as earth."
        )
    if is_run(path):
        return open_keras_run(path, which=step or "last")
    if step is not None:
        raise RequestError(f"--step={step}: {path} is no run folder, and has no other steps; leave --step out.")
    if os.path.isdir(path):
        if is_openvino(path):
            return open_openvino(os.path.join(path, OPENVINO_FILE))
        return open_split(path) if is_split(path) else open_saved_model(path)
    openers = {".tflite": open_tflite, ".onnx": open_onnx, ".xml": open_openvino}
    ending = os.path.splitext(path)[1].lower()
    if ending not in openers:
        raise RequestError(
            f"{path}: unknown kind of model {ending!r}; give a run folder, a SavedModel or OpenVINO folder, "
            "a .tflite, an .onnx or an OpenVINO .xml file."
        )
    return openers[ending](path)


def is_split(path):
    return os.path.isfile(os.path.join(path, f"{PAINTER}.tflite"))


def is_openvino(path):
    return os.path.isfile(os.path.join(path, OPENVINO_FILE))


def is_run(path):
    """Whether a path is a folder of nothing that was exported, and so of a run, or to be refused as none."""
    return os.path.isdir(path) and not is_split(path) and not is_openvino(path) and not find_saved_model(path)


def open_keras_run(path, image_size=None, which="last"):
    """The averaged generator of a run, in Keras; arguments as `open_run` takes them."""
    import tensorflow as tf

    from ecgan_tf.layers.layout import neighbourhoods_pay
    from ecgan_tf.runs.opening import open_run

    generator, description, _ = open_run(path, image_size, which)
    generator.by_neighbourhoods = neighbourhoods_pay()
    generate = tf.function(lambda inputs: generator(inputs)["image"], autograph=False)
    generate_all = tf.function(lambda inputs: generator(inputs), autograph=False)
    inputs = {name: spec.dtype for name, spec in generator.input_specs.items()}
    return Synthesizer(path, description, inputs, lambda inputs: generate(inputs).numpy(), generate_all)


def open_saved_model(path):
    """The `serving_default` signature of a SavedModel; of versioned folders the newest."""
    import tensorflow as tf

    folder = find_saved_model(path)
    with foreign_file(path, "SavedModel"):
        module = tf.saved_model.load(folder)
        generate = module.signatures["serving_default"]
        specs = generate.structured_input_signature[1]
        inputs = checked_inputs({name: spec.dtype.as_numpy_dtype for name, spec in specs.items()})
        if "image" not in generate.structured_outputs:
            raise ValueError("no output is called image")

    def run(inputs, module=module):  # the signature does not keep the module alive, which owns the variables
        return generate(**{key: tf.constant(value) for key, value in inputs.items()})["image"].numpy()

    description = find_description(folder)
    with foreign_file(path, "SavedModel"):
        check_size(description, specs["labels"].shape)
    return Synthesizer(path, description, inputs, run)


def open_tflite(path, threads=None):
    """A .tflite in the LiteRT interpreter."""
    runner, inputs, inside = _tflite_runner(path, threads)
    with foreign_file(path, "LiteRT model"):
        checked_inputs(inputs)
        if "image" not in runner.get_output_details():
            raise ValueError("no output is called image")
    description = find_description(path, inside)
    with foreign_file(path, "LiteRT model"):
        check_size(description, runner.get_input_details()["labels"]["shape"])
    return Synthesizer(path, description, inputs, lambda inputs: as_float(runner(**inputs)["image"]))


def open_split(path):
    """A folder with the two .tflite of an exemplar-guided model; the last exemplar is not read again."""
    encode, of_exemplar, _ = _tflite_runner(os.path.join(path, f"{STYLE_ENCODER}.tflite"))
    synthesise, of_painter, inside = _tflite_runner(os.path.join(path, f"{PAINTER}.tflite"))
    inputs = {name: dtype for name, dtype in of_painter.items() if name not in encode.get_output_details()}
    description = find_description(path, inside)
    with foreign_file(path, "LiteRT model"):
        checked_inputs({**inputs, **of_exemplar})
        if "image" not in synthesise.get_output_details():
            raise ValueError("no output is called image")
        check_size(description, synthesise.get_input_details()["labels"]["shape"])
    last = {}

    def run(example):
        exemplar = {name: example.pop(name) for name in of_exemplar}
        if not last or any(np.any(last["exemplar"][name] != value) for name, value in exemplar.items()):
            last.update(exemplar=exemplar, style=encode(**exemplar))
        return as_float(synthesise(**example, **last["style"])["image"])

    return Synthesizer(path, description, {**inputs, **of_exemplar}, run)


def _tflite_runner(path, threads=None):
    """The signature of a .tflite as a function, the dtypes of its inputs by name, and what it says of itself."""
    with foreign_file(path, "LiteRT model"):
        from ai_edge_litert.interpreter import Interpreter

        with console.stderr_held_back():  # the runtime says which delegate it made
            interpreter = Interpreter(model_path=path, num_threads=threads or os.cpu_count())
            interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner("serving_default")
        inputs = {name: details["dtype"] for name, details in runner.get_input_details().items()}
        return runner, inputs, read_tflite_metadata(path)


def open_onnx(path, threads=None):
    """An .onnx in ONNX Runtime, on the CPU."""
    with foreign_file(path, "ONNX model"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0  # of its own choice
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        inputs = checked_inputs({value.name: ONNX_TYPES.get(value.type) for value in session.get_inputs()})
        if "image" not in [value.name for value in session.get_outputs()]:
            raise ValueError("no output is called image")
        inside = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        shapes = {value.name: value.shape for value in session.get_inputs()}
    description = find_description(path, inside)
    with foreign_file(path, "ONNX model"):
        check_size(description, shapes["labels"])
    return Synthesizer(path, description, inputs, lambda inputs: session.run(["image"], inputs)[0])


def open_openvino(path, threads=None):
    """The .xml of an OpenVINO model, whose .bin lies beside it, on the CPU, in float32.

    Left to itself OpenVINO computes in bfloat16 on a CPU that has it.
    """
    with foreign_file(path, "model for OpenVINO"), _last_line(RuntimeError):
        with open(path, "rb") as file:
            if not IR.match(file.read(1000)):  # the runtime would try it as every other kind of model
                raise ValueError("no OpenVINO IR")
        core = openvino_core()
        model = core.read_model(path)
        types = {value.get_any_name(): value.element_type.to_dtype().name for value in model.inputs}
        inputs = checked_inputs({name: dtype if dtype in INPUT_TYPES else None for name, dtype in types.items()})
        if "image" not in [value.get_any_name() for value in model.outputs]:
            raise ValueError("no output is called image")
        inside = model.get_rt_info([METADATA_KEY]).astype(str) if model.has_rt_info([METADATA_KEY]) else None
        shapes = {value.get_any_name(): _sides(value.partial_shape) for value in model.inputs}
    description = find_description(path, inside)
    with foreign_file(path, "model for OpenVINO"), _last_line(RuntimeError):
        check_size(description, shapes["labels"])
        model.reshape({name: [1, *shape[1:]] for name, shape in shapes.items()})
        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads or os.cpu_count()}
        compiled = core.compile_model(model, "CPU", options)
    return Synthesizer(path, description, inputs, lambda inputs: compiled(inputs)["image"].copy())


def _sides(shape):
    """The sides of an OpenVINO shape, an open one as -1; () where even their number is open."""
    return () if shape.rank.is_dynamic else tuple(-1 if side.is_dynamic else side.get_length() for side in shape)


@contextlib.contextmanager
def _last_line(kind):
    """Leaves of an error the last line, where the first ones are those of a runtime's own source."""
    try:
        yield
    except kind as error:
        raise ValueError((str(error).strip().splitlines() or [type(error).__name__])[-1]) from error


def read_tflite_metadata(path):
    """What `export` wrote into a .tflite of its model: JSON, or None."""
    from ai_edge_litert import schema_py_generated as schema

    with open(path, "rb") as file:
        model = schema.Model.GetRootAs(file.read(), 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA_KEY.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode()
    return None


def checked_inputs(inputs):
    """The inputs of a model by name, if they are those of a generator; a ValueError otherwise."""
    foreign = [name for name, dtype in inputs.items() if name not in INPUTS or dtype is None]
    if foreign or "labels" not in inputs:
        raise ValueError(f"its inputs are {', '.join(inputs) or 'none'}")
    return inputs


def check_size(description, shape):
    """A ValueError where the `labels` of a model are not (batch, height, width) of the size that it describes."""
    size = tuple(map(int, description["arguments"]["image_size"]))
    sides = tuple(shape)[1:]
    fits = len(sides) == 2 and all(not isinstance(n, int | np.integer) or n in (-1, m) for n, m in zip(sides, size))
    if not fits:  # a side that is no number is open
        raise ValueError(f"its labels are {tuple(shape)}, it describes itself as {size}")


def find_description(path, inside=None):
    """What an exported model is: from `inside` it where it has it, else from a model.json beside it or above.

    Args:
        path: of the model.
        inside: JSON, or None.
    """
    if inside is not None:
        return checked_description(path, inside)
    folder = os.path.abspath(path)
    candidates = [os.path.join(folder, INSIDE)]  # of a SavedModel
    for _ in range(3):
        folder = os.path.dirname(folder)
        candidates.append(os.path.join(folder, DESCRIPTION))
    for candidate in candidates:
        if os.path.isfile(candidate):
            return checked_description(candidate, read_json(candidate))
    raise RequestError(
        f"{path}: no {DESCRIPTION} beside it, which tells its classes and size; keep the files of an export together."
    )


def checked_description(path, description):
    """`description`, a dictionary or its JSON, if it describes a model."""
    try:
        description = parse_json(description) if isinstance(description, str) else description
        Synthesizer(path, description, {}, None)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise RequestError(f"{path} does not describe a model ({error}).") from error
    return description
