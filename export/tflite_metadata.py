"""What a .tflite says of itself: our description, and the standard metadata that Android Studio and MediaPipe read.

The standard one is a FlatBuffer of its own in the metadata entry TFLITE_METADATA. Its tables are written here by the
numbers of their fields in the public metadata_schema.fbs: no package that is maintained and light brings its classes.
Files that it names, such as labels.txt, are a zip behind the model, which runtimes do not read.
"""

import zipfile

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from ecgan_tf.data.classes import ClassList
from export.inference_model import INTERMEDIATES
from export.tflite_graph import packed

STANDARD, IDENTIFIER = "TFLITE_METADATA", b"M001"
LABELS = "labels.txt"  # the names of the classes, in the order of their ids
PARSER = "1.0.0"  # version of the schema that has all fields that are written
# Tables of the schema: their fields, in the order of their numbers. A union has two, its type and its value.
MODEL = ("name", "description", "version", "subgraph_metadata", "author", "license", "associated_files", "parser")
SUBGRAPH = ("name", "description", "input_tensor_metadata", "output_tensor_metadata", "associated_files")
TENSOR = ("name", "description", "dimension_names", "content", "process_units", "stats", "associated_files")
CONTENT = ("content_properties_type", "content_properties", "range")
IMAGE = ("color_space", "default_size")
SIZE = ("width", "height")
PROCESS_UNIT = ("options_type", "options")
NORMALIZATION = ("mean", "std")
STATS = ("max", "min")
FILE = ("name", "description", "type")
# Values of its enumerations.
FEATURE, PICTURE = np.uint8(1), np.uint8(2)  # kinds of content
NORMALIZED = np.uint8(1)  # kind of process unit
RGB = np.int8(1)
VALUE_LABELS = np.int8(3)  # of a file: its lines are the names of the tensor's values
PHOTOGRAPHS = ("source", "exemplar")  # inputs
DESCRIPTIONS = {
    "labels": "Label map: the id of each pixel's class, by the lines of labels.txt.",
    "exemplar_labels": "Label map of the exemplar: the id of each pixel's class, by the lines of labels.txt.",
    "boundaries": "1 where an instance ends, else 0.",
    "source": "Photograph from the other view.",
    "exemplar": "Photograph whose style the picture takes.",
    "z": "Numbers from N(0, 1), which choose one of a layout's many pictures.",
    "noise": "Numbers from N(0, 1) for each label, which choose one of a layout's many pictures.",
    "image": "The picture.",
    "edge": "The edge that gates it.",
    "initial_image": "The first image, before semantic preserving.",
    "global_image": "The picture of the global generator.",
    "local_image": "The picture of the class-specific generators.",
}


def write_described(path, content, model):
    """Writes a .tflite that describes itself.

    Args:
        path: to write to.
        content: bytes of the .tflite, without metadata.
        model: `InferenceModel`.
    """
    labels = label_lines(model.description)
    standard = standard_metadata(content, model.description)
    with open(path, "wb") as file:
        file.write(with_metadata(content, {**model.metadata(), STANDARD: standard}))
    with zipfile.ZipFile(path, "a") as archive:  # behind the model; not compressed, as C++ reads it
        archive.writestr(zipfile.ZipInfo(LABELS), "".join(f"{line}\n" for line in labels))


def with_metadata(content, metadata):
    """The .tflite with entries in its metadata: a bytearray; it describes the model to the runtimes.

    Args:
        content: bytes of the .tflite.
        metadata: dictionary from name to text or bytes.
    """
    entries = {name: value.encode() if isinstance(value, str) else value for name, value in metadata.items()}
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for name, value in entries.items():
        buffer, entry = schema.BufferT(), schema.MetadataT()
        buffer.data = np.frombuffer(value, np.uint8)
        entry.name, entry.buffer = name.encode(), len(model.buffers)
        model.buffers.append(buffer)
        model.metadata = [*(model.metadata or []), entry]
    return packed(model, len(content) + sum(map(len, entries.values())))


def label_lines(description):
    """The name of each label id, in their order, one line each; the last is "unknown" where labels may be."""
    return [" ".join(str(name).split()) for name in ClassList.from_dict(description["classes"]).label_names]


