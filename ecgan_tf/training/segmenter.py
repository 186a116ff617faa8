"""Trains the label generator of ECGAN's similarity loss: a small segmenter, on a data set's training split."""

import keras
import ml_collections
import numpy as np
import tensorflow as tf

from ecgan_tf.atomic_files import atomic_path
from ecgan_tf.config import check_config
from ecgan_tf.console import say
from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import training_batches, validation_batches
from ecgan_tf.errors import RequestError
from ecgan_tf.losses.labels import label_cross_entropy
from ecgan_tf.models.segmenter import Segmenter, segmenter_arrays
from ecgan_tf.outputs import plan_file
from ecgan_tf.training.cluster import find_cluster


def train_segmenter(
    config: ml_collections.ConfigDict, output: str, steps: int = 1000, batch_size: int = 8, stride: int = 4
) -> tuple[float, float]:
    """Trains a segmenter and writes its weights.

    Args:
        config: whose data set and image size it is for.
        output: the .npz to write.
        steps, batch_size: of the training.
        stride: of its logits: 4, which a label generator needs, or 1, for a judge that sees what is thin.
    Returns:
        pixel accuracy and mIoU on the validation split.
    """
    if not output.endswith(".npz"):
        raise RequestError(f"--output={output}: the file must end in .npz.")
    output = plan_file(output)
    check_config(config)
    if find_cluster(config.train.cluster):
        raise RequestError(
            "a segmenter is trained by one process, but TF_CONFIG or Slurm names several, which would all write "
            f"{output}; start one, or set --config.train.cluster=none."
        )
    train_data, validation_data = (open_dataset(config.data, split) for split in ("train", "validation"))
    keras.utils.set_random_seed(config.train.seed)
    segmenter = Segmenter(train_data.classes.num_classes, stride=stride, name="segmenter")
    segmenter.build()
    fit(segmenter, train_data, config, steps, batch_size)
    accuracy, mean_iou = score(segmenter, validation_data, config, batch_size)
    with atomic_path(output) as temporary:
        np.savez(temporary, **segmenter_arrays(segmenter))
    say(f"{output}: pixel accuracy {accuracy:.3f}, mIoU {mean_iou:.3f} on {len(validation_data)} photographs")
    return accuracy, mean_iou


def fit(segmenter, data, config, steps, batch_size):
    """Cross-entropy with Adam and a cosine schedule; unknown pixels do not count."""
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))
    optimizer.build(segmenter.trainable_variables)

    @tf.function(autograph=False)
    def step(batch):
        with tf.GradientTape() as tape:
            logits = segmenter(batch["image"], training=True)
            labels = batch["labels"][:, :: segmenter.stride, :: segmenter.stride]
            loss = tf.reduce_mean(label_cross_entropy(logits, labels))
        values = [variable.value for variable in segmenter.trainable_variables]
        optimizer.apply(tape.gradient(loss, values), segmenter.trainable_variables)
        return loss

    batches = training_batches(data, config.data, batch_size, config.train.seed, 0, steps)
    for done, batch in enumerate(batches, start=1):
        loss = step(batch)
        if done % 100 == 0 or done == steps:
            say(f"step {done}/{steps} | cross-entropy {float(loss):.3f}")


def score(segmenter, data, config, batch_size):
    """Pixel accuracy and mIoU on a split, at the stride of the logits."""
    num_classes = segmenter.num_classes
    confusion = np.zeros((num_classes, num_classes), np.int64)
    for batch in validation_batches(data, config.data, batch_size):
        labels = batch["labels"].numpy()[:, :: segmenter.stride, :: segmenter.stride]
        predicted = np.argmax(segmenter(batch["image"]), axis=-1)
        known = labels < num_classes
        np.add.at(confusion, (labels[known], predicted[known]), 1)
    hits = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    return hits.sum() / confusion.sum(), (hits[union > 0] / union[union > 0]).mean()
