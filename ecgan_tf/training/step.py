"""One training step, the same function for one device, several, and several workers."""

import tensorflow as tf

from ecgan_tf.memory import give_back
from ecgan_tf.methods.base import Outputs
from ecgan_tf.training.optimizers import move

POWER_ITERATION = ("/u", "/v")  # how the names of such variables end
STATISTICS = ("/moving_mean", "/moving_variance")


def make_train_step(gan, objective, config, strategy):
    """The compiled step of a run.

    Args:
        gan: `GAN`.
        objective: of `Method.make_objective`.
        config: the run's.
        strategy: that the gan was made under.
    Returns:
        function of a (distributed) batch to a dictionary from symbol to the term's unweighted mean over the global
        batch, with the totals under "L_G" and "L_D". It updates the networks, their average and the step counter.
    """
    step = TrainStep(gan, objective, strategy.num_replicas_in_sync)
    orders = (step.alternating, step.simultaneous, step.discriminator_first)
    update = {order.__name__: order for order in orders}[config.train.update_order]

    def train_step(batch):
        per_replica = strategy.run(update, args=(batch,))
        terms = {name: strategy.reduce("mean", value, axis=None) for name, value in per_replica.items()}
        end_step(gan, config, strategy, batch)
        return terms

    return compiled(train_step, config)


def end_step(gan, config, strategy, batch, part_of=lambda batch, part: batch):
    """What follows the moves of both networks: the average moves, and the step counter.

    Args:
        part_of: function of a replica's batch and a number to that part of it, of `config.train.accumulate`.
    """
    own_statistics = config.optimizer.ema_statistics == "own"
    update_average(gan, config.optimizer.ema_decay, own_statistics)
    for part in range(config.train.accumulate if own_statistics else 0):
        strategy.run(lambda batch, part=part: gan.ema_generator(part_of(batch, part), training=True)["image"], (batch,))
        copy_power_iterations(gan)  # which the pass has moved
    gan.step.assign_add(1)


def compiled(function, config):
    """The function as a graph, which it traces before the first call, giving back what that leaves behind.

    That is half a gigabyte at full width, and would stay under the peak of every step.
    """
    function = tf.function(function, autograph=False, jit_compile=config.train.jit_compile or None)
    calls = 0

    def call(*arguments):
        nonlocal calls
        if calls == 0 and not tf.config.functions_run_eagerly():
            function.get_concrete_function(*arguments)
        if calls < 2:
            give_back()
        calls += 1
        return function(*arguments)

    return call


