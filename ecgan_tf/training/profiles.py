"""A TensorFlow profile of some steps of a training: which operators take its time, on which device."""

import contextlib

import tensorflow as tf

from ecgan_tf.console import say
from ecgan_tf.errors import RequestError


class Profile:
    """Records from before one step to after another, into a folder that TensorBoard's profile tab reads.

    Args:
        folder: of the event files.
        steps: the first and the last step, numbers or words; None: nothing is recorded.
        of_all: the steps of the whole run.
    Raises:
        RequestError: for steps that the run does not have.
    """

    def __init__(self, folder="", steps=None, of_all=0):
        self.folder, self.is_on = folder, False
        self.first, self.last = self._checked(steps, of_all) if steps else (None, None)

    @staticmethod
    def _checked(steps, of_all):
        words = [str(step) for step in steps]
        if len(words) == 2 and all(word.isascii() and word.isdigit() for word in words):
            first, last = map(int, words)
            if 1 <= first <= last <= of_all:
                return first, last
        raise RequestError(
            f"--profile_steps={','.join(words)}: give the first and the last step, as 10,12, within 1 to {of_all}."
        )

    def check_start(self, start):
        """Refuses a profile of steps that were taken before the run goes on."""
        if self.first and self.first <= start:
            raise RequestError(
                f"--profile_steps={self.first},{self.last}: the run goes on from step {start}; give later ones."
            )

    def before(self, step):
        if self.first and not self.is_on and self.first <= step <= self.last:
            tf.profiler.experimental.start(self.folder)
            self.is_on = True

    def after(self, step):
        if self.is_on and step >= self.last:
            self._stop()

    def _stop(self):
        tf.profiler.experimental.stop()
        self.is_on = False
        say(f"profiled to {self.folder}: tensorboard --logdir={self.folder} shows it, with tensorboard-plugin-profile")

    @contextlib.contextmanager
    def closed(self):
        """Within the block; where it ends early, what was recorded so far is written."""
        try:
            yield
        finally:
            if self.is_on:
                self._stop()