def standard_metadata(content, description):
    """The standard metadata of a .tflite: bytes.

    Args:
        content: bytes of the .tflite; names, types and sizes of inputs and outputs are read from it.
        description: of the model.
    """
    inputs, outputs = _tensors(content)
    highest = len(label_lines(description)) - 1
    subgraph = _table(
        SUBGRAPH,
        input_tensor_metadata=[_input(*tensor, highest) for tensor in inputs],
        output_tensor_metadata=[_output(*tensor) for tensor in outputs],
    )
    model = _table(
        MODEL,
        name=str(description["name"]),
        description="Semantic image synthesis: a label map goes in, a photograph comes out.",
        version=f"step {description['step']} of {description['source']}",
        subgraph_metadata=[subgraph],
        license=f"Data that it was trained on: {description['licence']}",
        parser=PARSER,
    )
    builder = flatbuffers.Builder(4096)
    builder.Finish(_put(builder, model), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _tensors(content):
    """(name in the signature, shape, whether it is float) of the inputs and of the outputs, in the graph's order."""
    model = schema.Model.GetRootAs(content, 0)
    graph, signature = model.Subgraphs(0), model.SignatureDefs(0)
    names = {signature.Inputs(i).TensorIndex(): signature.Inputs(i).Name() for i in range(signature.InputsLength())}
    names |= {signature.Outputs(i).TensorIndex(): signature.Outputs(i).Name() for i in range(signature.OutputsLength())}

    def described(index):
        tensor = graph.Tensors(index)
        return names[index].decode(), tuple(tensor.ShapeAsNumpy()), tensor.Type() == schema.TensorType.FLOAT32

    return [[described(index) for index in indices] for indices in (graph.InputsAsNumpy(), graph.OutputsAsNumpy())]


def _input(name, shape, is_float, highest):
    """Table of an input. Label ids are taken as they are; a photograph's pixels p in 0..255 as (p - 127.5) / 127.5."""
    if name in PHOTOGRAPHS:
        return _picture(name, shape, *((127.5, 127.5) if is_float else (0.0, 1.0)), lowest_highest=(0, 255))
    known = {}
    if name == "labels" or name.endswith("_labels"):
        file = _table(FILE, name=LABELS, description="Names of the classes.", type=VALUE_LABELS)
        known = {"associated_files": [file], "stats": _stats(0, highest)}
    return _feature(name, **known)


def _output(name, shape, is_float):
    """Table of an output. A picture's x in [-1, 1] becomes the pixel (x - mean) / std = (x + 1) * 127.5, in 0..255."""
    if name not in ("image", *INTERMEDIATES):
        return _feature(name)
    if is_float:
        return _picture(name, shape, -1.0, 1 / 127.5, lowest_highest=(-1, 1))
    return _picture(name, shape, 0.0, 1.0, lowest_highest=(0, 255))


def _feature(name, **more):
    content = _table(CONTENT, content_properties_type=FEATURE, content_properties=_table(()))
    return _table(TENSOR, name=name, description=DESCRIPTIONS.get(name, "Of the style."), content=content, **more)


def _picture(name, shape, mean, std, lowest_highest):
    """Table of a tensor that is a picture; `mean` and `std` say what (x - mean) / std makes of its values."""
    size = _table(SIZE, width=np.uint32(shape[2]), height=np.uint32(shape[1]))
    properties = _table(IMAGE, color_space=RGB, default_size=size)
    options = _table(NORMALIZATION, mean=np.float32([mean]), std=np.float32([std]))
    return _table(
        TENSOR,
        name=name,
        description=DESCRIPTIONS.get(name, "A picture."),
        content=_table(CONTENT, content_properties_type=PICTURE, content_properties=properties),
        process_units=[_table(PROCESS_UNIT, options_type=NORMALIZED, options=options)],
        stats=_stats(*lowest_highest),
    )


def _stats(lowest, highest):
    return _table(STATS, max=np.float32([highest]), min=np.float32([lowest]))


def _table(fields, **values):
    """A table to be written: dictionary from the number of a field to its value."""
    return {fields.index(name): value for name, value in values.items()}


def _put(builder, value):
    """Writes a text, a table, a vector of numbers or a list of tables into a FlatBuffer, and returns its place."""
    if isinstance(value, str):
        return builder.CreateString(value)
    if isinstance(value, np.ndarray):
        return builder.CreateNumpyVector(value)
    if isinstance(value, list):
        places = [_put(builder, each) for each in value]
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return builder.EndVector()
    numbers = {
        np.int8: builder.PrependInt8Slot,
        np.uint8: builder.PrependUint8Slot,
        np.uint32: builder.PrependUint32Slot,
    }
    places = {field: _put(builder, each) for field, each in value.items() if type(each) not in numbers}
    builder.StartObject(max(value, default=-1) + 1)
    for field, each in value.items():
        if field in places:
            builder.PrependUOffsetTRelativeSlot(field, places[field], 0)
        else:
            numbers[type(each)](field, int(each), 0)
    return builder.EndObject()
