"""One tiny network in every kind of file, behind descriptions that feed it in different ways."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.judge import file_hash
from ecgan_tf.evaluation.networks.opening import open_judge

SIZE = (16, 24)
FED = {"range": [0, 255], "mean": [10.0, 20.0, 30.0], "std": [2.0, 3.0, 4.0], "channels": "bgr"}
OUTPUTS = {"output": "logits", "features": "pooled", "feature_maps": ["hidden", "logits"]}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    x = inputs = keras.Input((*SIZE, 3), name="image")
    hidden = keras.layers.Conv2D(6, 3, 2, "same", activation="relu", name="hidden")(x)
    logits = keras.layers.Conv2D(4, 1, name="logits")(hidden)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(hidden)
    return keras.Model(inputs, {"logits": logits, "pooled": pooled, "hidden": hidden}, name="tiny")


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    """The network as a file of each kind: a folder."""
    folder = tmp_path_factory.mktemp("networks")
    network.save(folder / "net.keras")
    call = tf.function(lambda image: network(image), [tf.TensorSpec((None, *SIZE, 3), name="image")], autograph=False)
    holder = tf.Module()
    holder.variables_of = [variable.value for variable in network.variables]
    tf.saved_model.save(holder, str(folder / "net"), signatures={"serving_default": call})
    one = tf.function(lambda image: network(image), [tf.TensorSpec((1, *SIZE, 3), name="image")], autograph=False)
    holder.call = one
    concrete = one.get_concrete_function()
    (folder / "net.tflite").write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder).convert())
    return folder


def write_onnx(network, path, channels_first):
    tf2onnx = pytest.importorskip(
        "tf2onnx", reason="writing the tiny .onnx takes tf2onnx: pip install 'ecgan_tf[export]'"
    )
    spec = tf.TensorSpec((1, 3, *SIZE) if channels_first else (1, *SIZE, 3), name="image")

    def call(image):
        outputs = network(tf.transpose(image, (0, 2, 3, 1)) if channels_first else image)
        if channels_first:
            outputs = {name: tf.transpose(y, (0, 3, 1, 2)) if len(y.shape) == 4 else y for name, y in outputs.items()}
        return {name: tf.identity(y, name=name) for name, y in outputs.items()}

    tf2onnx.convert.from_function(tf.function(call, autograph=False), [spec], opset=18, output_path=str(path))


@pytest.fixture
def describe(files):
    def write(**fields):
        path = files / "judge.json"
        fields = {"name": "tiny", "kind": "segmenter", "file": "net.keras", **FED, **OUTPUTS, **fields}
        path.write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))
        return str(path)

    return write


@pytest.fixture
def images(rng):
    return rng.uniform(-1, 1, (2, *SIZE, 3)).astype(np.float32)


@pytest.fixture
def expected(network, images):
    """What the network says of the images, fed as `FED` says."""
    x = (images[..., ::-1] + 1) * 127.5
    return network(((x - np.float32([10, 20, 30])) / np.float32([2, 3, 4])).astype(np.float32))


@pytest.mark.parametrize("file", ["net.keras", "net", "net.tflite", "net.onnx", "first.onnx"])
def test_every_kind_of_file_says_what_the_network_says(file, describe, files, network, images, expected):
    if file.endswith(".onnx"):
        write_onnx(network, files / file, file == "first.onnx")
    if file.endswith(".tflite"):
        pytest.importorskip("ai_edge_litert", reason="a .tflite needs LiteRT: pip install 'ecgan_tf[export]'")
    layout = {"layout": "nchw"} if file == "first.onnx" else {}
    judge = open_judge(describe(file=file, classes=[7, 3, None, 0], **layout))
    assert (judge.name, judge.kind, judge.known.tolist()) == ("tiny", "segmenter", [0, 3, 7])
    assert judge.hash == file_hash(files / "judge.json", str(files / file))
    np.testing.assert_allclose(judge.features(images), expected["pooled"], rtol=1e-3, atol=1e-3)
    for maps, name in zip(judge.feature_maps(images), ("hidden", "logits"), strict=True):
        np.testing.assert_allclose(maps, expected[name], rtol=1e-3, atol=1e-2)
    ids = np.argmax(tf.image.resize(expected["logits"], SIZE), axis=-1)
    found = judge.segment(images)
    assert found.dtype == np.int64 and np.mean(found == np.array([7, 3, 255, 0])[ids]) > 0.99


def test_what_it_does_not_know_is_not_asked(describe):
    asked = open_judge(describe(classes=[7, 3, None, 0])).asked(np.array([[0, 1, 3], [7, 8, 2]]), 8)
    assert asked.tolist() == [[0, 8, 3], [7, 8, 8]]
    labels = np.arange(9)
    assert open_judge(describe()).asked(labels, 8) is labels


def test_images_of_another_size_are_resized_and_the_ids_come_back_at_theirs(describe, network, rng):
    judge = open_judge(describe(size=list(SIZE)))
    images = rng.uniform(-1, 1, (1, 32, 48, 3)).astype(np.float32)
    assert judge.segment(images).shape == (1, 32, 48)
    flat = np.tile(np.float32([0.5, -0.5, 0.0]), (1, 32, 48, 1))  # which resizing leaves as it is
    small = open_judge(describe()).features(flat[:, :16, :24])
    np.testing.assert_allclose(judge.features(flat), small, rtol=1e-4, atol=1e-3)


def test_ids_are_resized_to_the_nearest_and_maps_are_pooled(describe, files, rng):
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), name="image")], autograph=False)
    def call(image):
        small = image[:, ::2, ::2]
        return {"ids": tf.argmax(small, axis=-1), "small": small}

    tf.saved_model.save(module, str(files / "ids"), signatures={"serving_default": call})
    fed = {"range": [0, 1], "mean": None, "std": None, "channels": "rgb"}
    path = describe(file="ids", output="ids", features="small", feature_maps=None, classes=[4, None, 2], **fed)
    judge = open_judge(path)
    labels = rng.integers(0, 3, (2, 4, 6))
    images = (2 * np.eye(3)[labels] - 1).repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(judge.segment(images), np.array([4, 255, 2])[labels].repeat(2, 1).repeat(2, 2))
    np.testing.assert_allclose(judge.features(images), np.eye(3)[labels].mean((1, 2)), atol=1e-6)


def test_a_file_that_holds_code_is_refused(describe, files):
    inputs = keras.Input((8, 8, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x, name="code")(inputs)).save(files / "code.keras")
    with pytest.raises(RequestError, match="code.keras is no Keras model"):
        open_judge(describe(file="code.keras", output="code", features="code", feature_maps=None))


def test_weights_of_a_known_architecture(describe, files, images):
    keras.utils.set_random_seed(2)
    network = keras.applications.MobileNet(include_top=False, weights=None, alpha=1.0, input_shape=(None, None, 3))
    network.save_weights(files / "mobile.weights.h5")
    fields = {"kind": "features", "output": None, "feature_maps": ["conv_pw_1_relu"], "features": "conv_pw_3_relu"}
    judge = open_judge(describe(file="mobile.weights.h5", architecture="MobileNet", range=[-1, 1], mean=None, std=None,
                                channels="rgb", **fields))  # fmt: skip
    layer = keras.Model(network.input, network.get_layer("conv_pw_3_relu").output)
    np.testing.assert_allclose(judge.features(images), np.mean(layer(images), (1, 2)), rtol=1e-4, atol=1e-5)
    for architecture, message in ((None, "field 'architecture' is missing"), ("imagenet_utils", "known are .*VGG16")):
        with pytest.raises(RequestError, match=f"judge.json: .*{message}|judge.json: {message}"):
            open_judge(describe(file="mobile.weights.h5", architecture=architecture, **fields))


WRONG = [
    ({"name": None}, "field 'name' is missing"),
    ({"name": "A judge"}, "field 'name' is 'A judge'; it is for the names of numbers: small letters"),
    ({"file": "nowhere.onnx"}, "field 'file' is 'nowhere.onnx', which is not there"),
    ({"file": "judge.json"}, "field 'file' is of an unknown kind '.json'"),
    ({"kind": "discriminator"}, "field 'kind' is 'discriminator'; it is segmenter, classifier or features"),
    ({"output": None}, "field 'output' is missing, of a segmenter"),
    ({"kind": "features", "features": None}, "field 'features' is missing"),
    ({"output": "softmax"}, "the network has no output 'softmax'; its last ones are .*logits"),
    ({"size": [16]}, r"field 'size' is '\[16\]'; it is \[height, width\]"),
    ({"size": [16, True]}, "field 'size'"),
    ({"size": [16, 10**9]}, "field 'size'"),
    ({"range": [1, 1]}, "field 'range'"),
    ({"mean": [0.5, 0.5]}, "field 'mean'"),
    ({"std": [1, 1, 0]}, "field 'std'"),
    ({"std": [1, 1, float("nan")]}, "field 'std'"),
    ({"channels": "grb"}, "field 'channels' is 'grb'; it is rgb or bgr"),
    ({"classes": []}, "field 'classes'"),
    ({"classes": [0, 1.5]}, "field 'classes'"),
    ({"classes": [0, 300]}, "field 'classes'"),
    ({"feature_maps": "hidden"}, "field 'feature_maps'"),
    ({"architecture": "VGG16"}, "field 'architecture' is for a .weights.h5"),
    ({"sizes": [1, 2]}, "unknown field 'sizes'; there are name, file, kind"),
]


@pytest.mark.parametrize(("fields", "message"), WRONG, ids=[message[:40] for _, message in WRONG])
def test_a_wrong_field_is_named_with_its_file(fields, message, describe):
    with pytest.raises(RequestError, match=f"judge.json: {message}") as error:
        open_judge(describe(**fields))
    assert "\n" not in str(error.value)


def test_what_a_network_gives_must_be_what_its_field_says(describe, images):
    with pytest.raises(RequestError, match=r"field 'output' names an output of shape \(2, 6\); wanted is logits"):
        open_judge(describe(output="pooled")).segment(images)
    with pytest.raises(RequestError, match=r"field 'feature_maps' names an output of shape \(2, 6\)"):
        open_judge(describe(feature_maps=["pooled"])).feature_maps(images)
    with pytest.raises(RequestError, match="field 'classes' maps 2 ids, the network gave"):
        open_judge(describe(classes=[0, 1])).segment(images)


@pytest.mark.parametrize("file", ["bad.keras", "bad.tflite", "bad.onnx", "bad"])
def test_a_damaged_file_is_named_in_one_line(file, describe, files):
    if file == "bad":
        (files / file).mkdir(exist_ok=True)
    else:
        (files / file).write_bytes(b"nonsense")
    with pytest.raises(RequestError, match=f"{file} is no |{file}: a .* needs the package") as error:
        open_judge(describe(file=file))
    assert "\n" not in str(error.value)
