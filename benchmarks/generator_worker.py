"""One process of `benchmarks.generators`: a generator or a training step of one tree and one form, called on request.

It runs in this tree or in that of an older revision, whose API it knows from 319713d on, and imports no other module of
benchmarks/. A line on stdin asks for one call; a line on stdout answers with its CPU seconds.
"""

import json
import resource
import runpy
import sys
import time
import types
import zlib
from pathlib import Path

import numpy as np


def serve(case):
    """Answers until stdin ends.

    Args:
        case: dictionary of `config`, `classes`, `size`, `filters`, `form`, `threads`, `work` ("picture" or "step"),
            `layouts` (an .npz with `labels`) and `result` (an .npz to write with what the first calls gave); of a step,
            if they are given, `batch`, how many layouts it takes, and `keys`, further ones of the config.
    """
    answer, sys.stdout = sys.stdout, sys.stderr  # no print of a library is an answer
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(case["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(1)
    labels = np.load(case["layouts"])["labels"]
    call = {"picture": make_picture, "step": make_step}[case["work"]](case, labels)
    np.savez(case["result"], **call(first=True))
    for _ in sys.stdin:
        start = time.process_time()
        call()
        seconds = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps({"seconds": seconds, "peak_gb": peak}), file=answer, flush=True)


def read_config(case):
    """The config of the tree that is the working directory."""
    places = [Path.cwd() / folder / f"{case['config']}.py" for folder in ("configs", "ecgan_tf/configs")]
    config = runpy.run_path(str(next(path for path in places if path.is_file())))["get_config"]()
    config.model.base_filters = config.discriminator.base_filters = case["filters"]
    config.data.image_size = tuple(case["size"])
    config.data.load_size = (0, 0)
    config.train.global_batch_size = case.get("batch", 1)
    config.loss.perceptual = 0.0
    if "similarity" in config.loss:
        config.loss.similarity = 0.0
    config.update_from_flattened_dict(case.get("keys", {}))
    if "layout_form" in config.train:
        config.train.layout_form = case["form"]
    return config


def dataset_of(case):
    """What a GAN asks of a data set."""
    classes = types.SimpleNamespace(num_classes=case["classes"])
    counts = np.arange(case["classes"] + 1, 0, -1)
    return types.SimpleNamespace(
        classes=classes, has_unknown=True, has_boundaries=False, label_counts=lambda: counts
    )  # fmt: skip


def generator_arguments(config, dataset):
    try:
        from ecgan_tf.methods import METHODS
    except ImportError:
        from ecgan_tf.training.gan import generator_arguments

        return generator_arguments(config, dataset)
    return METHODS[config.model.name].generator_arguments(config, dataset)


def fill(variables):
    """The same values in every tree: of a kernel as large as keep activations moderate, by the variable's name."""
    for variable in variables:
        name = variable.path.split("/", 1)[1]
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        if name.endswith("kernel"):
            variable.assign(rng.normal(0, np.prod(variable.shape[:-1]) ** -0.5, variable.shape))
        elif name.endswith("moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif name.endswith(("bias", "moving_mean")):
            variable.assign(rng.normal(0, 0.1, variable.shape))
        elif name.endswith(("/u", "/v")):
            vector = rng.normal(size=variable.shape)
            variable.assign(vector / np.linalg.norm(vector))


def settle(network):
    """Power iterations that fit the kernels."""
    for layer in network._flatten_layers():
        if hasattr(layer, "normalized_kernel"):
            for _ in range(5):
                layer.normalized_kernel(training=True)


def make_folded(case):
    """A generator of the case that is ready for inference."""
    from ecgan_tf.models import make_generator

    config = read_config(case)
    generator = make_generator(config.model.name, **generator_arguments(config, dataset_of(case)))
    fill(generator.variables)
    settle(generator)
    for layer in generator._flatten_layers():
        fold = getattr(layer, "fold", None) or getattr(layer, "bake", None)
        if fold:
            fold()
    return generator


def make_picture(case, labels):
    """A function that synthesises the layouts in turn."""
    import tensorflow as tf

    generator = make_folded(case)
    if hasattr(generator, "by_neighbourhoods"):
        generator.by_neighbourhoods = case["form"] == "neighbourhoods"
    paint = tf.function(lambda inputs: generator(inputs)["image"], autograph=False)
    layouts = [inputs_of(generator, each[None]) for each in labels]
    turn = iter(range(2**62))

    def call(first=False):
        if first:
            return {"pictures": np.concatenate([paint(layout).numpy() for layout in layouts])}
        return paint(layouts[next(turn) % len(layouts)]).numpy()

    return call


def inputs_of(generator, labels):
    """Inputs of a generator: the labels, and noise for a photograph."""
    import tensorflow as tf

    rng, inputs = np.random.default_rng(0), {}
    for name, spec in generator.input_specs.items():
        is_labels = spec.dtype == "int32"
        values = labels if is_labels else rng.uniform(-1, 1, (len(labels), *spec.shape[1:]))
        inputs[name] = tf.constant(values, spec.dtype)
    return inputs


def make_step(case, labels):
    """A function that takes a training step on the layouts in turn."""
    import tensorflow as tf

    from ecgan_tf.training.gan import GAN
    from ecgan_tf.training.step import make_train_step
    from ecgan_tf.training.strategy import make_strategy

    config, dataset, strategy = read_config(case), dataset_of(case), make_strategy("")
    with strategy.scope():
        gan = GAN(with_terms(config), generator_arguments(config, dataset))
    networks = (gan.generator, gan.ema_generator, *gan.discriminators.values())
    for network in (*networks, *gan.heads.values()):
        fill(network.variables)
    for network in networks:
        settle(network)
    step = make_train_step(gan, objective_of(gan, config, case["classes"]), config, strategy)
    rng, size, batches = np.random.default_rng(0), config.train.global_batch_size, []
    for first in range(0, len(labels), size):
        each = labels[first : first + size]
        values = inputs_of(gan.generator, each)
        values["image"] = tf.constant(rng.uniform(-1, 1, (*each.shape, 3)), tf.float32)
        values["edges"] = tf.constant(rng.choice([-1.0, 1.0], (*each.shape, 1)), tf.float32)
        values["has_target"] = tf.ones((len(each),))
        batches.append(values)
    turn = iter(range(2**62))

    def call(first=False):
        terms = step(batches[next(turn) % len(batches)])
        return {name: np.float64(value) for name, value in terms.items()}

    return call


def with_terms(config):
    """A config that says which terms have no network, as this tree wants it."""
    try:
        from ecgan_tf.training.terms import with_missing_terms
    except ImportError:
        return config
    return with_missing_terms(config)


def objective_of(gan, config, num_classes):
    if hasattr(gan, "method"):
        return gan.method.make_objective(with_terms(config), gan.generator, gan.judges, gan.heads)
    from ecgan_tf.training.loop import make_objective

    return make_objective(gan, config, num_classes)
