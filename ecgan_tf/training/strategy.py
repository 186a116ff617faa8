"""Where a run's replicas live."""

import os
import re

import tensorflow as tf

from ecgan_tf.atomic_files import parse_json
from ecgan_tf.errors import RequestError


def make_strategy(devices=""):
    """MirroredStrategy over the named devices; one device is a strategy of one replica.

    Args:
        devices: "" for all GPUs, or one CPU where there is none; else names such as "GPU:0,GPU:1". Several CPUs
            ("CPU:0,CPU:1") become logical devices, which is how two replicas are tested without a GPU.
    """
    names = [name.strip() for name in devices.split(",") if name.strip()]
    cpus = [int(name[4:]) for name in names if re.fullmatch(r"CPU:\d+", name.upper())]
    if cpus:
        _make_logical_cpus(max(cpus) + 1)
    known = [device.name.split("device:")[-1] for device in tf.config.list_logical_devices()]
    twice = sorted({name for name in names if [other.upper() for other in names].count(name.upper()) > 1})
    if twice:
        raise RequestError(f"config.train.devices names {', '.join(twice)} twice; a device holds one replica.")
    missing = [name for name in names if name.upper() not in known]
    if missing:
        raise RequestError(f"config.train.devices names {', '.join(missing)}; this machine has {', '.join(known)}.")
    if not names:
        names = [name for name in known if name.startswith("GPU:")] or ["CPU:0"]
    return tf.distribute.MirroredStrategy(names)


def check_cluster():
    """Refuses TF_CONFIG of several workers: each would train a run of its own, into the same folder."""
    text = os.environ.get("TF_CONFIG", "")
    if not text.strip():
        return
    try:
        cluster = parse_json(text).get("cluster", {})
        workers = sum(len(cluster.get(kind, ())) for kind in ("chief", "worker"))
    except (ValueError, AttributeError, TypeError) as error:
        raise RequestError(f"TF_CONFIG in the environment describes no cluster ({error}); unset it.") from error
    if workers > 1:
        raise RequestError(
            f"TF_CONFIG names {workers} workers; several workers are not supported, and each would train a run of its "
            "own. Unset TF_CONFIG, and use the devices of one machine."
        )


def check_batch(global_batch_size, strategy):
    """Refuses a batch that the replicas cannot share evenly: their means would weigh examples unevenly."""
    replicas = strategy.num_replicas_in_sync
    if global_batch_size % replicas:
        raise RequestError(
            f"config.train.global_batch_size is {global_batch_size}; it must be a multiple of the {replicas} replicas."
        )


def _make_logical_cpus(count):
    # Counting logical devices would start the runtime, after which none can be made.
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or [None]) >= count:
        return
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
