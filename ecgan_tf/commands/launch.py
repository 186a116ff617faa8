"""Trains one run by several workers on this machine, each a process of its own.

Example:
    ecgan launch --workers=2 --config=ecgan_earth_tiles --workdir=runs/earth_tiles

All other flags are those of `ecgan train`. The GPUs are shared out evenly; without any, each worker takes one CPU.
Every line begins with the worker that says it. SIGTERM and Ctrl-C save before they end all workers; where one ends by
itself, so do the others, and the same command goes on from the last checkpoint. For several machines start
`ecgan train` on each, with --config.train.cluster=HOST:PORT,HOST:PORT and --task, or by srun: docs/several_workers.md.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

from absl import flags

from ecgan_tf import cli
from ecgan_tf.commands import train  # its flags are this command's, too
from ecgan_tf.errors import RequestError
from ecgan_tf.interrupts import CODES, InterruptError, handlers
from ecgan_tf.ports import free_ports

WORKERS = flags.DEFINE_integer("workers", None, "How many processes train together.", lower_bound=1)
flags.adopt_module_key_flags(train)
INTERRUPTED = train.INTERRUPTED
OF_THE_LAUNCHER = ("task", "config.train.cluster")  # what it tells each worker
HANGUP = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []  # of a terminal that is closed
PATIENCE = 60  # seconds in which the others notice that one has ended, before they are ended


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(workers=WORKERS.value, workdir=train.WORKDIR.value)
    words = without_workers(sys.argv[1:])
    given = [word.lstrip("-").partition("=")[0] for word in words]
    for name in OF_THE_LAUNCHER:
        if name in given:
            raise RequestError(f"--{name} is the launcher's to give; leave it out, or start `ecgan train` yourself.")
    shares = share_gpus(visible_gpus(), WORKERS.value)
    with passing_signals_on() as workers:
        workers += start(words, shares)
        codes, number = watch(workers)
    if number:
        raise InterruptError(
            number, f"the workers ended with exit codes {', '.join(map(str, codes))}; see their lines."
        )
    failed = [f"worker {index} ended with exit code {code}" for index, code in enumerate(codes) if code]
    if failed:
        raise RequestError(f"{', '.join(failed)}; see its lines.")


def without_workers(words):
    """The words of the command without `--workers=N` or `--workers N`."""
    kept, left = [], list(words)
    while left:
        word = left.pop(0)
        if word in ("--workers", "-workers"):
            left[:1] = []
        elif not word.startswith(("--workers=", "-workers=")):
            kept.append(word)
    return kept


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
    addresses = [f"127.0.0.1:{port}" for port in free_ports(len(shares))]
    return [
        subprocess.Popen(
            [sys.executable, "-m", "ecgan_tf", "train", *words],
            env={
                **os.environ,
                "TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}),
                **({"CUDA_VISIBLE_DEVICES": gpus} if gpus else {}),
            },
            start_new_session=True,
        )
        for index, gpus in enumerate(shares)
    ]


class Workers(list):
    """The processes, and the first signal that was passed on to them, or None."""

    number = None


@contextlib.contextmanager
def passing_signals_on():
    """Within the block, which adds processes to the list, the first signal reaches all of them; a second kills them."""
    workers = Workers()

    def pass_on(number, frame):
        for worker in workers:
            worker.kill() if workers.number else worker.send_signal(number)
        workers.number = workers.number or number

    with handlers(pass_on, (*CODES, *HANGUP)):
        try:
            yield workers
        finally:
            for worker in workers:
                worker.kill()  # nothing where it has ended


def watch(workers):
    """Waits for all workers, and ends those that long outlive one that failed or was stopped.

    Returns:
        their exit codes; and SIGINT or SIGTERM, if one was passed on, a hangup as the latter.
    """
    ended_at = None
    while any(worker.poll() is None for worker in workers):
        if ended_at is None and any(worker.poll() for worker in workers):
            ended_at = time.monotonic()
        if ended_at is not None and time.monotonic() - ended_at > PATIENCE:
            for worker in workers:
                worker.kill()
        time.sleep(0.2)
    number = workers.number
    return [worker.wait() for worker in workers], number if number in (None, *CODES) else signal.SIGTERM
