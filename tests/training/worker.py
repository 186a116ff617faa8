"""A worker of cluster_test.py, by a request in JSON: three steps by SGD, with the weights before and after each."""

import json
import sys

from ecgan_tf.console import quiet_tensorflow

RATE = 0.001  # at ten times that the steps are so long that each enlarges the rounding of the one before


def main(request):
    import keras

    from ecgan_tf.config import load_config, shrink_to_toy
    from ecgan_tf.training import gan, train

    def sgd(rate, settings, pieces, precision, name):
        """In place of Adam, whose first step is the gradient's sign: a move is the rate times the gradient."""
        constant = keras.optimizers.schedules.PolynomialDecay(RATE, 1, RATE)
        return keras.optimizers.SGD(constant, name=name)

    def loop(gan, strategy, train_data, validation_data, run, config, measures, cluster, profile):
        """The training's own, once what it begins with is kept as step 0."""
        if cluster.is_chief:
            run.save(0, gan.named_variables(), keep=5)
        own_loop(gan, strategy, train_data, validation_data, run, config, measures, cluster, profile)

    gan.make_optimizer = sgd
    own_loop, train.training_loop = train.training_loop, loop
    config = load_config(f"{request['method']}_earth_tiles")
    shrink_to_toy(config)
    config.data.image_size = (
        64,
        64,
    )  # at 32 the first batch statistics are of single cells, and rounding is all of them
    settings = {"steps": 3, "checkpoint_every": 1, "keep_checkpoints": 5, "first_sample": 9, "global_batch_size": 4}
    settings |= {"cluster": request["cluster"], "devices": request["devices"]}
    config.update_from_flattened_dict({f"train.{key}": value for key, value in settings.items()})
    config.update_from_flattened_dict(request.get("config", {}))
    train.train(config, request["workdir"], task=request["task"])


if __name__ == "__main__":
    quiet_tensorflow()
    main(json.loads(sys.argv[1]))
