"""Trains one run by several workers on this machine, each a process of its own.

Example:
    ecgan launch --workers=2 --config=ecgan_earth_tiles --workdir=runs/earth_tiles

All other flags are those of `ecgan train`. The GPUs are shared out evenly; without any, each worker takes one CPU.
Every line begins with the worker that says it. SIGTERM and Ctrl-C save before they end all workers; where one ends by
itself, so do the others, and the same command goes on from the last checkpoint. For several machines start
`ecgan train` on each, with --config.train.cluster=HOST:PORT,HOST:PORT and --task, or by srun: docs/several_workers.md.
"""

import os
import socket
import subprocess
import sys
import time

from absl import flags

from ecgan_tf import cli
from ecgan_tf.commands import train  # its flags are this command's, too
from ecgan_tf.errors import RequestError
from ecgan_tf.interrupts import InterruptError, stop_on_signals

WORKERS = flags.DEFINE_integer("workers", None, "How many processes train together.", lower_bound=1)
INTERRUPTED = train.INTERRUPTED
OWN = ("workers",)
OF_THE_LAUNCHER = ("task", "config.train.cluster")  # what it gives each worker
PATIENCE = 60  # seconds in which the others notice that one has ended, before they are ended


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(workers=WORKERS.value, workdir=train.WORKDIR.value)
    words = [word for word in sys.argv[1:] if _name(word) not in OWN]
    given = [_name(word) for word in sys.argv[1:]]
    for name in OF_THE_LAUNCHER:
        if name in given:
            raise RequestError(f"--{name} is the launcher's to give; leave it out, or start `ecgan train` yourself.")
    shares = share_gpus(visible_gpus(), WORKERS.value)
    with stop_on_signals() as stop:
        workers = start(words, shares)
        codes = watch(workers, stop)
    if stop:
        raise InterruptError(stop.number, "the workers saved before they ended; the same command goes on from there.")
    failed = [index for index, code in enumerate(codes) if code]
    if failed:
        shown = ", ".join(f"worker {index} ended with exit code {codes[index]}" for index in failed)
        raise RequestError(f"{shown}; the same command goes on from the last checkpoint.")


def _name(word):
    return word.lstrip("-").partition("=")[0] if word.startswith("-") else ""


def visible_gpus():
    """The GPUs of this machine that may be used, as CUDA_VISIBLE_DEVICES names them."""
    import tensorflow as tf

    count = len(tf.config.list_physical_devices("GPU"))
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named[:count] or [str(index) for index in range(count)]


def share_gpus(gpus, workers):
    """CUDA_VISIBLE_DEVICES of each worker: the same number for each, none where there are none.

    Raises:
        RequestError: where they cannot be shared evenly.
    """
    if len(gpus) % workers:
        raise RequestError(
            f"--workers={workers}: {len(gpus)} GPUs cannot be shared evenly; give a number of workers that divides "
            "them, or name fewer by CUDA_VISIBLE_DEVICES."
        )
    each = len(gpus) // workers
    return [",".join(gpus[index * each : (index + 1) * each]) for index in range(workers)]


def start(words, shares):
    """Starts a worker for each share of the GPUs; returns the processes.

    A session of its own keeps a terminal's Ctrl-C from reaching workers beside the launcher, which passes it on.
    """
    cluster = ",".join(f"127.0.0.1:{port}" for port in free_ports(len(shares)))
    command = [sys.executable, "-m", "ecgan_tf", "train", *words]
    if len(shares) > 1:
        command.append(f"--config.train.cluster={cluster}")
    return [
        subprocess.Popen(
            [*command, f"--task={index}"] if len(shares) > 1 else command,
            env={**os.environ, **({"CUDA_VISIBLE_DEVICES": gpus} if gpus else {})},
            start_new_session=True,
        )
        for index, gpus in enumerate(shares)
    ]


def watch(workers, stop):
    """Waits for all workers, passes signals on, and ends those that outlive another's failure; returns exit codes."""
    passed_on, failed_at = False, None
    try:
        while any(worker.poll() is None for worker in workers):
            if stop and not passed_on:
                passed_on = True
                for worker in workers:
                    worker.send_signal(stop.number)
            if failed_at is None and any(worker.poll() for worker in workers) and not stop:
                failed_at = time.monotonic()
            if failed_at is not None and time.monotonic() - failed_at > PATIENCE:
                for worker in workers:
                    worker.kill()
            time.sleep(0.2)
    finally:
        for worker in workers:
            worker.kill()  # nothing where it has ended
    return [worker.wait() for worker in workers]


def free_ports(count):
    """Ports of this machine that nobody listens on."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