class TrainStep:
    """The orders in which generator and discriminator may move, a method each, in a replica's context.

    Losses are means over the local batch divided by the number of replicas: the optimizers add gradients up.
    """

    def __init__(self, gan, objective, num_replicas):
        self.gan = gan
        self.objective = objective
        self.num_replicas = num_replicas

    def alternating(self, batch):
        """The release's order (docs/papers/ecgan.md, section 6): G moves, synthesises anew, then D moves."""
        gan = self.gan
        terms, gradients = self.generator_gradients(batch)
        move(gan.generator_optimizer, gradients, gan.generator_variables)

        # What the second half reads of the batch alone would else be made, and kept, from the beginning of the step.
        with tf.control_dependencies([gradient for gradient in gradients if gradient is not None]):
            batch = tf.nest.map_structure(tf.identity, batch)
        _, outputs = self.generate(batch)
        return {**terms, **self._move_discriminators(batch, outputs)}

    def generator_gradients(self, batch):
        """The first half of `alternating`: G's terms, and the gradients of its variables, or None."""
        gan = self.gan
        of_reals = self._judge_reals(batch)  # outside of the tape: no gradient of G passes through them
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._values(gan.generator_variables))
            inputs, outputs = self.generate(batch)
            judged = self._judge_fakes(batch, outputs, of_reals)
            generator_total, terms = self._generator_loss(inputs, outputs, judged)
            scaled = self._scale(gan.generator_optimizer, generator_total)
        return terms, tape.gradient(scaled, self._values(gan.generator_variables))

    def discriminator_first(self, batch):
        """The order of LGGAN's cross-view release, as pix2pix: one pass of G, D moves on its fakes, then G does.

        G is judged on the same fakes, by what the discriminators are now.
        """
        gan = self.gan
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._values(gan.generator_variables))
            inputs, outputs = self.generate(batch)
            with tape.stop_recording():
                discriminator_terms = self._move_discriminators(batch, outputs)
            judged = self._judge(batch, outputs)
            generator_total, terms = self._generator_loss(inputs, outputs, judged)
            scaled = self._scale(gan.generator_optimizer, generator_total)
        gradients = tape.gradient(scaled, self._values(gan.generator_variables))
        move(gan.generator_optimizer, gradients, gan.generator_variables)
        return {**terms, **discriminator_terms}

    def simultaneous(self, batch):
        """Both totals from one forward pass of each network, then both move.

        Not the release's order: it saves a pass of the generator and one of the discriminator a step; D is judged on
        the fakes that G was, not on newer ones.
        """
        gan = self.gan
        terms, of_generator, of_discriminator = self.gradients_of_both(batch)
        move(gan.generator_optimizer, of_generator, gan.generator_variables)
        move(gan.discriminator_optimizer, of_discriminator, gan.discriminator_variables)
        return terms

    def gradients_of_both(self, batch):
        """The terms of G and D, and the gradients of G's variables and of D's."""
        gan = self.gan
        with tf.GradientTape(persistent=True) as tape:
            inputs, outputs = self.generate(batch)
            judged = self._judge(batch, outputs)
            generator_total, terms = self._generator_loss(inputs, outputs, judged)
            discriminator_total, discriminator_terms = self._discriminator_loss(batch, judged)
            scaled_generator = self._scale(gan.generator_optimizer, generator_total)
            scaled_discriminator = self._scale(gan.discriminator_optimizer, discriminator_total)
        generator_gradients = tape.gradient(scaled_generator, self._values(gan.generator_variables))
        discriminator_gradients = tape.gradient(scaled_discriminator, self._values(gan.discriminator_variables))
        del tape
        return {**terms, **discriminator_terms}, generator_gradients, discriminator_gradients

    def _move_discriminators(self, batch, outputs):
        """Moves D on fakes that are there; returns its terms."""
        terms, gradients = self.discriminator_gradients(batch, outputs)
        move(self.gan.discriminator_optimizer, gradients, self.gan.discriminator_variables)
        return terms

    def discriminator_gradients(self, batch, outputs):
        """D's terms on fakes that are there, and the gradients of its variables."""
        gan = self.gan
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._values(gan.discriminator_variables))
            judged = self._judge(batch, outputs, self.objective.mixtures(batch, outputs))
            total, terms = self._discriminator_loss(batch, judged)
            scaled = self._scale(gan.discriminator_optimizer, total)
        return terms, tape.gradient(scaled, self._values(gan.discriminator_variables))

    def generate(self, batch):
        """What the generator takes of a batch, with what a head makes of it, and what it gives."""
        inputs = self.gan.method.generator_inputs(batch, self.gan.heads)
        return inputs, Outputs(self.gan.generator(inputs, training=True), self.gan.method.switches)

    def _judge(self, batch, outputs, mixtures=None):
        """What each discriminator says of the fakes, mixtures among them, and reals: two dictionaries by its name."""
        judged, mixtures = {}, mixtures or {}
        for judge, fakes, reals in self._shown(batch):
            shown = [*(outputs[fake] for fake in fakes), *mixtures.values(), *reals.values()]
            predictions = self._judge_together(judge.network, batch, shown)
            fakes = [*fakes, *mixtures]
            judged[judge.name] = dict(zip(fakes, predictions)), dict(zip(reals, predictions[len(fakes) :]))
        return judged

    def _judge_reals(self, batch):
        """The second halves of `_judge`, and the one power iteration of its pass: by the name of each judge."""
        return {
            judge.name: dict(zip(reals, self._judge_together(judge.network, batch, list(reals.values()))))
            for judge, _, reals in self._shown(batch)
        }

    def _judge_fakes(self, batch, outputs, of_reals):
        """`_judge` after `_judge_reals`: the same weights, and no further power iteration."""
        judged = {}
        for judge, fakes, _ in self._shown(batch):
            pictures = [outputs[fake] for fake in fakes]
            predictions = self._judge_together(judge.network, batch, pictures, training=False)
            judged[judge.name] = dict(zip(fakes, predictions)), of_reals[judge.name]
        return judged

    def _shown(self, batch):
        """Each discriminator that has something to judge, the names of its fakes, and its real pictures by name."""
        reals = self.objective.reals(batch)
        for judge in self.gan.judges:
            fakes = list(dict.fromkeys(pair.fake for pair in self.objective.pairs if pair.real in judge.symbols))
            if fakes:
                yield judge, fakes, {real: picture for real, picture in reals.items() if real in judge.symbols}

    @staticmethod
    def _judge_together(discriminator, batch, pictures, training=True):
        """One pass over several pictures: its layers see no other example, so the result is that of many passes."""
        images = [tf.cast(picture, tf.float32) for picture in pictures]
        joined = discriminator(batch, tf.concat(images, axis=0), training=training)
        pieces = [tf.split(x, len(images)) for x in tf.nest.flatten(joined)]
        return [tf.nest.pack_sequence_as(joined, of_image) for of_image in zip(*pieces)]

    def _generator_loss(self, batch, outputs, judged):
        terms = self.objective.generator_terms(batch, outputs, judged, self.gan.step)
        return self._total("L_G", terms)

    def _discriminator_loss(self, batch, judged):
        return self._total("L_D", self.objective.discriminator_terms(judged, batch))

    def _total(self, name, terms):
        means = {symbol: tf.reduce_mean(value) for symbol, (_, value) in terms.items()}
        total = tf.add_n([weight * means[symbol] for symbol, (weight, _) in terms.items()])
        return total / self.num_replicas, {**means, name: total}

    @staticmethod
    def _values(variables):
        return [variable.value for variable in variables]

    @staticmethod
    def _scale(optimizer, loss):
        return optimizer.scale_loss(loss)


def copy_power_iterations(gan):
    """Gives the averaged generator the vectors of the generator's power iterations."""
    for average, variable in zip(gan.ema_generator.variables, gan.generator.variables):
        if variable.path.endswith(POWER_ITERATION):
            average.value.assign(variable.value)


def update_average(gan, decay, own_statistics=False):
    """Moves the averaged generator towards the generator: weights and batch statistics, in cross-replica context.

    The decay grows as (1 + step) / (10 + step) up to its value, so that a short run is not an average of its start.
    Power iteration vectors are copied: an average of unit vectors is none. With `own_statistics` the batch statistics
    are left as they are: the averages of other weights' statistics are not those of the average.
    """
    step = tf.cast(gan.step, tf.float32)
    decay = tf.minimum(decay, (1.0 + step) / (10.0 + step))
    for average, variable in zip(gan.ema_generator.variables, gan.generator.variables):
        if variable.path.endswith(POWER_ITERATION):
            average.value.assign(variable.value)
        elif not (own_statistics and variable.path.endswith(STATISTICS)):
            # Not decay * average + ...: that product would be there, and kept, from the beginning of the step.
            average.value.assign(average.value - (1.0 - decay) * (average.value - variable.value))
