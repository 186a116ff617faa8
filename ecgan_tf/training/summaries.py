"""What a run leaves for people to read: metrics.jsonl, TensorBoard, a line on the screen, sample grids."""

import time

import tensorflow as tf

from ecgan_tf.atomic_files import machine_errors, write_image
from ecgan_tf.attention_pictures import attention_pictures
from ecgan_tf.json_lines import append_line, drop_lines_after
from ecgan_tf.pictures import CAPTIONS, captioned_grid, legend_of, pictures_of
from ecgan_tf.pixels import to_uint8

MEASURED = ("images_per_second", "images_per_second_per_replica", "input_wait", "peak_memory_mb")  # of a log line


class Progress:
    """Counts images and says, at every log step, how fast it goes and how long it will take.

    Attributes:
        input_wait: share of the time up to the last `advance` in which no step ran, for want of a batch; or None.
    """

    def __init__(self, start_step, steps, batch_size):
        self.steps = steps
        self.batch_size = batch_size
        self.input_wait = None
        self.restart(start_step)

    def timed(self, batches):
        """The batches, of which it notes how long each was waited for."""
        left = iter(batches)
        while True:
            began = time.monotonic()
            batch = next(left, None)
            self.waited += time.monotonic() - began
            if batch is None:
                return
            yield batch

    def restart(self, step):
        """Starts the clock anew, so that the time of tracing or of drawing samples is not counted as training."""
        self.step, self.time, self.waited = step, time.monotonic(), 0.0

    def advance(self, step):
        """Images per second since the last call, and seconds until the last step; None where no step was timed."""
        self.input_wait = None
        if step == self.step:
            return None, None
        seconds = time.monotonic() - self.time
        self.input_wait = min(1.0, self.waited / max(seconds, 1e-9))
        per_step = seconds / (step - self.step)
        self.restart(step)
        return self.batch_size / max(per_step, 1e-9), per_step * (self.steps - step)


class MetricsWriter:
    """metrics.jsonl, one object per log step, and the same numbers as TensorBoard scalars.

    Args:
        run: `RunFolder`.
        start_step: where the run continues; later lines of an interrupted run are dropped, since they come again.
    """

    def __init__(self, run, start_step):
        self.path = run.file("metrics.jsonl")
        self.folder = run.file("tensorboard")
        with machine_errors(self.folder):
            self.writer = tf.summary.create_file_writer(self.folder)
        drop_lines_after(self.path, start_step)

    def write(self, step, numbers):
        rounded = {key: None if value is None else round_float(value) for key, value in numbers.items()}
        append_line(self.path, {"step": step, **rounded})
        self.write_scalars(step, numbers)

    def write_scalars(self, step, numbers):
        """Numbers for TensorBoard alone; None is left out."""
        numbers = {key: value for key, value in numbers.items() if value is not None}
        with machine_errors(self.folder), self.writer.as_default(step):
            for key, value in numbers.items():
                tf.summary.scalar(key, value)
            self.writer.flush()

    def write_grid(self, step, grid):
        with machine_errors(self.folder), self.writer.as_default(step):
            tf.summary.image("samples", grid[None])
            self.writer.flush()


class Samples:
    """The same few validation layouts, synthesised by the averaged generator at steps that grow by half.

    Args:
        run: `RunFolder`.
        batch: dictionary of NumPy arrays, from `layout_batch`.
        classes: `ClassList`.
        first_step: of the first grid.
        every: steps between two; 0: they grow by half.
        aspect: width over height of the photographs, where the tiles' is another; or None.
    """

    def __init__(self, run, batch, classes, first_step, every=0, aspect=None):
        self.run = run
        self.batch = batch
        self.classes = classes
        self.next_step = first_step
        self.every = every
        self.aspect = aspect

    def due(self, step):
        if step < self.next_step:
            return False
        while self.next_step <= step:
            self.next_step += self.every or max(1, self.next_step // 2)
        return True

    def draw(self, generate, name):
        """Writes samples/<name>.png, a column per picture that the generator gives. Returns the grid.

        Args:
            generate: maps a batch to the generator's outputs.
            name: of the file, without ending.
        """
        outputs, labels = generate(self.batch), self.batch["labels"]
        columns = {"other view": to_uint8(self.batch["source"])} if "source" in self.batch else {}
        columns["label map"] = self.classes.colorize(labels)
        if "exemplar" in self.batch:
            columns["exemplar"] = to_uint8(self.batch["exemplar"])
            columns["its label map"] = self.classes.colorize(self.batch["exemplar_labels"])
        for key, picture in pictures_of(outputs).items():
            columns[CAPTIONS[key]] = picture
            if key == "edge" and "edges" in self.batch:
                columns["photograph's edge"] = to_uint8(self.batch["edges"])
        if "attention" in outputs:
            columns.update(attention_pictures(outputs["attention"], labels.shape[1:3]))
        columns["photograph"] = to_uint8(self.batch["image"])
        grid = captioned_grid(columns, aspect=self.aspect, legend=legend_of(self.classes, labels))
        write_image(self.run.file("samples", f"{name}.png"), grid)
        return grid


def round_float(value):
    return float(f"{value:.6g}")


def format_seconds(seconds):
    if seconds is None:
        return "-"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{seconds:02d}s"
