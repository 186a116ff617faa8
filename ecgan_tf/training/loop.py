"""The loop of a run: batches in, steps taken, checkpoints, numbers and pictures out."""

import contextlib
import signal

import numpy as np
import tensorflow as tf

from ecgan_tf.console import say
from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.data.pipeline import distributed_batches, layout_batch, readable_errors
from ecgan_tf.errors import RequestError
from ecgan_tf.interrupts import InterruptError, stop_on_signals
from ecgan_tf.memory import peak_bytes
from ecgan_tf.runs.checkpoints import DivergedError
from ecgan_tf.training.accumulation import make_accumulated_step
from ecgan_tf.training.cluster import Cluster, any_worker, tell, tell_variables
from ecgan_tf.training.evaluations import Evaluations
from ecgan_tf.training.optimizers import learning_rate, loss_scale, steps_left_out
from ecgan_tf.training.profiles import Profile
from ecgan_tf.training.step import make_train_step
from ecgan_tf.training.summaries import MetricsWriter, Progress, Samples, format_seconds

STARVED = 0.05  # share of the time that is waited for input, from which on the screen says it


def training_loop(gan, strategy, train_data, validation_data, run, config, measures=None, cluster=None, profile=None):
    """Trains from the newest checkpoint of the run, or from nothing, to `config.train.steps`.

    A run that is killed and started again gives the weights and the metrics, bit for bit, of one that was not: a batch
    is a function of seed and step, the random numbers of a step are, and all state is in the checkpoint. SIGTERM and
    Ctrl-C save before they end it: to any worker, they end all of them at one step. Of several workers the chief alone
    reads and writes the run folder.

    Args:
        gan: `GAN`, made under the strategy.
        strategy: of `make_strategy`.
        train_data, validation_data: `LabelledPhotographs`; samples are drawn from the latter.
        run: `RunFolder`.
        config: the run's.
        measures: of `make_measures`, what the run measures of itself; None: nothing.
        cluster: `Cluster`; None: one worker.
        profile: `Profile`; None: none.
    """
    cluster, profile = cluster or Cluster(), profile or Profile()
    steps, batch_size = config.train.steps, config.train.global_batch_size
    variables, replicas = gan.named_variables(), strategy.num_replicas_in_sync
    start, extra = restore(run, strategy, cluster, variables)
    if start:
        say(f"continuing from step {start}")

    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    make_step = make_accumulated_step if config.train.accumulate > 1 else make_train_step
    train_step = make_step(gan, objective, config, strategy)
    profile.check_start(start)
    batches = distributed_batches(strategy, train_data, config.data, batch_size, config.train.seed, start, None)
    record = Record(gan, run, config, variables, validation_data, measures, start) if cluster.is_chief else None
    progress = Progress(start, steps, batch_size)
    since_log = SinceLog(extra)

    with stop_on_signals() as stop, readable_errors(), profile.closed():
        if record:
            with until_all_stop(cluster):
                record.measure_missing(start, stop)
        for step, batch in zip(range(start + 1, steps + 1), progress.timed(batches)):
            profile.before(step)
            since_log.add(train_step(batch))
            profile.after(step)
            ends = any_worker(strategy, cluster, stop)
            if step == start + 1:
                say(f"the first step is done, its graph is compiled; {steps - step} to go")
                progress.restart(step)
            if step % config.train.log_every == 0 or step == steps:
                log(step, since_log, gan, progress, record and record.metrics, config, run, replicas)
            if record:
                record.after(step, since_log, ends, progress)
            if ends and step < steps:
                number = stop.number or signal.SIGTERM  # of another worker
                raise InterruptError(number, f"saved at step {step}; the same command goes on from there.")
            if record:
                with until_all_stop(cluster):
                    record.measure(step, stop, progress)
    if record:
        record.draw("final")
        say(f"trained to step {max(start, steps)}; look at {run.file('samples', 'final.png')}")


@contextlib.contextmanager
def until_all_stop(cluster):
    """Of several workers a signal that ends an evaluation ends all of them after the next step."""
    try:
        yield
    except InterruptError:
        if not cluster:
            raise


def restore(run, strategy, cluster, variables):
    """Loads the newest checkpoint on all workers, and gives all of them the chief's values.

    Returns:
        its step, or 0; and its `extra` arrays.
    """
    start, extra = run.restore(variables) if cluster.is_chief else (0, {})
    told = tell(strategy, cluster, [start, {name: list(map(float, array)) for name, array in extra.items()}])
    tell_variables(strategy, cluster, variables)
    return told


