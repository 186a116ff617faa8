"""The checks of `ecgan doctor --gpu`, a function each; run as a module, it makes one of them in this process."""

import json
import os
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

from ecgan_tf.doctor.plan import CHECKS, FAILED, IMPOSSIBLE, PASSED, RESULT
from ecgan_tf.doctor.trial import SEED, Trial, apart, devices, terms_apart
from ecgan_tf.errors import RequestError
from ecgan_tf.training.dry_run import activations, state_and_gradients
from ecgan_tf.training.loop import peak_memory_mb
from ecgan_tf.training.optimizers import loss_scale, steps_left_out
from ecgan_tf.training.strategy import make_strategy

MOVES_APART = 0.02  # of a network's move: two orders of additions, and no more
TERMS_APART = 1e-3
HALF_APART = 0.1  # of a term, in half precision
CELLS = {"train.layout_form": "cells"}
STEPS = 4  # of which all but the first are timed


def found(state, words, **measured):
    """What a check says: a state of `plan`, one line, and numbers, in which a text stands for what is not finite."""
    return {"state": state, "words": words, "measured": plain(measured)}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def against_cpu(experiment):
    gpus = devices()
    if not gpus:
        return found(IMPOSSIBLE, "this machine has no GPU that TensorFlow sees")
    return compared(experiment, {gpus[0]: gpus[0], "CPU:0": "CPU:0"}, {}, {}, **CELLS)


def replicas(experiment):
    gpus = devices()
    if len(gpus) == 1:
        return found(IMPOSSIBLE, "this machine has one GPU")
    pair = gpus[:2] or ["CPU:0", "CPU:1"]
    return compared(experiment, {f"{pair[0]} and {pair[1]}": ",".join(pair), pair[0]: pair[0]}, {}, {})


def jit(experiment):
    both = {"by XLA": first_device(), "without": first_device()}
    # XLA has random numbers of its own, by which L_c would sample other pixels.
    return compared(experiment, both, {"train.jit_compile": True}, {}, **CELLS, **{"loss.contrastive": 0.0})


def neighbourhoods(experiment):
    both = {"by neighbourhoods": first_device(), "by cells": first_device()}
    order = {"train.update_order": "alternating"}  # a tape of both totals cannot go back through their branches
    return compared(experiment, both, {"train.layout_form": "neighbourhoods"}, CELLS, **order)


def compared(experiment, ways, of_one, of_other, **values):
    """Steps of gradient descent in two ways, in true float32, and how far the first one's moves are apart.

    Args:
        experiment: of `Trial`.
        ways: dictionary of two names to devices, as `config.train.devices` has them; the one with more comes first.
        of_one, of_other: values of the config that differ.
        values: those of both.
    """
    tf.config.experimental.enable_tensor_float_32_execution(False)
    strategies = [make_strategy(names) for names in ways.values()]
    ends, firsts, seconds = [], [], []
    for strategy, own in zip(strategies, (of_one, of_other)):
        trial = Trial(experiment, strategy, STEPS, **{**values, **own})
        terms, time_of_step = trial.take()
        firsts.append(terms[0])
        seconds.append(time_of_step)
        trial.again()
        trial.batches = trial.batches[:1]
        trial.take()
        ends.append((trial.values(), trial.start))
    (one, start), (other, same) = ends
    if not all(np.array_equal(mine, theirs) for mine, theirs in zip(start.values(), same.values(), strict=True)):
        return found(FAILED, "the two began with other weights")
    moves, of_terms = apart(one, other, start), terms_apart(*firsts)
    words = ", ".join(f"{name} {share:.1e}" for name, share in moves.items())
    names = list(ways)
    fits = max(moves.values()) <= MOVES_APART and of_terms <= TERMS_APART
    return found(
        PASSED if fits else FAILED,
        f"moves apart by {words} of their norm (at most {MOVES_APART}), terms by {of_terms:.1e} "
        f"(at most {TERMS_APART}); seconds a step: {names[0]} {seconds[0]:.3g}, {names[1]} {seconds[1]:.3g}",
        moves_apart=moves,
        terms_apart=of_terms,
        seconds_a_step=dict(zip(names, seconds)),
    )


def float16(experiment):
    return in_half(experiment, "mixed_float16")


def bfloat16(experiment):
    return in_half(experiment, "mixed_bfloat16")


