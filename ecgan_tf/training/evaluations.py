"""Whether a run gets better, measured on its way: the numbers of a step, and which step was best."""

import math

import tensorflow as tf

from ecgan_tf.config import BEST_BY
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.measures import Measures
from ecgan_tf.evaluation.networks.choice import open_judges
from ecgan_tf.evaluation.protocols import score_of
from ecgan_tf.interrupts import InterruptError
from ecgan_tf.json_lines import append_line, drop_lines_after
from ecgan_tf.training.summaries import round_float


class Evaluations:
    """Measures the generators of a run every `config.train.evaluate_every` steps, and at the last one.

    A checkpoint is written before its step is measured: where a kill comes in between, the run that goes on measures
    the step that it starts from. evaluations.jsonl has a line per step: `numbers` of the averaged weights by the names
    of their protocols, with config.train.evaluate_raw `raw` of the others, `score`, lower is better, and what it is
    `by`.

    Args:
        run: `RunFolder`.
        config: the run's.
        measures: of `make_measures`.
        gan: `GAN`.
        metrics: `MetricsWriter`, for TensorBoard.
        start: step that the run goes on from.
    """

    def __init__(self, run, config, measures, gan, metrics, start):
        self.path = run.file("evaluations.jsonl")
        self.run, self.settings, self.measures, self.metrics = run, config.train, measures, metrics
        self.best_by = best_by(config.train, measures)
        networks = {"numbers": gan.ema_generator, **({"raw": gan.generator} if config.train.evaluate_raw else {})}
        self.generators = {name: compiled(network) for name, network in networks.items()}
        drop_lines_after(self.path, start)

    def due(self, step):
        """Whether a step is measured."""
        return step % self.settings.evaluate_every == 0 or step == self.settings.steps

    def is_missing(self, step):
        """Whether a step that should have been measured was not, since a kill came before."""
        return step > 0 and self.due(step) and step not in [line["step"] for line in self.run.evaluations]

    def measure(self, step, stop):
        """Measures a step that has a checkpoint, and writes its line.

        Args:
            step: its number.
            stop: of `stop_on_signals`; a signal ends the measuring, and nothing is written.
        """

        def watch(done, of_all):
            if stop:
                raise InterruptError(stop.number, f"saved at step {step}; the same command goes on from there.")

        found = {
            name: self.measures.measure(lambda index, batch, generate=generate: generate(batch), watch)
            for name, generate in self.generators.items()
        }
        measured = found["numbers"]
        name = measured.find(self.best_by)
        protocol, value = measured.protocols[name], measured.numbers[name]
        line = {"step": step, **{key: rounded(each.numbers) for key, each in found.items()}}
        line |= {"by": f"{name} {protocol.network_hash or ''}".strip(), "score": score_of(protocol.metric, value)}
        append_line(self.path, line)
        self.run.prune(self.settings.keep_checkpoints)
        for key, each in found.items():
            prefix = "evaluation" if key == "numbers" else f"evaluation_{key}"
            self.metrics.write_scalars(step, {f"{prefix}/{n}": v for n, v in each.numbers.items() if math.isfinite(v)})
        self.say_it(step, name, measured)

    def say_it(self, step, name, measured):
        """A line on the screen: the number that decides, and a few more."""
        shown = [n for n in (name, *(measured.find(m) for m in ("miou", "ssim", "sharpness"))) if n]
        numbers = ", ".join(f"{n} {measured.numbers[n]:.4g}" for n in dict.fromkeys(shown))
        best = self.run.best_step
        say(f"step {step} measured: {numbers}; {'the best so far' if best == step else f'best: step {best}'}")


def make_measures(config, data):
    """What a run measures of itself, or None where `config.train.evaluate_every` is 0.

    Args:
        config: the run's.
        data: `LabelledPhotographs` of the validation split.
    Raises:
        RequestError: where the judge does not fit the data, or does not give what the best checkpoint is best by.
    """
    if not config.train.evaluate_every:
        return None
    judges = [config.train.judge] if config.train.judge else []
    measures = Measures(
        data, open_judges(judges, data, [config.loss], "config.train.judge"), config.train.evaluate_layouts
    )
    if best_by(config.train, measures) not in measures.metrics:
        raise RequestError(
            f"config.train.best_by is {config.train.best_by!r}, which {config.train.judge!r} does not give over "
            f"{len(measures.indices)} layouts; choose one of {', '.join(m for m in BEST_BY if m in measures.metrics)}."
        )
    return measures


def best_by(settings, measures):
    """The metric that the best checkpoint is best by.

    Args:
        settings: config.train.
        measures: `Measures`; without a word in the config it is "fd" where they give it.
    """
    return settings.best_by or ("fd" if "fd" in measures.metrics else "l1")


def compiled(generator):
    return tf.function(lambda batch: generator(batch), autograph=False)


def rounded(numbers):
    """For JSON, which has no NaN."""
    return {name: round_float(value) if math.isfinite(value) else None for name, value in numbers.items()}
