"""The worker processes that train one run together: who they are, and what the first of them tells the others."""

import contextlib
import dataclasses
import json
import os
import re
import signal

import numpy as np
import tensorflow as tf

from ecgan_tf import interrupts
from ecgan_tf.atomic_files import parse_json
from ecgan_tf.errors import RequestError

NONE = "none"  # as `config.train.cluster`: one worker, whatever the environment says
SLURM_PORT = 12321  # of the first task of a node; the others' follow it
# What collectives raise where another worker has ended: some always, some by their words, else our own faults.
GONE = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
PERHAPS_GONE = (tf.errors.CancelledError, tf.errors.FailedPreconditionError, tf.errors.InternalError)
WORDS_OF_GONE = re.compile(r"collective|coordination|heartbeat|/job:worker|grpc|socket", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run and which of them this process is; a single one without addresses.

    The first worker, the chief, holds the run folder and writes; the others need no access to it.
    """

    workers: tuple[str, ...] = ()
    task: int = 0

    def __bool__(self):
        return len(self.workers) > 1

    @property
    def is_chief(self):
        return self.task == 0

    @property
    def words(self):
        return f"worker {self.task} of {len(self.workers)}"

    def resolver(self):
        """What tells TensorFlow of the workers, and of the GPUs of this one: by itself it would count none."""
        return tf.distribute.cluster_resolver.SimpleClusterResolver(
            tf.train.ClusterSpec({"worker": list(self.workers)}),
            task_type="worker",
            task_id=self.task,
            num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
            rpc_layer="grpc",
        )

    def strategy(self):
        """MultiWorkerMirroredStrategy over the workers; it waits for all of them.

        Meanwhile signals end the process at once: Python's own handlers would wait, too, and nothing is to be saved.
        """
        with interrupts.handlers(signal.SIG_DFL):
            try:
                return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=self.resolver())
            except (tf.errors.OpError, RuntimeError) as error:
                raise RequestError(
                    f"the workers {', '.join(self.workers)} did not come together ({first_line(error)}). Start all of "
                    "them, at ports that are free and that the others reach."
                ) from error


def find_cluster(addresses="", task=None, environment=None):
    """The workers that the environment or the request names.

    Args:
        addresses: `config.train.cluster`, "host:port,host:port"; "": what TF_CONFIG or Slurm's variables say, which is
            one worker without them; "none": one worker, whatever they say.
        task: which of `addresses` this process is.
        environment: in place of `os.environ`.
    Raises:
        RequestError: where they contradict each other, or describe no cluster.
    """
    environment = os.environ if environment is None else environment
    given = [address.strip() for address in addresses.split(",") if address.strip()]
    if given == [NONE]:
        return Cluster()
    by_tf_config = _of_tf_config(environment)
    if not given:
        if task is not None:
            raise RequestError("--task is given without --config.train.cluster=HOST:PORT,HOST:PORT; give both.")
        return by_tf_config or _of_slurm(environment) or Cluster()
    if by_tf_config:
        raise RequestError("config.train.cluster and TF_CONFIG both name workers; leave one out.")
    return _of_addresses(given, task)


def _of_addresses(given, task):
    wrong = [address for address in given if not _is_address(address)]
    if wrong or len(set(given)) < len(given):
        raise RequestError(
            f"config.train.cluster={','.join(given)}: give a HOST:PORT for each worker, each once, as "
            "10.0.0.1:12321,10.0.0.2:12321; or none."
        )
    if task is None or not 0 <= task < len(given):
        raise RequestError(
            f"config.train.cluster names {len(given)} workers; --task={task} must say which one this process is, "
            f"0 to {len(given) - 1}, the chief first."
        )
    return Cluster(tuple(given), task)


def _is_address(address):
    host, colon, port = address.rpartition(":")
    return bool(host and colon) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


def _of_tf_config(environment):
    """The cluster of TF_CONFIG; None where it is not set, or names one worker."""
    text = environment.get("TF_CONFIG", "")
    if not text.strip():
        return None
    try:
        content = parse_json(text)
        jobs, own = content.get("cluster", {}), content.get("task", {})
        foreign = sorted(set(jobs) - {"chief", "worker"})
        chiefs, workers = ([str(address) for address in jobs.get(kind, ())] for kind in ("chief", "worker"))
        everyone = (*chiefs, *workers)
        if len(everyone) < 2 and not foreign:
            return None
        kind, index = own.get("type"), int(own.get("index", -1))
        found = Cluster(everyone, {"chief": 0, "worker": len(chiefs)}[kind] + index)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise RequestError(f"TF_CONFIG in the environment describes no cluster ({error}); unset it.") from error
    if foreign or index < 0 or index >= len(jobs[kind]):
        raise RequestError(
            f"TF_CONFIG in the environment: this is task {kind!r} {index} of {json.dumps(jobs)}; there must be workers "
            "alone, at most a chief among them, and the task one of them. Or unset it."
        )
    return found


def _of_slurm(environment):
    """The cluster of the tasks of a job step that srun started; None elsewhere."""
    count = environment.get("SLURM_STEP_NUM_TASKS", "1")
    if not count.isdigit() or int(count) < 2 or "SLURM_PROCID" not in environment:
        return None
    from tensorflow.python.distribute.cluster_resolver.slurm_cluster_resolver import (
        expand_hostlist,
        expand_tasks_per_node,
    )

    try:
        # TensorFlow's SlurmClusterResolver sorts the nodes by name, node10 before node9; ranks follow the list.
        hosts = expand_hostlist(environment["SLURM_STEP_NODELIST"])
        tasks = expand_tasks_per_node(environment["SLURM_STEP_TASKS_PER_NODE"])
        workers = [f"{host}:{SLURM_PORT + i}" for host, here in zip(hosts, tasks, strict=True) for i in range(here)]
        found = Cluster(tuple(workers), int(environment["SLURM_PROCID"]))
        if len(workers) != int(count) or not 0 <= found.task < len(workers):
            raise ValueError(f"{len(workers)} addresses, rank {found.task}")
        return found
    except (AttributeError, IndexError, KeyError, ValueError) as error:
        raise RequestError(
            f"Slurm's variables name {count} tasks, but no cluster ({error}); set --config.train.cluster=none to train "
            "in this process alone, or name the workers by it."
        ) from error


# ---- what the workers tell each other


def chief_may(strategy, cluster, action):
    """What the chief's action gives, None on the others; what the chief refuses is refused on all.

    Args:
        action: function of nothing; it does nothing that all workers must do together.
    """
    found, refused = None, None
    if cluster.is_chief:
        try:
            found = action()
        except RequestError as error:
            if not cluster:
                raise
            refused = error
    words = tell(strategy, cluster, refused and str(refused))
    if refused:
        raise refused
    if words:
        raise RequestError(f"the chief refuses: {words}")
    return found


def tell(strategy, cluster, value=None):
    """What the chief knows, for all workers: a value that JSON can hold."""
    if not cluster:
        return value
    content = np.frombuffer(json.dumps(value).encode(), np.uint8) if cluster.is_chief else np.zeros(0, np.uint8)
    size = int(_of_chief(strategy, cluster, np.array(len(content), np.int64)))
    padded = content if cluster.is_chief else np.zeros(size, np.uint8)
    return json.loads(bytes(_of_chief(strategy, cluster, padded.astype(np.int32)).astype(np.uint8)).decode())


def tell_variables(strategy, cluster, variables):
    """Gives all workers the chief's values of variables, bit for bit."""
    if not cluster:
        return
    for variable in variables.values():
        variable.assign(_of_chief(strategy, cluster, variable.numpy()))


def any_worker(strategy, cluster, flag):
    """Whether a flag is set on any worker: the same answer on all of them."""
    return bool(_sum(strategy, np.array(bool(flag), np.int32))) if cluster else bool(flag)


def _of_chief(strategy, cluster, value):
    """The chief's array on every worker, all of which give one of its shape."""
    return _sum(strategy, value if cluster.is_chief else np.zeros_like(value))


def _sum(strategy, value):
    """The sum over workers of an array that each of them gives."""
    with_type = tf.constant(value)

    def of_replica():
        context = tf.distribute.get_replica_context()
        is_first = context.replica_id_in_sync_group % len(strategy.extended.worker_devices) == 0
        mine = tf.where(is_first, with_type, tf.zeros_like(with_type))
        return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

    return strategy.experimental_local_results(strategy.run(of_replica))[0].numpy()


@contextlib.contextmanager
def readable_losses(cluster, way_on):
    """Turns what a collective raises where another worker has ended into one line.

    Args:
        cluster: of `find_cluster`; a single worker's errors stay what they are.
        way_on: what to do now, one line.
    """
    try:
        yield
    except (*GONE, *PERHAPS_GONE) as error:
        if not cluster or (isinstance(error, PERHAPS_GONE) and not WORDS_OF_GONE.search(error.message)):
            raise
        said = first_line(error)
        raise RequestError(f"another worker has ended, or cannot be reached ({said}). {way_on}") from error


def first_line(error):
    """The first line of what TensorFlow says, of a length that can be read."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
