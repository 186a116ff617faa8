"""Runs commands of the project in forks of one process that has TensorFlow loaded, and none of its threads started.

A command starts in tenths of a second so, with its own flags, exit code and output, as from a shell. Used by tests
that run dozens of commands; loaded by its path.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]


class ForkServer:
    """A context manager; `run` gives exit code, stdout and stderr of `ecgan WORDS` or `python -m MODULE WORDS`."""

    def __enter__(self):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # conftest sets it, a user does not
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import runpy, sys; runpy.run_path(sys.argv[1])['serve']()", __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)  # fmt: skip
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()

    def run(self, *words, module=None, ordinary=False, file_size=None, environment=()):
        """`ordinary`: access rights count for root, too; `file_size`: the largest of a file that it may write."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = os.path.join(folder, "out"), os.path.join(folder, "err")
            request = [module, [str(word) for word in words], out, err, ordinary, file_size, dict(environment)]
            print(json.dumps(request), file=self._process.stdin, flush=True)
            code = int(self._process.stdout.readline())
            return code, *(pathlib.Path(path).read_text(encoding="utf-8") for path in (out, err))


def serve():
    sys.path[:0] = [str(ROOT)]
    from ecgan_tf import console

    console.quiet_tensorflow()
    import ecgan_tf.methods  # noqa: F401

    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            _become(*json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(module, words, out, err, ordinary, file_size, environment):
    import resource
    import runpy
    import tempfile

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o644), number)
    os.environ.update(environment)
    tempfile.tempdir = None  # of the environment
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if ordinary and not os.geteuid():
        _give_up_rights()
    sys.argv = [module or "ecgan", *words]
    runpy.run_module(module or "ecgan_tf", run_name="__main__", alter_sys=True)


def _give_up_rights():
    """Leaves root all capabilities but those of reading and writing whatever it likes (Linux)."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for index in range(3):  # effective, permitted, inheritable of the capabilities below 32
        sets[index] &= ~0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, sets) == 0, ctypes.get_errno()
