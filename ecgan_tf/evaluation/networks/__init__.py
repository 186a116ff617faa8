"""The networks that judge pictures: segmenters and features, each opened by its file or name, with its hash."""

from ecgan_tf.evaluation.networks.judge import JudgeNetwork
from ecgan_tf.evaluation.networks.opening import open_judge

__all__ = ["JudgeNetwork", "open_judge"]
