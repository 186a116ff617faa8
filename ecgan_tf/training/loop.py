"""The loop of a run: batches in, steps taken, checkpoints, numbers and pictures out."""

import numpy as np
import tensorflow as tf

from ecgan_tf.console import say
from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.data.pipeline import layout_batch, readable_errors, training_batches
from ecgan_tf.errors import RequestError
from ecgan_tf.interrupts import InterruptError, stop_on_signals
from ecgan_tf.runs.checkpoints import DivergedError
from ecgan_tf.training.evaluations import Evaluations
from ecgan_tf.training.optimizers import learning_rate
from ecgan_tf.training.step import make_train_step
from ecgan_tf.training.summaries import MetricsWriter, Progress, Samples, format_seconds


def training_loop(gan, strategy, train_data, validation_data, run, config, measures=None):
    """Trains from the newest checkpoint of the run, or from nothing, to `config.train.steps`.

    A run that is killed and started again gives the weights and the metrics, bit for bit, of one that was not: a batch
    is a function of seed and step, the random numbers of a step are, and all state is in the checkpoint. SIGTERM and
    Ctrl-C save before they end it.

    Args:
        gan: `GAN`, made under the strategy.
        strategy: of `make_strategy`.
        train_data, validation_data: `LabelledPhotographs`; samples are drawn from the latter.
        run: `RunFolder`.
        config: the run's.
        measures: of `make_measures`, what the run measures of itself; None: nothing.
    """
    steps, batch_size = config.train.steps, config.train.global_batch_size
    variables = gan.named_variables()
    start, extra = run.restore(variables)
    if start:
        say(f"continuing from step {start}")

    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    train_step = make_train_step(gan, objective, config, strategy)
    batches = training_batches(train_data, config.data, batch_size, config.train.seed, start, max(steps - start, 0))
    generate = tf.function(lambda batch: gan.ema_generator(batch), autograph=False)
    metrics = MetricsWriter(run, start)
    indices = evenly_spread(len(validation_data), config.train.sample_layouts)
    layouts, every = layout_batch(validation_data, indices), config.train.sample_every
    first, aspect = config.train.first_sample, validation_data.aspect
    samples = Samples(run, layouts, validation_data.classes, first, every, aspect)
    samples.due(start)
    evaluations = Evaluations(run, config, measures, gan, metrics, start) if measures else None
    progress = Progress(start, steps, batch_size)
    since_log = SinceLog(extra)

    def save(step):
        try:
            run.save(step, variables, config.train.keep_checkpoints, since_log.arrays())
        except DivergedError as error:
            raise RequestError(f"step {step}: {error}. {way_back(run)}") from error

    with stop_on_signals() as stop, readable_errors():
        if evaluations and evaluations.is_missing(start):
            evaluations.measure(start, stop)
        for step, batch in enumerate(strategy.experimental_distribute_dataset(batches), start=start + 1):
            since_log.add(train_step(batch))
            if step == start + 1:
                say(f"the first step is done, its graph is compiled; {steps - step} to go")
                progress.restart(step)
            if step % config.train.log_every == 0 or step == steps:
                log(step, since_log, gan, progress, metrics, config, run)
            if samples.due(step):
                metrics.write_grid(step, samples.draw(generate, f"step_{step:08d}"))
                progress.restart(step)
            is_measured = evaluations and evaluations.due(step)
            if step % config.train.checkpoint_every == 0 or step == steps or stop or is_measured:
                save(step)
            if stop and step < steps:
                raise InterruptError(stop.number, f"saved at step {step}; the same command goes on from there.")
            if is_measured:
                evaluations.measure(step, stop)
                progress.restart(step)
    samples.draw(generate, "final")
    say(f"trained to step {max(start, steps)}; look at {run.file('samples', 'final.png')}")


class SinceLog:
    """The terms of every step since the last log step, which a checkpoint takes along.

    Args:
        stored: what `arrays` gave when the run was interrupted, or {}.
    """

    def __init__(self, stored):
        self.values = {name: list(map(float, array)) for name, array in stored.items()}

    def add(self, terms):
        """Takes the terms of a step in: dictionary from symbol to scalar tensor."""
        for name, value in terms.items():
            self.values.setdefault(name, []).append(value)

    def arrays(self):
        """What a checkpoint holds of them: dictionary from symbol to float64 (steps,)."""
        return {name: np.array([float(value) for value in values]) for name, values in self.values.items()}

    def means(self):
        """Their means, for the log; the next ones start anew."""
        means = {name: float(np.mean(array)) for name, array in self.arrays().items()}
        self.values = {}
        return means


def log(step, since_log, gan, progress, metrics, config, run):
    """Writes the means of all terms since the last log step, and one line to the screen."""
    terms = since_log.means()
    wrong = [name for name, value in terms.items() if not np.isfinite(value)]
    if wrong:
        raise RequestError(f"step {step}: {', '.join(wrong)} not finite: the run has diverged. {way_back(run)}")
    images_per_second, seconds_left = progress.advance(step)
    metrics.write(
        step,
        {
            "images_seen": step * config.train.global_batch_size,
            **terms,
            "generator_lr": learning_rate(gan.generator_optimizer),
            "discriminator_lr": learning_rate(gan.discriminator_optimizer),
            "images_per_second": images_per_second,
        },
    )
    speed = "-" if images_per_second is None else f"{images_per_second:.1f}"
    say(
        f"step {step}/{progress.steps} | {speed} images/s | {format_seconds(seconds_left)} left | "
        f"L_G {terms['L_G']:.3f} | L_D {terms['L_D']:.3f}{perceptual_share(terms, config.loss)}"
    )


def perceptual_share(terms, loss):
    """How large the weighted perceptual terms are against feature matching, for the log; "" without either."""
    perceptual, matching = (sum(v for name, v in terms.items() if name.startswith(f"{s}^")) for s in ("L_p", "L_f"))
    if not perceptual or not matching or not loss.feature_matching:
        return ""
    return f" | L_p is {loss.perceptual * perceptual / (loss.feature_matching * matching):.2f} of L_f"


def way_back(run):
    """What to do with a run that has diverged: commands that work."""
    if not run.steps:
        return "Nothing was saved; start again with lower config.optimizer rates."
    return (
        f"The last checkpoint, step {run.steps[-1]}, is finite. Go on from there with lower rates by "
        f"--rollback_to={run.steps[-1]} --config.optimizer.generator_lr=RATE "
        "--config.optimizer.discriminator_lr=RATE, or start a new run from its weights by "
        f"--workdir=OTHER --config.train.init_from={run.path}"
    )