def in_half(experiment, precision):
    strategy = make_strategy(first_device())
    whole = Trial(experiment, strategy, 10, descent=False)
    expected, seconds = whole.take()
    half = Trial(experiment, strategy, 10, descent=False, **{"train.precision": precision})
    terms, half_seconds = half.take()
    difference = terms_apart(terms[0], expected[0])
    gan = half.gan
    optimizers = {"generator": gan.generator_optimizer, "discriminator": gan.discriminator_optimizer}
    scales = {name: loss_scale(optimizer) for name, optimizer in optimizers.items()}
    left_out = {name: steps_left_out(optimizer, int(gan.step.numpy())) for name, optimizer in optimizers.items()}
    finite = all(np.all(np.isfinite(value)) for value in half.values().values())
    finite &= all(np.isfinite(value) for step in terms for value in step.values())
    words = f"terms of the first step within {difference:.1e} of float32's (at most {HALF_APART})"
    for name, scale in scales.items():
        words += "" if scale is None else f"; {name}: loss scale {scale:g}, {left_out[name]} of 10 steps overflowed"
    words += f"; seconds a step {half_seconds:.3g}, in float32 {seconds:.3g}" + ("" if finite else "; NOT FINITE")
    return found(
        PASSED if finite and difference <= HALF_APART else FAILED,
        words,
        terms_apart=difference,
        finite=bool(finite),
        loss_scales=scales,
        steps_left_out=left_out,
        seconds_a_step={precision: half_seconds, "float32": seconds},
    )


def repeated(experiment):
    """Not bit for bit is no failure here: that is what train.deterministic is for."""
    result = twice(experiment)
    return {**result, "state": PASSED}


def deterministic(experiment):
    keras.utils.set_random_seed(SEED)  # without a seed random operators would be refused
    tf.config.experimental.enable_op_determinism()
    return twice(experiment)


def twice(experiment):
    trial = Trial(experiment, make_strategy(first_device()), STEPS, descent=False)
    terms, seconds = trial.take()
    first = trial.values()
    trial.again()
    same_terms = trial.take()[0] == terms
    second = trial.values()
    other = [name for name in first if first[name].tobytes() != second[name].tobytes()]
    largest = max((float(np.max(np.abs(np.float64(first[n]) - second[n]))) for n in other), default=0.0)
    exact = same_terms and not other
    differ = f"{len(other)} of {len(first)} variables differ, by up to {largest:.1e}"
    words = "bit for bit the same" if exact else differ
    return found(
        PASSED if exact else FAILED,
        f"{words}, after {STEPS} steps; {seconds:.3g} seconds a step",
        different_variables=len(other),
        largest_difference=largest,
        seconds_a_step=seconds,
    )


def memory(experiment):
    """The peak of some steps beside what is known of it before.

    `counted`, of the dry run, is an upper bound: all activations at once.
    """
    strategy = make_strategy(first_device())
    trial = Trial(experiment, strategy, STEPS, descent=False)
    before = peak_memory_mb()
    trial.take()
    peak = peak_memory_mb()
    if peak is None:
        return found(IMPOSSIBLE, "this system does not say how much memory a process has had")
    kept = activations(trial.gan, trial.objective, trial.batches[0])
    counted = round((state_and_gradients(trial.gan) + kept) / 2**20)
    whose = f"{devices()[0]}'s" if devices() else "of the process, TensorFlow itself included"
    return found(
        PASSED,
        f"peak {whose}: {peak:,} MB, {before:,} MB before the first step; counted: up to {counted:,} MB",
        peak_mb=peak,
        before_mb=before,
        counted_mb=counted,
    )


def serving(experiment):
    from ecgan_tf.doctor import artefacts

    program = artefacts.find_server()
    if program is None:
        return found(IMPOSSIBLE, "tensorflow_model_server is not on PATH; https://www.tensorflow.org/tfx/serving/setup")
    with tempfile.TemporaryDirectory() as folder:
        run = artefacts.tiny_run(experiment, folder)
        largest, milliseconds = artefacts.ask_server(program, run, folder)
    return found(
        PASSED if largest <= artefacts.SERVED_APART else FAILED,
        f"pictures differ from Keras' by up to {largest} of 255; {milliseconds:.1f} ms a picture",
        largest_difference=largest,
        milliseconds=milliseconds,
    )


def tensorrt(experiment):
    from ecgan_tf.doctor import artefacts

    reason = artefacts.no_tensorrt()
    if reason:
        return found(IMPOSSIBLE, reason)
    with tempfile.TemporaryDirectory() as folder:
        run = artefacts.tiny_run(experiment, folder)
        said, code = artefacts.build_engines(run, folder)
    return found(FAILED if code else PASSED, "; ".join(said), exit_code=code)


def first_device():
    return (devices() or ["CPU:0"])[0]


FUNCTIONS = {
    function.__name__: function
    for function in (
        against_cpu, replicas, float16, bfloat16, repeated, deterministic, memory, neighbourhoods, jit, serving,
        tensorrt,
    )
}  # fmt: skip


def main(name, experiment):
    """Prints what a check found, as JSON on the last line."""
    assert FUNCTIONS.keys() == CHECKS.keys()
    try:
        result = FUNCTIONS[name](experiment)
    except RequestError as error:
        result = found(FAILED, " ".join(str(error).split()))
    print(RESULT + json.dumps(result), flush=True)
    os._exit(0)  # what libraries do at their end is no part of the check


if __name__ == "__main__":
    main(*sys.argv[1:])
