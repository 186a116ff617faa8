import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.training.step import make_train_step

ORDERS = ("alternating", "simultaneous")
RATE = 0.01  # of plain gradient descent, where a test wants to see the gradients
HEADS = ("embedding_1", "class_pixels")
NETWORKS = ("generator", *HEADS, "discriminator")


def use_gradient_descent(gan):
    gan.generator_optimizer, gan.discriminator_optimizer = (keras.optimizers.SGD(RATE) for _ in range(2))


def trainable_names(gan):
    """Of generator, heads and discriminator: lists of names as a checkpoint has them."""
    networks = {"generator": gan.generator, **gan.heads, "discriminator": gan.discriminator}
    return {
        part: [f"{part}/{variable.path}" for variable in network.trainable_variables]
        for part, network in networks.items()
    }


# --- one whole step --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=ORDERS)
def taken(request, reset, take_step, toy_batch, gan_config, values):
    """A step of Adam: the values before and after, the terms, and the trainable names."""
    gan, config = reset(), gan_config(**{"train.update_order": request.param})
    before = values(gan)
    terms = take_step(gan, toy_batch(2), config)
    return types.SimpleNamespace(
        before=before, after=values(gan), terms=terms, config=config, trainable=trainable_names(gan)
    )


@pytest.mark.parametrize("network", NETWORKS)
def test_every_variable_moves(taken, network):
    names = taken.trainable[network]
    assert names
    assert not [name for name in names if np.array_equal(taken.before[name], taken.after[name])]


def test_the_average_may_have_statistics_of_its_own(reset, take_step, toy_batch, gan_config, values):
    """They move as the averaged weights' own training pass moves them; everything else moves as it always does."""
    batch, after = toy_batch(2), {}
    for kind in ("averaged", "own"):
        gan = reset()
        take_step(gan, batch, gan_config(**{"optimizer.ema_statistics": kind}))
        after[kind] = values(gan)
    statistics = [n for n in after["own"] if n.startswith("ema_") and n.endswith(("moving_mean", "moving_variance"))]
    different = [n for n, value in after["own"].items() if not np.array_equal(value, after["averaged"][n])]
    assert statistics and set(different) <= set(statistics)
    assert len(different) > len(statistics) / 2  # some see nothing but zeros at the start
    gan = reset()
    before = values(gan)
    for name, variable in gan.named_variables().items():  # the average before its pass
        if name.startswith("ema_generator/"):
            variable.assign(before[name] if name in statistics else after["own"][name])
    gan.ema_generator(batch, training=True)
    found = values(gan)
    for name in statistics:
        np.testing.assert_allclose(found[name], after["own"][name], rtol=1e-4, atol=1e-6)


def test_a_step_makes_one_power_iteration_for_each_time_that_the_discriminator_is_trained_or_trains(taken):
    iterations = {"alternating": 2, "simultaneous": 1}[taken.config.train.update_order]
    names = [name for name in taken.before if name.startswith("discriminator/") and name.endswith("/u")]
    assert names
    for name in names:
        kernel, u = taken.before[name.replace("/u", "/kernel")].astype(np.float64), taken.before[name]
        matrix = kernel.reshape(-1, kernel.shape[-1])
        for _ in range(iterations):
            v = matrix @ u / np.linalg.norm(matrix @ u)
            u = v @ matrix / np.linalg.norm(v @ matrix)
        np.testing.assert_allclose(taken.after[name], u, atol=1e-5)


def test_the_step_is_counted(taken):
    assert (taken.before["step"], taken.after["step"]) == (0, 1)


def test_the_average_follows_the_generator(taken):
    averaged = [name for name in taken.after if name.startswith("ema_generator/")]
    assert averaged
    for name in averaged:
        new = taken.after[name.removeprefix("ema_")]
        is_unit_vector = name.endswith(("/u", "/v"))
        expected = new if is_unit_vector else 0.1 * taken.before[name] + 0.9 * new  # (1 + 0) / (10 + 0) of the old
        np.testing.assert_allclose(taken.after[name], expected, rtol=1e-5, atol=1e-7)


