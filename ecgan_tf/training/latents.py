"""Which random numbers the layouts of a run come with."""

from ecgan_tf.latents import latent_shapes
from ecgan_tf.methods import method_of


def with_latents(data, config, arguments):
    """A data set whose layouts come with what a run's generator, and its training, draw of N(0, 1).

    Args:
        data: `LabelledPhotographs`, which is changed.
        config: the run's.
        arguments: of the generator, from `Method.generator_arguments`.
    """
    data.latents = latent_shapes(arguments)
    if data.split == "train":
        data.latents |= method_of(config.model.name).training_latents(config, arguments)
        data.class_codes = config.train.get("class_codes", 0.0)
    return data
