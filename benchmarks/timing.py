"""Pairs of functions timed in turn, so that a machine whose speed drifts still gives a fair ratio."""

import statistics
import time


def median_seconds(functions, repeats=15):
    """CPU seconds of each function, the median over `repeats` rounds in which all are called in turn.

    Args:
        functions: dictionary from name to function without arguments; each is called once before the clock starts.
    Returns:
        dictionary from name to seconds.
    """
    for function in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.process_time()
            function()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}
