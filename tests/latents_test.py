"""Random inputs: which a generator has, and numbers that depend on seed and place alone."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.latents import draw_latents, latent_shapes, resample

SHAPES = {"z": (256,), "noise": (5, 64)}


def test_a_generator_has_the_inputs_that_its_arguments_ask_for():
    layout = {"num_classes": 4, "has_unknown": True}
    assert latent_shapes(layout) == {}
    assert latent_shapes({**layout, "noise": "fixed", "use_vae": False}) == {}
    assert latent_shapes({**layout, "use_vae": True}) == {"z": (256,)}
    assert latent_shapes({**layout, "noise": "classes"}) == {"noise": (5, 64)}


def test_numbers_depend_on_seed_and_place_and_on_nothing_else():
    together, alone = draw_latents(SHAPES, 3, range(10)), draw_latents(SHAPES, 3, [7])
    for name in SHAPES:
        np.testing.assert_array_equal(together[name][7], alone[name][0])
        assert together[name].shape == (10, *SHAPES[name]) and together[name].dtype == np.float32
        assert not np.array_equal(draw_latents(SHAPES, 4, [7])[name], alone[name])
    everything = np.concatenate([together["z"].ravel(), draw_latents(SHAPES, 5, range(100))["z"].ravel()])
    assert len(np.unique(together["z"])) > 0.99 * together["z"].size
    assert abs(everything.mean()) < 0.03 and abs(everything.std() - 1) < 0.03


def test_one_code_is_for_all_classes_but_for_a_share_of_the_places():
    def are_equal(noise):
        return (noise == noise[:, :1]).all(axis=(1, 2))

    assert are_equal(draw_latents(SHAPES, 0, range(50))["noise"]).all()
    noise = draw_latents(SHAPES, 0, range(2000), class_codes=0.5)["noise"]
    apart = noise[~are_equal(noise)]
    assert 0.45 < len(apart) / len(noise) < 0.55
    assert np.abs(apart.mean(axis=0)).max() < 0.15  # whether codes differ says nothing of them
    assert not are_equal(draw_latents(SHAPES, 0, range(50), class_codes=1.0)["noise"]).any()


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(RequestError, match="it must be a whole number from 0 to"):
        draw_latents(SHAPES, seed, [0])


def test_seeds_at_the_end_of_their_range_differ():
    last, other = (draw_latents(SHAPES, 2**63 - 1 - back, [0])["z"] for back in (0, 1))
    assert not np.array_equal(last, other)


def test_a_class_is_drawn_anew_by_itself():
    first = draw_latents(SHAPES, 0, [0])
    other = resample(first, 0, 1, [2, 4])
    np.testing.assert_array_equal(other["z"], first["z"])
    changed = (other["noise"] != first["noise"]).any(axis=-1)[0]
    np.testing.assert_array_equal(changed, [False, False, True, False, True])
    assert not np.array_equal(other["noise"], resample(first, 0, 2, [2, 4])["noise"])


@pytest.mark.parametrize("places", [[], range(0)])
def test_no_place_has_no_numbers(places):
    assert {name: array.shape for name, array in draw_latents(SHAPES, 0, places).items()} == {
        name: (0, *shape) for name, shape in SHAPES.items()
    }
