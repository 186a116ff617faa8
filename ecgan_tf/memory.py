"""The memory of a process: given back where glibc would keep it, and measured."""

import contextlib
import ctypes
import gc
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def let_tensorflow_return():
    """Before TensorFlow is imported: lets it return what it frees, for which it has to do without oneDNN.

    With oneDNN it has an allocator that keeps all memory that it ever had. Its convolutions are slower without.
    """
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def give_back():
    """Returns freed memory to the machine; glibc would keep what a converter, or the tracing of a graph, freed."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def keep_freed():
    """Lets glibc keep up to 64 MB of what is freed, in blocks below 32 MB, for whoever asks for memory next.

    By itself it takes the pages of larger arrays from the machine and returns them at once; each is cleared anew, which
    costs more than most of what is computed in them. Once a block of 32 MB was freed it would keep as much by itself.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 32 * 1024**2)
        libc.mallopt(M_TRIM_THRESHOLD, 64 * 1024**2)


def peak_bytes(pid=None):
    """The most memory that this process, or another one, has had, in bytes; None where the machine does not say."""
    with contextlib.suppress(OSError), open(f"/proc/{pid or 'self'}/status", encoding="utf-8") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    try:
        import resource
    except ImportError:  # Windows
        return None
    if pid is not None:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def machine_bytes():
    """The memory that processes here may have: the machine's, or less by a container's limit; None where none says."""
    found = []
    with contextlib.suppress(OSError, ValueError, StopIteration), open("/proc/meminfo", encoding="utf-8") as lines:
        found.append(next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemTotal:")))
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError), open(name, encoding="utf-8") as file:
            found.append(int(file.read()))
    return min(found, default=None)
