"""OpenVINO's core, one for the whole process."""

import functools


@functools.cache
def openvino_core():
    """The `openvino.Core`, never let go of.

    OpenVINO 2026.4 puts a stack for signals in place of the thread's, and unmaps it when the core is let go of. In
    whatever thread that happens: where it is another one, which garbage collection alone decides, the next Ctrl-C
    ends the process by a segmentation fault, without a word.
    """
    import openvino

    return openvino.Core()
