import hashlib

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.judge import CHUNK, JudgeNetwork, file_hash


def test_a_hash_is_of_a_files_bytes_and_of_a_folders_names_and_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"weights")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"weights").hexdigest()[:12]
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "model" / "variables" / "v").write_bytes(b"values")
    expected = hashlib.sha256(b"saved_model.pb" + b"graph" + b"variables/v" + b"values").hexdigest()[:12]
    assert file_hash(str(tmp_path / "model")) == expected
    (tmp_path / "model" / "variables" / "v").rename(tmp_path / "model" / "variables" / "w")
    assert file_hash(str(tmp_path / "model")) != expected
    assert file_hash(tmp_path / "a", tmp_path / "a") == hashlib.sha256(2 * b"weights").hexdigest()[:12]


@pytest.fixture
def judge():
    return JudgeNetwork("mean", "the mean colour", "0" * 12, features=lambda images: images.mean((1, 2)), stride=4)


def test_a_large_batch_goes_through_in_chunks(judge, rng):
    images = rng.uniform(-1, 1, (2 * CHUNK + 3, 8, 4, 3))
    np.testing.assert_allclose(judge.features(images), images.mean((1, 2)), atol=1e-6)


def test_what_lies_outside_the_range_is_clipped(judge):
    np.testing.assert_array_equal(judge.features(np.full((1, 4, 4, 3), 3.0)), np.ones((1, 3)))


def test_what_it_does_not_give_is_refused_and_so_are_other_images(judge):
    assert judge.kind == "features" and judge.gives("features") and not judge.gives("segment")
    with pytest.raises(RequestError, match="the mean colour gives no segment; it gives features"):
        judge.segment(np.zeros((1, 4, 4, 3)))
    for images in (
        np.zeros((4, 4, 3)),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 1)),
        np.zeros((0, 4, 4, 3)),
    ):
        with pytest.raises(RequestError, match="a judge takes images float"):
            judge.features(images)
    with pytest.raises(RequestError, match=r"multiples of 4 and not below 1, not \(4, 6\)"):
        judge.features(np.zeros((1, 4, 6, 3)))
