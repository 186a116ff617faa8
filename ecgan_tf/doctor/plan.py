"""What `ecgan doctor --gpu` checks, in which order, and how long each may take. Known without TensorFlow."""

from typing import NamedTuple

PASSED, FAILED, IMPOSSIBLE, CRASHED, TIMED_OUT, LEFT_OUT = (
    "passed", "FAILED", "not possible here", "CRASHED", "TIMED OUT", "no time left",
)  # fmt: skip
BAD = (FAILED, CRASHED, TIMED_OUT)
RESULT = "result of the check: "  # before the JSON that a check's process prints last
MINUTES = 10.0


class Check(NamedTuple):
    """A check: what it says, and the seconds that it may take of `MINUTES`; of other minutes as large a share."""

    title: str
    seconds: float


# A name of each; `ecgan_tf.doctor.checks` has a function of that name.
CHECKS = {
    "against_cpu": Check("a step on a GPU against the same on the CPU", 150),
    "replicas": Check("a step of two devices against the same of one", 180),
    "float16": Check("ten steps in mixed_float16, and its loss scale", 120),
    "bfloat16": Check("ten steps in mixed_bfloat16", 120),
    "repeated": Check("the same steps twice, by TensorFlow's usual operators", 90),
    "deterministic": Check("the same steps twice, by train.deterministic", 120),
    "memory": Check("the peak of memory of a step", 90),
    "neighbourhoods": Check("layouts read by neighbourhoods against cell by cell", 150),
    "jit": Check("a step by XLA (train.jit_compile) against the same without", 240),
    "serving": Check("a picture of TF Serving against Keras'", 180),
    "tensorrt": Check("TensorRT's engines, built, run and compared", 300),
}


def default_experiment(has_gpu):
    """What the checks train: the trunk that most methods share, whose graphs are made soon; tiny without a GPU."""
    return "earth_tiles:spade" if has_gpu else "earth_tiles:spade_toy"
