"""A profile of some steps of a training."""

import pytest

import ecgan_tf
from ecgan_tf.config import load_config
from ecgan_tf.errors import RequestError
from ecgan_tf.training.profiles import Profile


@pytest.mark.parametrize("steps", [["2"], ["0", "1"], ["3", "2"], ["2", "9"], ["a", "b"], ["1", "2", "3"], ["-1", "2"]])
def test_steps_that_the_run_does_not_have_are_refused(steps):
    with pytest.raises(RequestError, match="--profile_steps=.*within 1 to 8"):
        Profile("folder", steps, 8)


def test_a_run_leaves_a_profile_of_its_steps(tmp_path, capsys):
    config = load_config("ecgan_earth_tiles:toy", train__steps=2)
    ecgan_tf.train(config, str(tmp_path / "run"), profile_steps=["2", "2"])
    assert list((tmp_path / "run" / "tensorboard").rglob("*.xplane.pb"))
    assert "profiled to" in capsys.readouterr().out


def test_a_run_that_ends_early_keeps_what_was_profiled(tmp_path):
    with pytest.raises(KeyboardInterrupt), (profile := Profile(str(tmp_path), ["1", "8"], 8)).closed():
        profile.before(1)
        raise KeyboardInterrupt
    assert list(tmp_path.rglob("*.xplane.pb"))
