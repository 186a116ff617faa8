"""Processes beside this one, called in turn, so that ratios are fair where a machine's speed drifts."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile

from benchmarks.revisions import ROOT
from ecgan_tf.errors import RequestError


class Worker:
    """A process that answers calls until it is left.

    Args:
        tree: the folder whose `ecgan_tf` it imports, this one's or another revision's.
        case: dictionary for it; `threads` are OpenMP's.
        script: a file of benchmarks/ with `serve(case)`, which answers each line that it reads with one of JSON.
    """

    def __init__(self, tree, case, script="generator_worker.py"):
        script = str(ROOT / "benchmarks" / script)
        command = [sys.executable, "-c", f"import runpy; runpy.run_path({script!r})['serve']({case!r})"]
        environment = {
            **os.environ,
            "PYTHONPATH": str(tree),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "OMP_NUM_THREADS": str(case["threads"]),
            "CUDA_VISIBLE_DEVICES": "",
        }
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed on leaving)
        self.process = subprocess.Popen(
            command,
            cwd=tree,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )

    def call(self):
        """What one call answers, a dictionary."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("again\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.log.seek(0)
            raise RequestError(f"a process failed: {(self.log.read().strip().splitlines() or ['without a word'])[-1]}")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        if reason[0]:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()