class Record:
    """What a run writes on its way: numbers, pictures, checkpoints, evaluations.

    Args:
        gan, run, config, measures: as in `training_loop`.
        variables: of `GAN.named_variables`.
        data: `LabelledPhotographs`, whose layouts samples are drawn of.
        start: the step that the run goes on from.
    """

    def __init__(self, gan, run, config, variables, data, measures, start):
        self.run, self.settings, self.variables = run, config.train, variables
        self.generate = tf.function(lambda batch: gan.ema_generator(batch), autograph=False)
        self.metrics = MetricsWriter(run, start)
        layouts = layout_batch(data, evenly_spread(len(data), config.train.sample_layouts))
        first, every = config.train.first_sample, config.train.sample_every
        self.samples = Samples(run, layouts, data.classes, first, every, data.aspect)
        self.samples.due(start)
        self.evaluations = Evaluations(run, config, measures, gan, self.metrics, start) if measures else None

    def measure_missing(self, step, stop):
        """Measures the step that the run goes on from, where a kill came before."""
        if self.evaluations and self.evaluations.is_missing(step):
            self.evaluations.measure(step, stop)

    def after(self, step, since_log, ends, progress):
        """Draws and saves what is due after a step, or because the run `ends` there."""
        if self.samples.due(step):
            self.metrics.write_grid(step, self.draw(f"step_{step:08d}"))
            progress.restart(step)
        is_last, is_measured = step == self.settings.steps, self.evaluations and self.evaluations.due(step)
        if step % self.settings.checkpoint_every == 0 or is_last or ends or is_measured:
            self.save(step, since_log)

    def measure(self, step, stop, progress):
        """Measures a step that was saved, if it is due."""
        if self.evaluations and self.evaluations.due(step):
            self.evaluations.measure(step, stop)
            progress.restart(step)

    def draw(self, name):
        return self.samples.draw(self.generate, name)

    def save(self, step, since_log):
        try:
            self.run.save(step, self.variables, self.settings.keep_checkpoints, since_log.arrays())
        except DivergedError as error:
            raise RequestError(f"step {step}: {error}. {way_back(self.run)}") from error


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


def log(step, since_log, gan, progress, metrics, config, run, replicas=1):
    """Writes the means of all terms since the last log step, if there is a `MetricsWriter`; a line to the screen."""
    terms = since_log.means()
    wrong = [name for name, value in terms.items() if not np.isfinite(value)]
    if wrong:
        advice = way_back(run) if metrics else "The chief says what to do now."
        raise RequestError(f"step {step}: {', '.join(wrong)} not finite: the run has diverged. {advice}")
    images_per_second, seconds_left = progress.advance(step)
    scales = loss_scales(gan, step)
    if metrics:
        numbers = {
            "images_seen": step * config.train.global_batch_size,
            **terms,
            "generator_lr": learning_rate(gan.generator_optimizer),
            "discriminator_lr": learning_rate(gan.discriminator_optimizer),
            **scales,
            "images_per_second": images_per_second,
            "images_per_second_per_replica": None if images_per_second is None else images_per_second / replicas,
            "input_wait": progress.input_wait,
            "peak_memory_mb": peak_memory_mb(),
        }
        metrics.write(step, numbers)
    speed = "-" if images_per_second is None else f"{images_per_second:.1f}"
    starved = f"{progress.input_wait:.0%} waiting for input | " if (progress.input_wait or 0) >= STARVED else ""
    say(
        f"step {step}/{progress.steps} | {speed} images/s | {starved}{format_seconds(seconds_left)} left | "
        f"L_G {terms['L_G']:.3f} | L_D {terms['L_D']:.3f}{perceptual_share(terms, config.loss)}"
        f"{scales_in_words(scales)}"
    )


def loss_scales(gan, step):
    """Of both optimizers under mixed_float16: the loss scale, and how many steps so far overflowed; else {}."""
    found = {}
    for name in ("generator", "discriminator"):
        optimizer = getattr(gan, f"{name}_optimizer")
        found |= {f"{name}_loss_scale": loss_scale(optimizer), f"{name}_overflows": steps_left_out(optimizer, step)}
    return {name: value for name, value in found.items() if value is not None}


def scales_in_words(scales):
    """The end of a log line; "" without loss scales."""
    parts = [
        f"{short} {scales[f'{name}_loss_scale']:g} after {scales[f'{name}_overflows']} overflows"
        for short, name in (("G", "generator"), ("D", "discriminator"))
        if f"{name}_loss_scale" in scales
    ]
    return f" | loss scale {', '.join(parts)}" if parts else ""


def peak_memory_mb():
    """The most memory that a GPU of this process had, or without one this process itself; None where none is told."""
    gpus = [device.name.split("physical_device:")[-1] for device in tf.config.list_physical_devices("GPU")]
    peaks = [tf.config.experimental.get_memory_info(gpu)["peak"] for gpu in gpus] or [peak_bytes()]
    return None if None in peaks else round(max(peaks) / 2**20)


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
