"""Makes the checks one after the other, each in a process of its own, within the minutes that there are."""

import tempfile
import time

from ecgan_tf.atomic_files import parse_json
from ecgan_tf.doctor import children, plan
from ecgan_tf.doctor.children import run_child
from ecgan_tf.doctor.plan import CHECKS, RESULT

SHORTEST = 20.0  # seconds, below which a check is not begun
# A check takes of a GPU what it needs: TF Serving and TensorRT want some of it, too. Workers are no matter of a check.
ENVIRONMENT = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "TF_CONFIG": "{}"}


def run_checks(names, experiment, minutes, tell):
    """Runs checks by name.

    Args:
        names: of `CHECKS`.
        experiment: that they train.
        minutes: that all of them may take; what comes too late is left out, and says so.
        tell: function of a name and what `run_check` gave; called before each check with None, and after it.
    Returns:
        dictionary from name to result.
    """
    until, results = time.monotonic() + 60.0 * minutes, {}
    for name in names:
        tell(name, None)
        left = until - time.monotonic()
        if left < SHORTEST:
            results[name] = {
                "state": plan.LEFT_OUT,
                "words": f"the {minutes:g} minutes were over; --checks={name} makes it alone",
                "measured": {},
                "seconds": 0.0,
            }
        else:
            results[name] = run_check(name, experiment, min(left, CHECKS[name].seconds * minutes / plan.MINUTES))
        tell(name, results[name])
    return results


def run_check(name, experiment, seconds):
    """One check in a process of its own: `state` (of `plan`), `words`, `measured`, `seconds`; `log`, if it crashed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:  # whatever it leaves there goes with it
        ended = run_child("ecgan_tf.doctor.checks", [name, experiment], seconds, {**ENVIRONMENT, "TMPDIR": folder})
    result = read(ended)
    return {**result, "seconds": round(time.monotonic() - began, 1)}


def read(ended):
    """What the process of a check found, or how it ended."""
    lines = [line for line in ended.output.splitlines() if line.startswith(RESULT)]
    if lines:  # what came after it is no part of the check
        try:
            found = parse_json(lines[-1].removeprefix(RESULT))
            return {key: found[key] for key in ("state", "words", "measured")}
        except (ValueError, KeyError) as error:
            return {"state": plan.CRASHED, "words": f"its result cannot be read ({error})", "measured": {}}
    state = plan.TIMED_OUT if ended.state == children.TIMED_OUT else plan.CRASHED
    words = ended.words or "its process ended without a result"
    return {"state": state, "words": words, "measured": {}, "log": ended.log}
