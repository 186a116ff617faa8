"""Memory that is kept is not cleared anew by the machine."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from ecgan_tf.memory import keep_freed

if sys.argv[1] == "keep":
    keep_freed()

def touch():
    held = [np.ones(200_000) for _ in range(3)]  # of 1.6 MB each

touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_is_freed_is_handed_out_again():
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    faults = {
        word: int(subprocess.run([sys.executable, "-c", FAULTS, word], env=environment, check=True, capture_output=True,
                                 timeout=60).stdout)
        for word in ("keep", "as it is")
    }  # fmt: skip
    assert faults["keep"] < 100 < 2000 < faults["as it is"]
