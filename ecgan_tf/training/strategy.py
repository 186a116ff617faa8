"""Where a run's replicas live."""

import re

import tensorflow as tf

from ecgan_tf.errors import RequestError


def make_strategy(devices="", cluster=None):
    """MirroredStrategy over the named devices, of which one is a strategy of one replica; or that of several workers.

    Args:
        devices: "" for all GPUs, or one CPU where there is none; else names such as "GPU:0,GPU:1". Several CPUs
            ("CPU:0,CPU:1") become logical devices, which is how two replicas are tested without a GPU.
        cluster: `Cluster`; with several workers each takes all of its GPUs, or one CPU, and waits for the others.
    """
    if cluster:
        if devices:
            raise RequestError(
                f"config.train.devices={devices} picks devices of one machine; of several workers each takes those "
                "that CUDA_VISIBLE_DEVICES shows it."
            )
        return cluster.strategy()
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


def check_batch(global_batch_size, replicas, parts=1):
    """Refuses a batch that replicas and their parts cannot share evenly: their means would weigh examples unevenly."""
    if global_batch_size % (replicas * parts):
        shares = f"{replicas} replicas" + (f" times config.train.accumulate={parts}" if parts > 1 else "")
        raise RequestError(
            f"config.train.global_batch_size is {global_batch_size}; it must be a multiple of the {shares}."
        )


def check_xla(jit_compile, replicas):
    """Refuses XLA for several replicas: it compiles a step for one device, and what replicas sum up crosses devices."""
    if jit_compile and replicas > 1:
        raise RequestError(
            f"config.train.jit_compile takes one replica, and this run would have {replicas}; name one by "
            "config.train.devices=GPU:0, or leave XLA off."
        )


def _make_logical_cpus(count):
    # Counting logical devices would start the runtime, after which none can be made.
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or [None]) >= count:
        return
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
