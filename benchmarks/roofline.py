"""Where a picture's time goes: floating point operations, bytes and seconds per kind of layer, in both forms.

Example:
    python -m benchmarks.roofline --config=ecgan_ade20k --size=256,256 --classes=150 --labels=DIR

Counts what ran: of convolutions and matrix products two operations per multiplication, read off the shapes of one
traced picture on one thread; the bytes are those of all tensors that the operators wrote. The weights are random and
folded as in `benchmarks.generators`. The first line is the speed of one large matrix product, to hold others against.
"""

import re
import time

import numpy as np
from absl import flags

from ecgan_tf import cli, console

CONFIG = flags.DEFINE_string("config", "ecgan_ade20k", "An experiment that ships with the package.")
SIZE = flags.DEFINE_list("size", ["256", "256"], "Height and width.")
CLASSES = flags.DEFINE_integer("classes", 150, "Unknown not counted.")
FILTERS = flags.DEFINE_integer("filters", 64, "Base filters.")
LABELS = flags.DEFINE_string("labels", None, "A folder of label PNGs, of which the first is painted.")
REPEATS = flags.DEFINE_integer("repeats", 3, "Traced pictures of each form; the median counts.", lower_bound=1)
# The first pattern that a node's name or type matches is its kind.
KINDS = {
    "numbering": r"Unique|UnsortedSegmentMin",
    "modulation: table": r"norm_[01s].*(SparseSegmentSum|MatMul)",
    "modulation: gather": r"norm_[01s].*Gather",
    "modulation: convolutions": r"norm_[01s].*[Cc]onv",
    "modulation: x gamma + beta": r"norm_[01s]",
    "residual convolutions": r"/conv_[01s](_\d+)?/",
    "semantic preserving G_s": r"semantic_preserving",
    "heads G_i, G_e": r"(image|edge)_generator",
    "all others": r"",
}


def main(argv):
    cli.no_arguments(argv)
    console.quiet_tensorflow()
    import tensorflow as tf

    from benchmarks import generator_worker as worker

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    size = tuple(map(int, SIZE.value))
    case = {"config": CONFIG.value, "size": size, "classes": CLASSES.value, "filters": FILTERS.value, "form": "cells"}
    generator = worker.make_folded(case)
    labels = np.minimum(read_first(size), CLASSES.value).astype(np.int32)[None]
    console.say(f"matrix product: {product_speed():.0f} GFLOP/s\n")
    console.say("| kind | form | GFLOP | GB written | seconds | GFLOP/s |\n|---|---|---|---|---|---|")
    for form in ("dense", "neighbourhoods"):
        generator.by_neighbourhoods = form == "neighbourhoods"
        total = np.zeros(3)
        for kind, numbers in trace(generator, labels, REPEATS.value).items():
            total += numbers
            console.say(line_of(kind, form, numbers))
        console.say(line_of("all", form, total))


def read_first(size):
    """The labels of the first file, or patches of 16x16 cells."""
    from ecgan_tf.data.images import read_label_file
    from ecgan_tf.data.label_maps import list_label_maps, resize_labels

    if LABELS.value:
        return resize_labels(read_label_file(list_label_maps(LABELS.value)[0]), size)
    patches = np.random.default_rng(0).integers(0, CLASSES.value + 1, (size[0] // 16, size[1] // 16))
    return patches.repeat(16, 0).repeat(16, 1)


def product_speed():
    """GFLOP/s of a matrix product of 1024 rows, columns and terms, the best of several."""
    import tensorflow as tf

    matrix, best = tf.random.normal((1024, 1024)), np.inf
    for _ in range(10):
        start = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best / 1e9


def trace(generator, labels, repeats):
    """GFLOP, GB written and seconds of each kind of node in one picture: dictionary of arrays."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    paint = tf.function(lambda labels: generator({"labels": labels})["image"], autograph=False)
    frozen = convert_variables_to_constants_v2(paint.get_concrete_function(tf.TensorSpec(labels.shape, tf.int32)))
    definition, (feed,), (fetch,) = frozen.graph.as_graph_def(), frozen.inputs, frozen.outputs
    shapes = {path_pattern(v.path): v.shape for v in generator.variables if v.path.endswith("kernel")}
    pictures = []
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.import_graph_def(definition, name="")
        options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
        session.run(fetch.name, {feed.name: labels})
        for _ in range(repeats):
            metadata = tf.compat.v1.RunMetadata()
            session.run(fetch.name, {feed.name: labels}, options=options, run_metadata=metadata)
            kinds = {kind: np.zeros(3) for kind in KINDS}
            for node in (node for device in metadata.step_stats.dev_stats for node in device.node_stats):
                kinds[kind_of(node)] += measured(node, graph, shapes)
            pictures.append(kinds)
    return {kind: np.median([picture[kind] for picture in pictures], axis=0) for kind in KINDS}


def path_pattern(path):
    """Matches the names of nodes of the layer that a variable belongs to; scopes are numbered where they come again."""
    scopes = path.split("/")[1:-1]
    return re.compile("/".join(rf"{re.escape(scope)}(_\d+)?" for scope in scopes) + "/")


def kind_of(node):
    described = f"{node.node_name} {type_of(node)}"
    return next(kind for kind, pattern in KINDS.items() if re.search(pattern, described))


def type_of(node):
    """The type of the operator that ran, which a label "name = Type(inputs)" tells."""
    found = re.search(r" = (\w+)\(", node.timeline_label)
    return found[1] if found else ""


def measured(node, graph, shapes):
    """GFLOP, GB written and seconds of a node."""
    written = [output.tensor_description for output in node.output]
    values = [int(np.prod([d.size for d in each.shape.dim])) for each in written]
    seconds = (node.op_end_rel_micros - node.op_start_rel_micros) / 1e6
    gigabytes = sum(each.allocation_description.requested_bytes for each in written) / 1e9
    terms = terms_of(node, graph, shapes) if re.search(r"Conv2D|MatMul", type_of(node)) else 0
    return np.array([2 * values[0] * terms / 1e9 if values else 0, gigabytes, seconds])


def terms_of(node, graph, shapes):
    """How many products each value of a convolution or matrix product adds up."""
    try:
        operation = graph.get_operation_by_name(node.node_name)
    except KeyError:  # within a branch
        operation = None
    if operation and operation.type in ("Conv2D", "MatMul", "BatchMatMulV2"):  # else it took up those before it
        shape = operation.inputs[1].shape
        return int(np.prod(shape[:-1])) if len(shape) == 4 else shape[-2]
    shape = next((shape for pattern, shape in shapes.items() if pattern.search(node.node_name)), None)
    if shape is None:  # the kernels of gamma and beta, as one matrix per tap
        return next(shape[2] for pattern, shape in shapes.items() if "gamma" in pattern.pattern)
    return int(np.prod(shape[:-1]))


def line_of(kind, form, numbers):
    gflop, gigabytes, seconds = numbers
    return f"| {kind} | {form} | {gflop:.1f} | {gigabytes:.2f} | {seconds:.3f} | {gflop / max(seconds, 1e-9):.0f} |"


if __name__ == "__main__":
    cli.run(main, __doc__)
