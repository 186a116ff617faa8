"""`ecgan ablations`: runs, networks that are trained where none is given, one comparison; and again, it goes on."""

import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.runs.folder import RunFolder, read_config
from ecgan_tf.training.ablations import ablations


@pytest.mark.slow
def test_variants_are_trained_and_compared_and_a_second_call_trains_nothing(tmp_path, capsys):
    variants = ["B1_toy", "B5_toy"]
    first = ablations(str(tmp_path), variants, segmenter_steps=2, train__steps=2)
    assert list(first) == variants and "miou_own_32_val37" in first["B1_toy"]["numbers"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["B1_toy", "B5_toy", "compared", "judge.npz", "segmenter.npz"]
    assert read_config(tmp_path / "B5_toy")["loss"]["segmenter"] == str(tmp_path / "segmenter.npz")
    assert read_config(tmp_path / "B1_toy")["loss"]["segmenter"] == ""
    assert (tmp_path / "segmenter.npz").read_bytes() != (tmp_path / "judge.npz").read_bytes()
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    capsys.readouterr()
    assert ablations(str(tmp_path), variants, segmenter_steps=2, train__steps=2) == first
    assert times == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert RunFolder(tmp_path / "B1_toy").steps == [2] and "training the judge" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"variants": ["B1"]}, "give two or more"),
        ({"variants": ["B1", "B1"]}, "each once"),
        ({"variants": ["B1", "B9"]}, "ablation 'B9'"),
        ({"judge": "nowhere.npz"}, "--judge=nowhere.npz: no such file"),
        ({"segmenter": "nowhere.npz"}, "--segmenter=nowhere.npz: no such file"),
    ],
    ids=str,
)
def test_a_wrong_request_is_refused_before_anything_is_trained(words, message, tmp_path):
    with pytest.raises(RequestError, match=message):
        ablations(str(tmp_path / "runs"), **{"variants": ["B1_toy", "B2_toy"], **words})
    assert not list((tmp_path / "runs").glob("*"))
