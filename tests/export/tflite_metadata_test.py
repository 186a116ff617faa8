"""The standard metadata of a .tflite, by MediaPipe's reader, and labels.txt in the zip behind it."""

import importlib.util
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.pixels import as_float, to_uint8
from export.inference_model import InferenceModel
from export.report import inspect
from export.tflite import write_tflite
from export.tflite_metadata import LABELS, STANDARD, label_lines, standard_metadata, with_metadata

READER = "mediapipe==1.2.3"  # whose classes of the schema are read from the wheel: it itself is large


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """MediaPipe's module that reads the schema; skips where pip does not get the package."""
    folder = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", READER, "-d", folder]
    got = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=180)
    if got.returncode:
        pytest.skip(f"pip download {READER}: {got.stderr.strip()[-300:]}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        file = archive.extract("mediapipe/tasks/metadata/metadata_schema_py_generated.py", folder)
    spec = importlib.util.spec_from_file_location("metadata_schema", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(make_run):
    return InferenceModel(make_run("ecgan", has_unknown=True, has_boundaries=True))


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("tflite") / "model.tflite"
    write_tflite(model, str(path), "float32")
    return path


def entry(path, name="TFLITE_METADATA"):
    """The bytes of a metadata entry, and the subgraph's inputs and outputs as indices."""
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    (found,) = [model.Metadata(i) for i in range(model.MetadataLength()) if model.Metadata(i).Name() == name.encode()]
    return model.Buffers(found.Buffer()).DataAsNumpy().tobytes()


def read(reader, path):
    """The metadata as MediaPipe's objects, and the tensors' by name."""
    content = entry(path)
    assert reader.ModelMetadata.ModelMetadataBufferHasIdentifier(content, 0)
    metadata = reader.ModelMetadataT.InitFromObj(reader.ModelMetadata.GetRootAs(content, 0))
    (graph,) = metadata.subgraphMetadata
    inputs = [(tensor.name.decode(), tensor) for tensor in graph.inputTensorMetadata]
    return metadata, inputs, [(tensor.name.decode(), tensor) for tensor in graph.outputTensorMetadata]


def normalize(tensor, values):
    """What a reader of the metadata makes of a tensor's values."""
    (unit,) = tensor.processUnits
    return (np.asarray(values, np.float64) - unit.options.mean[0]) / unit.options.std[0]


def test_inputs_and_outputs_are_described_in_the_graphs_order(reader, model, path):
    metadata, inputs, outputs = read(reader, path)
    assert metadata.name == b"ecgan" and metadata.minParserVersion == b"1.0.0"
    assert model.description["licence"].encode() in metadata.license
    graph = schema.Model.GetRootAs(path.read_bytes(), 0).Subgraphs(0)
    shapes = {"labels": (1, 32, 32), "boundaries": (1, 32, 32, 1)}
    assert [tuple(graph.Tensors(i).ShapeAsNumpy()) for i in graph.InputsAsNumpy()] == [
        shapes[name] for name, _ in inputs
    ]
    assert [name for name, _ in outputs] == ["image"] and len(inputs) == 2
    labels = dict(inputs)["labels"]
    assert labels.content.contentPropertiesType == reader.ContentProperties.FeatureProperties
    assert not labels.processUnits  # ids are no colours
    assert (labels.stats.min[0], labels.stats.max[0]) == (0, 3)
    (file,) = labels.associatedFiles
    assert (file.name, file.type) == (b"labels.txt", reader.AssociatedFileType.TENSOR_VALUE_LABELS)


def test_what_the_metadata_say_of_the_picture_gives_its_pixels(reader, model, path):
    ((_, image),) = read(reader, path)[2]
    properties = image.content.contentProperties
    assert image.content.contentPropertiesType == reader.ContentProperties.ImageProperties
    assert (properties.colorSpace, properties.defaultSize.height, properties.defaultSize.width) == (1, 32, 32)
    x = open_model(str(path)).generate(model.layouts)
    pixels = np.floor(np.clip(normalize(image, x), 0, 255) + 0.5)
    assert abs(pixels - to_uint8(x)).max() <= 1 and (pixels == to_uint8(x)).mean() > 0.999


def small(function, **signature):
    """A .tflite of a function of named tensors: bytes."""
    module = tf.Module()
    specs = {name: tf.TensorSpec(shape, dtype, name=name) for name, (shape, dtype) in signature.items()}
    module.function = tf.function(function)
    concrete = module.function.get_concrete_function(**specs)
    return tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert()


def test_bytes_are_taken_and_given_as_they_are(reader, model, tmp_path):
    def run(labels):
        return {"image": tf.tile(labels[..., None], (1, 1, 1, 3))}

    content = small(run, labels=((1, 4, 6), "uint8"))
    (tmp_path / "a.tflite").write_bytes(
        with_metadata(content, {STANDARD: standard_metadata(content, model.description)})
    )
    _, ((_, labels),), ((_, image),) = read(reader, tmp_path / "a.tflite")
    np.testing.assert_array_equal(normalize(image, [0, 128, 255]), [0, 128, 255])
    assert (image.stats.min[0], image.stats.max[0]) == (0, 255) and not labels.processUnits
    assert (image.content.contentProperties.defaultSize.height, image.content.contentProperties.defaultSize.width) == (
        4,
        6,
    )


def test_photographs_and_styles_are_told_apart(reader, model, tmp_path):
    def run(exemplar, exemplar_labels):
        return {"values_0": exemplar * 2.0, "label_pool": tf.cast(exemplar_labels, tf.float32) * 3.0}

    content = small(run, exemplar=((1, 4, 6, 3), "float32"), exemplar_labels=((1, 4, 6), "int32"))
    (tmp_path / "a.tflite").write_bytes(
        with_metadata(content, {STANDARD: standard_metadata(content, model.description)})
    )
    _, inputs, outputs = read(reader, tmp_path / "a.tflite")
    photograph = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(normalize(dict(inputs)["exemplar"], photograph), as_float(photograph), atol=1e-6)
    assert dict(inputs)["exemplar_labels"].associatedFiles[0].name == b"labels.txt"
    assert {name for name, _ in outputs} == {"values_0", "label_pool"}
    assert not any(tensor.processUnits for _, tensor in outputs)


def test_the_classes_are_a_zip_behind_the_model(model, path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [info.compress_type for info in archive.infolist()] == [zipfile.ZIP_STORED]
        assert archive.read(LABELS).decode().splitlines() == ["class 0", "class 1", "class 2", "unknown"]
    assert path.read_bytes()[4:8] == b"TFL3"
    assert inspect(str(path))["operators"]["CONV_2D"]  # which the interpreter counts


def test_weights_lie_where_the_schema_wants_them(path):
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    places = [model.Buffers(i)._tab for i in range(model.BuffersLength()) if model.Buffers(i).DataLength()]
    assert len(places) > 10 and not [table for table in places if table.Vector(table.Offset(4)) % 16]


def test_a_class_has_one_line():
    names = [{"id": i, "raw_id": i, "name": name, "color": [0, 0, 0]} for i, name in enumerate(["a\nb", "c  d"])]
    assert label_lines({"classes": {"ignore_index": None, "classes": names}}) == ["a b", "c d"]
