import subprocess
import sys

import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.training.strategy import check_batch, check_xla, make_strategy


@pytest.mark.parametrize(("devices", "replicas"), [("", 1), ("CPU:0", 1), ("cpu:1", 1), ("CPU:0, CPU:1", 2)])
def test_one_replica_per_device(devices, replicas):
    assert make_strategy(devices).num_replicas_in_sync == replicas


@pytest.mark.parametrize("devices", ["GPU:7", "TPU:0", "CPU", "CPU:x", "CPU:0,GPU:7"])
def test_an_unknown_device_is_named_beside_the_known(devices):
    unknown = devices.split(",")[-1]
    with pytest.raises(RequestError, match=f"config.train.devices names {unknown}; this machine has .*CPU:0"):
        make_strategy(devices)


def test_a_new_process_makes_its_logical_cpus():
    code = "from ecgan_tf.training.strategy import make_strategy as m; print(m('CPU:0,CPU:1').num_replicas_in_sync)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.stdout == "2\n", result.stderr[-2000:]


def test_a_batch_that_the_replicas_cannot_share_is_refused(two_replicas):
    check_batch(4, 2)
    with pytest.raises(RequestError, match="global_batch_size is 3; it must be a multiple of the 2 replicas"):
        check_batch(3, 2)


def test_xla_is_refused_for_what_it_cannot_compile():
    """It fails there: "Trying to access resource ... located in device CPU:1 from device CPU:0"."""
    check_xla(True, 1)
    check_xla(False, 2)
    with pytest.raises(RequestError, match="jit_compile takes one replica, and this run would have 2"):
        check_xla(True, 2)
