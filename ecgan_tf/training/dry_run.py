"""What a run would be, said before its first step: data, networks, terms, schedule, memory."""

import math

import tensorflow as tf

from ecgan_tf.console import say
from ecgan_tf.data.pipeline import layouts_to_keep, training_batches
from ecgan_tf.methods.base import Outputs
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.initial import begin


def describe(config, model, run, train_data, validation_data, strategy, replicas):
    """Makes the networks, synthesises one batch symbolically, and says what it found; nothing is written.

    Args:
        config: of the run, with `missing_terms`.
        model: of `model_description`.
        run: `RunFolder`.
        train_data, validation_data: `LabelledPhotographs`.
        strategy: of `make_strategy`, for one worker.
        replicas: how many there would be, on all workers.
    """
    with strategy.scope():
        gan = GAN(config, model["arguments"])
        if not run.steps:
            begin(gan, config, layouts_to_keep(train_data, 32), train_data.classes)
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)  # a wrong file of weights fails
    batch_size = config.train.global_batch_size
    (batch,) = training_batches(train_data, config.data, batch_size, config.train.seed, 0, 1)
    say(
        f"data      {config.data.name}: {train_data.words} to train on, {len(validation_data)} to look at, "
        f"{train_data.classes.num_classes} classes{' and unknown' if train_data.has_unknown else ''}, "
        f"{config.data.image_size[0]}x{config.data.image_size[1]}"
    )
    networks = {"generator": gan.generator, **gan.discriminators, **gan.heads}
    sizes = ", ".join(f"{name} {count_values(network):,}" for name, network in networks.items())
    say(f"networks  {config.model.name}: {sizes} values")
    terms = gan.method.terms(config)
    shown = ", ".join(f"{symbol} {weight:g}" for symbol, weight in terms.items() if symbol not in config.missing_terms)
    without = f"; without {', '.join(config.missing_terms)}, allowed to be missing" if config.missing_terms else ""
    say(f"terms     {shown}{without}")
    pieces, steps, line = run.schedule(config)
    epochs = "" if train_data.cuts_crops else f", {steps * batch_size / len(train_data):.1f} epochs"
    rates = f"{config.optimizer.generator_lr:g} and {config.optimizer.discriminator_lr:g}"
    say(
        f"schedule  {steps} steps of {batch_size} on {replicas} replica(s){epochs}; "
        f"rates of G and D {rates}; {line or f'from step {max([0, *run.steps])}'}"
    )
    kept = activations(gan, objective, {name: value[: batch_size // replicas] for name, value in batch.items()})
    known = state_and_gradients(gan)
    say(
        f"memory    per replica {known / 2**20:,.0f} MB of weights, averages, moments and gradients, and "
        f"up to {kept / 2**20:,.0f} MB of activations, if none is freed early (counted, not measured)"
    )
    say("a dry run: nothing was written")


def count_values(network):
    return sum(math.prod(variable.shape) for variable in network.variables)


def state_and_gradients(gan):
    """Bytes of weights, averages, moments, and of the gradients of both networks."""
    state = sum(math.prod(v.shape) * v.dtype.size for v in gan.named_variables().values())
    return state + 4 * sum(math.prod(v.shape) for v in (*gan.generator_variables, *gan.discriminator_variables))


def activations(gan, objective, batch):
    """Bytes of all that one forward pass of generator and discriminators computes: an upper bound of what is kept."""

    def forward(batch):
        outputs = Outputs(gan.generator(batch, training=True), gan.method.switches)
        shown = tf.concat([tf.cast(outputs[pair.fake], tf.float32) for pair in objective.pairs], axis=0)
        return [judge.network(batch, shown, training=True) for judge in gan.judges]

    graph = tf.function(forward, autograph=False).get_concrete_function(batch).graph
    tensors = [tensor for operation in graph.get_operations() for tensor in operation.outputs]
    floats = [tensor for tensor in tensors if tensor.dtype.is_floating and tensor.shape.is_fully_defined()]
    return sum(math.prod(tensor.shape) * tensor.dtype.size for tensor in floats)
