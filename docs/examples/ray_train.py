"""One run by two Ray workers: Ray Train's TensorflowTrainer starts them and sets TF_CONFIG, which `train` reads.

Example:
    pip install "ray[train]"
    python docs/examples/ray_train.py ecgan_earth_tiles:toy runs/by_ray

On several machines the data set must be at one path on all of them; the run folder is the chief's alone.
"""

import os
import sys

import ray
from ray.train import ScalingConfig
from ray.train.tensorflow import TensorflowTrainer


def worker(request):
    from ecgan_tf.config import load_config
    from ecgan_tf.training.train import train

    train(load_config(request["config"], **{"train.global_batch_size": request["batch"]}), request["workdir"])


if __name__ == "__main__":
    config, workdir = sys.argv[1:]
    ray.init(num_cpus=2, include_dashboard=False)
    TensorflowTrainer(
        worker,
        train_loop_config={"config": config, "workdir": os.path.abspath(workdir), "batch": 2},
        scaling_config=ScalingConfig(num_workers=2, use_gpu=False),
    ).fit()
