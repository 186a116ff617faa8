"""Which share of the learning rate each step has, and what becomes of it when a run is made longer.

A schedule is a list of pieces (first, constant_until, zero_at, share): from step `first` on the rate has `share` of the
config's, until `constant_until`, and falls from there on a line that would reach 0 at `zero_at`. A run has one piece,
(0, constant_fraction * steps, steps, 1), until it is made longer.
"""

import numpy as np

from ecgan_tf.errors import RequestError

CHOICES = {
    "hold": "keeps the last rate",
    "restart": "goes through the whole schedule again, over the new steps",
    "redecay": "takes the rates of a run that was planned for the new number of steps from the start",
}


def planned(steps, constant_fraction):
    """The schedule of a run of so many steps: constant, then a line to 0."""
    return [(0, int(steps * constant_fraction), steps, 1.0)]


def checked_pieces(stored):
    """Pieces as JSON holds them; a ValueError where they are none."""
    pieces = [tuple(map(float, piece)) for piece in stored]
    if not pieces or any(len(piece) != 4 or not np.isfinite(piece).all() for piece in pieces):
        raise ValueError("pieces are lists of four finite numbers")
    return pieces


def share_at(step, pieces, clip=np.clip, where=np.where):
    """The share of the rate at a step, counted from 0; `clip` and `where` are of the library that `step` is of."""
    share = None
    for first, constant_until, zero_at, part in pieces:
        here = part * clip((zero_at - step) / max(zero_at - constant_until, 1), 0.0, 1.0)
        share = here if share is None else where(step >= first, here, share)
    return share


def extend(pieces, start, old_steps, steps, constant_fraction, how):
    """The schedule of a run that stands at `start` and was planned for `old_steps`, and is to go on to `steps`.

    Args:
        pieces: its schedule until now.
        how: config.train.extend; "" is refused where the rate would change without a word.
    Returns:
        pieces, and one line that says what happens, or None.
    """
    if steps == old_steps or not start:
        return (pieces, None) if start else (planned(steps, constant_fraction), None)
    redecayed = planned(steps, constant_fraction)
    last = float(share_at(start - 1, pieces))
    if how == "hold":
        added = [*pieces, (start, steps, steps + 1, last)]
    elif how == "restart":
        added = [*pieces, (start, start + int((steps - start) * constant_fraction), steps, 1.0)]
    elif how == "redecay" or abs(float(share_at(start, redecayed)) - last) < 0.01:
        added = redecayed
    else:
        choices = "; ".join(f"{choice} {does}" for choice, does in CHOICES.items())
        raise RequestError(
            f"config.train.steps was {old_steps} and is {steps} now: at step {start} the learning rate stands at "
            f"{last:.2%} of its start, and would jump to {float(share_at(start, redecayed)):.0%}. "
            f"Say what you want by --config.train.extend: {choices}."
        )
    change = f"the learning rate goes from {last:.2%} of its start to {float(share_at(start, added)):.2%}"
    return added, f"the run is planned for {steps} steps now, not {old_steps}: {change} ({how or 'redecay'})"
