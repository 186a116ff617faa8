"""A tiny segmenter of others as the label generator: the same loss and gradients as of the Keras network itself."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import ecgan_tf
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.choice import used_by
from ecgan_tf.evaluation.networks.opening import open_judge
from ecgan_tf.losses.labels import similarity_loss
from ecgan_tf.methods import METHODS
from ecgan_tf.models.descriptions import resize
from ecgan_tf.models.label_generators import load_label_generator, map_classes
from ecgan_tf.runs.checkpoints import read_checkpoint
from ecgan_tf.runs.folder import RunFolder
from ecgan_tf.training.gan import GAN

SIZE = (32, 32)
CLASSES = [2, 0, None, 1, 0]  # of the network's five ids
FED = {"range": [0, 255], "mean": [100.0, 110.0, 120.0], "std": [50.0, 60.0, 70.0], "channels": "bgr"}
TOY = {"loss__similarity": 1.0, "train__steps": 2, "train__evaluate_every": 0}


def make_network(num_classes=5, dtype=None):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((None, None, 3), name="image")
    x = keras.layers.Conv2D(6, 3, 2, "same", activation="tanh", name="hidden")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    logits = keras.layers.Conv2D(num_classes, 3, 2, "same", name="logits")(x)
    softmax = keras.layers.Softmax(name="softmax")(logits)
    return keras.Model(inputs, {"logits": logits, "softmax": softmax}, name="theirs")


def save(network, path, batch=None, size=(None, None), channels_first=False):
    """A SavedModel with logits, their softmax and the ids of the largest ones."""
    shape = (batch, 3, *size) if channels_first else (batch, *size, 3)

    def call(image):
        outputs = network(tf.transpose(image, (0, 2, 3, 1)) if channels_first else image, training=False)
        outputs = {**outputs, "ids": tf.argmax(outputs["logits"], -1), "rounded": tf.round(outputs["logits"])}
        if channels_first:
            outputs = {name: tf.transpose(y, (0, 3, 1, 2)) if len(y.shape) == 4 else y for name, y in outputs.items()}
        return outputs

    module = tf.Module()
    module.owned = [variable.value for variable in network.variables]
    signature = tf.function(call, [tf.TensorSpec(shape, name="image")], autograph=False)
    tf.saved_model.save(module, str(path), signatures={"serving_default": signature})


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module")
def files(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("theirs")
    network.save(folder / "net.keras")
    save(network, folder / "net")
    save(network, folder / "first", channels_first=True)
    save(network, folder / "single", batch=1)
    save(network, folder / "large", size=(64, 64))
    make_network(17).save(folder / "tiles.keras")
    for name in ("net.tflite", "net.onnx", "net.weights.h5"):
        (folder / name).write_bytes(b"")
    return folder


@pytest.fixture
def describe(files):
    def write(**fields):
        path = files / "theirs.json"
        fields = {"name": "theirs", "kind": "segmenter", "file": "net.keras", "output": "logits", **FED,
                  "classes": CLASSES, **fields}  # fmt: skip
        path.write_text(json.dumps({key: value for key, value in fields.items() if value is not None}))
        return str(path)

    return write


@pytest.fixture
def images(rng):
    return tf.constant(rng.uniform(-1, 1, (2, *SIZE, 3)), tf.float32)


def fed(images):
    """As `FED` says it."""
    return ((images[..., ::-1] + 1) * 127.5 - FED["mean"]) / FED["std"]


def loss_and_gradient(logits_of, images):
    labels = tf.constant(np.random.default_rng(3).integers(0, 4, (2, 8, 8)), tf.int32)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = similarity_loss(logits_of(images), labels)
    return loss.numpy(), tape.gradient(loss, images).numpy()


def summed(logits):
    """The mapping of `CLASSES` by probabilities, spelled out."""
    p = tf.nn.softmax(logits)
    classes = tf.stack([p[..., 1] + p[..., 4], p[..., 3], p[..., 0]], axis=-1)
    return tf.math.log(classes / tf.reduce_sum(classes, axis=-1, keepdims=True))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    ("file", "output"), [("net.keras", "logits"), ("net", "logits"), ("first", "logits"), ("net", "softmax")]
)
def test_loss_and_gradient_are_those_of_the_network(file, output, policy, describe, network, images):
    keras.config.set_dtype_policy(policy)
    path = describe(file=file, output=output, layout="nchw" if file == "first" else "nhwc")
    generator = load_label_generator(path, 3, SIZE)
    assert generator(images).dtype == tf.float32 and generator(images).shape[1:] == (8, 8, 3)
    assert generator.known.tolist() == [True] * 3
    loss, gradient = loss_and_gradient(generator, images)
    expected = loss_and_gradient(lambda x: summed(network(fed(x), training=False)["logits"]), images)
    np.testing.assert_allclose(loss, expected[0], rtol=1e-4)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-3, atol=1e-4 * np.abs(expected[1]).max())
    assert np.abs(gradient).max() > 0


def test_without_a_mapping_the_logits_are_the_networks(describe, network, images):
    generator = load_label_generator(describe(classes=None), 5, SIZE)
    np.testing.assert_allclose(generator(images), network(fed(images))["logits"], rtol=1e-4, atol=1e-4)
    assert generator.known is None and generator.title == "theirs (net.keras), 5 of 5 classes at 8x8"


@pytest.mark.parametrize(("size", "grid"), [([48, 48], (8, 8)), ([64, 64], (16, 16)), ([32, 64], (8, 8))])
def test_a_grid_that_does_not_fit_the_images_is_resized_to_a_quarter(size, grid, describe, network, images):
    """48 give 12 rows, of which 32 are no multiple; 64 give 16; of 32x64 rows and columns are other shares."""
    generator = load_label_generator(describe(size=size, classes=None), 5, SIZE)
    logits = network(fed(tf.image.resize(images, size, antialias=True)))["logits"]
    expected = tf.image.resize(logits, grid, antialias=True)
    np.testing.assert_allclose(generator(images), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [(5, 9), (16, 8), (3, 20), (11, 13)])
def test_resizing_by_matrices_is_that_of_tensorflow(size, rng):
    maps = rng.normal(size=(2, 11, 13, 4)).astype(np.float32)
    np.testing.assert_allclose(resize(maps, size), tf.image.resize(maps, size, antialias=True), atol=1e-5)


def test_ids_of_one_class_add_up_and_those_of_none_are_left_out(rng):
    logits = 5 * rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    logits[0, 0, 0] = [0, 1, 1000, -1, 2]  # nothing is left of the others beside an id of no class
    expected = np.zeros((2, 3, 4, 6))
    for index, label in ((0, 2), (1, 0), (3, 1), (4, 0)):
        expected[..., label] += np.exp(logits[..., index].astype(np.float64))
    expected /= expected.sum(-1, keepdims=True)
    found = tf.nn.softmax(map_classes(logits, CLASSES, 6)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_what_it_cannot_tell_is_not_asked(describe, tiny_config, images):
    path = describe(classes=[0, 0, 2, None, None])
    config = tiny_config(**{"loss.segmenter": path, "loss.similarity": 1.0})
    gan = GAN(config, arguments(3))
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    labels = np.random.default_rng(3).integers(0, 4, (2, *SIZE)).astype(np.int32)
    (weight, found) = objective.label_objective(tf.constant(labels), images)["L_s"]
    np.testing.assert_array_equal(tf.gather(objective.label_objective.asked, labels), np.where(labels == 1, 3, labels))
    asked = np.where(labels == 1, 3, labels)[:, ::4, ::4]
    assert weight == 1.0
    np.testing.assert_allclose(found, similarity_loss(load_label_generator(path, 3, SIZE)(images), asked), rtol=1e-4)


def arguments(num_classes):
    config = ecgan_tf.load_config("ecgan_earth_tiles:toy")
    layout = {"num_classes": num_classes, "image_size": SIZE, "has_unknown": True, "has_boundaries": True}
    return {**{key: value for key, value in config.model.items() if key != "name"}, **layout}


EARLY = [
    ({"kind": "features", "features": "logits"}, "field 'kind' is 'features'; a label generator is a segmenter"),
    ({"file": "net.tflite"}, "field 'file' is 'net.tflite', through which no gradient passes; .* as one of them"),
    ({"file": "net.onnx"}, "field 'file' is 'net.onnx', through which"),
    ({"file": "net.weights.h5", "architecture": "VGG16"}, "field 'file' is 'net.weights.h5', through which"),
    ({"architecture": "VGG16"}, "field 'architecture' is for a .weights.h5"),
    ({"file": "nowhere.keras"}, "field 'file' is 'nowhere.keras', which is not there"),
    ({"channels": "grb"}, "field 'channels' is 'grb'; it is rgb or bgr"),
]
LATE = [
    ({"output": "argmax"}, "the network has no output 'argmax'; its last ones are .*logits, softmax"),
    (
        {"file": "net", "output": "ids"},
        r"'ids', which gives int64 \(2, 8, 8\), not logits .*: name the output with the",
    ),
    ({"file": "net", "output": "rounded"}, "net lets no gradient pass"),
    ({"file": "single"}, "single gives no labels of two images of 32x32"),
    ({"file": "large"}, "large gives no labels of two images of 32x32 .*; field 'size' of .* says what it takes"),
    ({"classes": None}, "the network tells 5 classes apart, the data set has 3; say in field 'classes'"),
    ({"classes": [0, 1, 2]}, "field 'classes' maps 3 ids, the network has 5"),
    ({"classes": [0, 1, 2, 3, None]}, "field 'classes' names class 3, the data set has 3: 0..2"),
    ({"classes": [None] * 5}, "field 'classes' maps every id to null"),
]


@pytest.mark.parametrize(("fields", "message"), EARLY + LATE, ids=str)
def test_what_can_be_no_label_generator_is_refused(fields, message, describe):
    with pytest.raises(RequestError, match=message):
        load_label_generator(describe(**fields), 3, SIZE)


@pytest.mark.parametrize(("fields", "message"), EARLY, ids=str)
def test_most_is_refused_with_the_config(fields, message, describe, tiny_config):
    config = tiny_config(**{"loss.segmenter": describe(**fields), "loss.similarity": 1.0})
    (mistake,) = METHODS["ecgan"].check(config)
    with pytest.raises(RequestError, match=f"config.loss.segmenter: .*theirs.json: {message}"):
        raise RequestError(mistake)


def test_two_replicas_take_the_gradient_of_one(describe, images, two_replicas):
    for file in ("net.keras", "net"):
        generator = load_label_generator(describe(file=file), 3, SIZE)

        def gradient(images, generator=generator):
            with tf.GradientTape() as tape:
                tape.watch(images)
                loss = tf.reduce_sum(generator(images) ** 2)
            return tape.gradient(loss, images)

        halves = two_replicas.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices(images).batch(2))
        run = tf.function(lambda part, gradient=gradient: two_replicas.run(gradient, (part,)), autograph=False)
        found = tf.concat(two_replicas.experimental_local_results(run(next(iter(halves)))), axis=0)
        np.testing.assert_allclose(found, gradient(images), rtol=1e-3, atol=1e-4)


def test_the_network_of_the_loss_is_no_judge_under_whatever_description(describe, files):
    path, other = describe(), files / "other.json"
    other.write_text((files / "theirs.json").read_text().replace('"theirs"', '"another"'))
    for judge in (path, str(other)):
        assert used_by({"segmenter": path}, judge, open_judge(judge)) == "segmenter"
        assert used_by({"segmenter": str(files / "gone.json")}, judge, open_judge(judge)) is None
    free = open_judge(describe(file="tiles.keras", classes=None))
    assert used_by({"segmenter": str(other)}, path, free) is None


@pytest.mark.slow
def test_a_run_trains_by_it_resumes_and_is_not_judged_by_it(describe, files, tmp_path, capsys):
    path, run = describe(file="tiles.keras", classes=None), tmp_path / "run"
    before = (files / "tiles.keras").read_bytes()

    def request(steps, **values):
        config = {**TOY, "loss__segmenter": path, "train__steps": steps, "train__extend": "restart", **values}
        return ecgan_tf.load_config("ecgan_earth_tiles:toy", **config)

    ecgan_tf.train(request(1), str(run), dry_run=True)
    assert "the label generator is theirs (tiles.keras), 17 of 17 classes at 8x8" in capsys.readouterr().out
    assert not run.exists()
    ecgan_tf.train(request(1), str(run))
    ecgan_tf.train(request(2), str(run))  # goes on
    steps = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [step["L_s"] > 0 for step in steps] == [True, True]
    parts = {name.split("/")[0] for name in read_checkpoint(RunFolder(str(run)).checkpoints, 2)}
    assert "generator" in parts and not parts & {"hidden", "norm", "logits", "theirs"}
    assert (files / "tiles.keras").read_bytes() == before
    other = files / "other.json"  # the same network under another description
    other.write_text((files / "theirs.json").read_text().replace('"theirs"', '"another"'))
    for judge in (path, str(other)):
        with pytest.raises(RequestError, match="the network of config.loss.segmenter: it would praise"):
            ecgan_tf.evaluate(str(run), str(tmp_path / "E"), judges=[judge])
        with pytest.raises(RequestError, match="config.train.judge is .*the network of config.loss.segmenter"):
            ecgan_tf.train(request(3, train__judge=judge, train__evaluate_every=1), str(tmp_path / "other"))
