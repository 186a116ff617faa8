"""Convolutions in int8: what is quantised, how ranges are chosen, and what the report says."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.tflite_int8 import FEW, ROOMS, SIGNATURE, Layer, with_int8_convolutions, worst

SIZE = 16


@pytest.fixture(scope="module")
def content():
    """A float32 .tflite: two convolutions with an activation that nothing quantises between them."""
    rng = np.random.default_rng(0)
    kernels = [tf.Variable(rng.normal(0, 0.2, (3, 3, *shape)).astype(np.float32)) for shape in ((3, 32), (32, 3))]
    module = tf.Module()
    module.kept = kernels

    @tf.function(input_signature=[tf.TensorSpec((1, SIZE, SIZE, 3), name="x")])
    def run(x):
        x = tf.nn.leaky_relu(tf.nn.conv2d(x, kernels[0], 1, "SAME"))
        return {"image": tf.tanh(0.3 * tf.nn.conv2d(x, kernels[1], 1, "SAME"))}

    module.run = run
    return tf.lite.TFLiteConverter.from_concrete_functions([run.get_concrete_function()], module).convert()


def examples(rng, count, strength=1.0):
    return [{"x": (strength * rng.normal(size=(1, SIZE, SIZE, 3))).astype(np.float32)} for _ in range(count)]


def image(content, example):
    return Interpreter(model_content=content).get_signature_runner(SIGNATURE)(**example)["image"]


def test_convolutions_compute_in_int8_and_nothing_else_does(content, rng):
    quantised, report = with_int8_convolutions(content, examples(rng, 16))
    interpreter = Interpreter(model_content=quantised)
    kinds = {details["index"]: details["dtype"] for details in interpreter.get_tensor_details()}
    for node in interpreter._get_ops_details():
        inputs = {kinds[index] for index in node["inputs"][:2]}
        if node["op_name"] == "CONV_2D":
            assert inputs == {np.int8}
        elif node["op_name"] in ("TANH", "MUL", "LEAKY_RELU"):
            assert inputs == {np.float32}
    example = examples(rng, 1)[0]
    assert abs(image(quantised, example) - image(content, example)).max() < 0.06
    assert len(report["layers"]) == 2 and report["room"] in ROOMS and report["psnr_apart"] > 38
    assert all(20 < layer["decibels"] < 60 for layer in report["layers"].values())


def test_one_layout_is_enough(content, rng):
    (only,) = examples(rng, 1)
    quantised, report = with_int8_convolutions(content, [only])
    assert report["psnr_apart"] > 38 and abs(image(quantised, only) - image(content, only)).max() < 0.06


def test_ranges_get_room_where_other_layouts_leave_them(content, rng):
    """The layouts that choose are twice as strong as those that set the ranges."""
    dim, bright = examples(rng, 16), examples(rng, FEW, strength=2.5)
    _, alike = with_int8_convolutions(content, dim)
    wide, other = with_int8_convolutions(content, bright + dim[FEW:])
    assert other["room"] > alike["room"]
    assert abs(image(wide, bright[0]) - image(content, bright[0])).mean() < 0.02


def test_the_worst_layers_are_those_with_the_fewest_decibels():
    layers = [Layer(str(decibels), ("x", "y"), decibels) for decibels in (30.0, 12.0, 45.0, 20.0)]
    assert worst(layers, 0.5) == {"12.0", "20.0"} and worst(layers, 0.0) == set()


def test_layers_whose_values_eight_bits_cannot_tell_apart_compute_in_float32(content, rng):
    """A pixel of every layout is 300 times as bright as the others, whose steps a common range makes too coarse."""
    glaring = examples(rng, 16)
    for example in glaring:
        example["x"][0, 3, 5] *= 300.0
    quantised, report = with_int8_convolutions(content, glaring)
    assert report["psnr_apart"] > 38
    interpreter = Interpreter(model_content=quantised)
    kinds = {details["index"]: details["dtype"] for details in interpreter.get_tensor_details()}
    inputs = [kinds[node["inputs"][0]] for node in interpreter._get_ops_details() if node["op_name"] == "CONV_2D"]
    forms = [layer["form"] for layer in report["layers"].values()]
    assert "weights" in forms and inputs.count(np.float32) == forms.count("weights")
    assert len(quantised) < 0.7 * len(content)
