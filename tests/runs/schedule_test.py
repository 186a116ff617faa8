"""What becomes of the learning rate of a run that is made longer."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.runs.schedule import extend, planned, share_at
from ecgan_tf.training.optimizers import PiecewiseLinear


def shares(pieces, steps):
    return [round(float(share_at(step, pieces)), 3) for step in steps]


def test_the_plan_is_constant_and_then_a_line_to_zero():
    assert shares(planned(10, 0.5), range(12)) == [1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("hold", [0.2, 0.2, 0.2, 0.2]),  # what step 9, the last one, had
        ("restart", [1.0, 1.0, 1.0, 0.4]),
        ("redecay", [1.0, 0.8, 0.4, 0.1]),
    ],
)
def test_a_longer_run_does_what_it_is_told(how, expected):
    pieces, line = extend(planned(10, 0.5), 10, 10, 20, 0.5, how)
    assert shares(pieces, [10, 12, 16, 19] if how != "restart" else [10, 12, 15, 18]) == expected
    assert "planned for 20 steps now, not 10: the learning rate goes from 20.00% of its start to " in line
    if how != "redecay":
        assert shares(pieces, range(10)) == shares(planned(10, 0.5), range(10))  # its past stays what it was


def test_without_a_word_nothing_jumps():
    with pytest.raises(RequestError, match="at step 10 the learning rate stands at 20.00% .* to 100%.*hold keeps"):
        extend(planned(10, 0.5), 10, 10, 20, 0.5, "")


def test_a_run_that_has_not_decayed_yet_is_planned_anew():
    pieces, line = extend(planned(10, 0.5), 3, 10, 20, 0.5, "")
    assert pieces == planned(20, 0.5) and "planned for 20 steps now" in line


@pytest.mark.parametrize("start", [0, 4])
def test_the_same_number_of_steps_changes_nothing(start):
    assert extend(planned(10, 0.5), start, 10, 10, 0.5, "") == (planned(10, 0.5), None)


@pytest.mark.parametrize("how", ["hold", "restart", "redecay"])
def test_the_optimizers_rate_follows_the_pieces(how):
    pieces, _ = extend(planned(10, 0.5), 10, 10, 20, 0.5, how)
    schedule = PiecewiseLinear(0.5, pieces)
    rates = [float(schedule(step)) for step in range(20)]
    np.testing.assert_allclose(rates, [0.5 * float(share_at(step, pieces)) for step in range(20)], rtol=1e-6)
    assert PiecewiseLinear.from_config(schedule.get_config()).get_config() == schedule.get_config()