def test_the_totals_are_the_weighted_sums(taken):
    terms, loss = taken.terms, taken.config.loss
    weights = {
        "L^e": 1.0, "L^i": 1.0,
        "L_f^e": 10.0, "L_f^I'": 10.0, "L_f^I''": 20.0,
        "L_1^I'": 5.0, "L_1^I''": 10.0,
        "L_c": loss.contrastive / 2,
        "L_pix": loss.class_pixel,
    }  # fmt: skip
    assert list(terms) == [*weights, "L_G", "L_D^e", "L_D^i", "L_D"]
    assert terms["L_G"] == pytest.approx(sum(weight * terms[name] for name, weight in weights.items()), rel=1e-5)
    assert terms["L_D"] == pytest.approx(terms["L_D^e"] + terms["L_D^i"], rel=1e-5)
    assert all(terms.values())


# --- which gradient moves which network ------------------------------------------------------------------------------


def totals_of(gan, objective, batch):
    """L_G and L_D, each image judged by a call of its own."""
    outputs = gan.generator(batch, training=True)
    real = {"image": batch["image"], "edge": tf.concat([batch["edges"]] * 3, axis=-1)}
    reals, fakes, training = {}, {}, True
    for judged, images in ((reals, real), (fakes, {key: outputs[key] for key in ("edge", "initial_image", "image")})):
        for key, image in images.items():
            judged[key] = gan.discriminator(batch, image, training=training)
            training = False  # one power iteration a pass
    of_generator = objective.generator_terms(batch, outputs, {"discriminator": (fakes, reals)}, gan.step)
    of_discriminator = objective.discriminator_terms({"discriminator": (fakes, reals)})
    return [
        sum(weight * tf.reduce_mean(value) for weight, value in terms.values())
        for terms in (of_generator, of_discriminator)
    ]


def moved(values, names, gradients):
    """The values after plain gradient descent."""
    return {name: values[name] - RATE * gradient.numpy() for name, gradient in zip(names, gradients, strict=True)}


def assert_moved_alike(before, expected, after):
    """Every variable of `expected` moved as far and in the same direction, up to a twentieth.

    The two ways round differently; at a kink, and there are thousands of leaky ReLUs, that makes another slope for a
    filter or so.
    """
    for name, value in expected.items():
        difference, move = np.linalg.norm(after[name] - value), np.linalg.norm(value - before[name])
        assert difference <= 0.05 * move + 1e-6 * np.sqrt(np.size(value)), name


@pytest.mark.parametrize("order", ORDERS)
def test_each_network_moves_by_the_gradient_of_its_own_total(order, reset, take_step, toy_batch, gan_config, values):
    gan, config, batch = reset(), gan_config(**{"train.update_order": order}), toy_batch(4)
    names, before = trainable_names(gan), values(gan)
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    of_generator = [variable.value for variable in gan.generator_variables]
    of_discriminator = [variable.value for variable in gan.discriminator.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        generator_total, discriminator_total = totals_of(gan, objective, batch)
    gradients = tape.gradient(generator_total, of_generator)
    expected = moved(before, sum((names[part] for part in ("generator", *HEADS)), []), gradients)
    if order == "alternating":  # D learns from the fakes of the generator that has moved
        for variable, gradient in zip(of_generator, gradients):
            variable.assign_sub(RATE * gradient)
        with tf.GradientTape() as tape:
            discriminator_total = totals_of(gan, objective, batch)[1]
    expected |= moved(before, names["discriminator"], tape.gradient(discriminator_total, of_discriminator))

    use_gradient_descent(reset())
    take_step(gan, batch, config)
    assert_moved_alike(before, expected, values(gan))


def test_a_variable_that_no_term_reads_stays_where_it_is(reset, toy_batch, gan_config, monkeypatch):
    gan, config, unread = reset(), gan_config(), keras.Variable(1.5, name="unread")
    monkeypatch.setattr(type(gan), "generator_variables", [*gan.generator_variables, unread])
    monkeypatch.setattr(gan, "generator_optimizer", keras.optimizers.SGD(RATE))
    gan.generator_optimizer.build(gan.generator_variables)
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    make_train_step(gan, objective, config, tf.distribute.get_strategy())(toy_batch(2))
    assert float(unread) == 1.5
