"""`synthesize` as a function: which files go together, and that nothing is written of a request with a mistake."""

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data.label_maps import label_boundaries
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.requests import synthesize
from ecgan_tf.inference.runtimes import open_model


@pytest.fixture(scope="module")
def cross_view(make_run):
    return make_run("lggan_cross_view")


@pytest.fixture(scope="module")
def bounded(make_run):
    return make_run("spade", has_boundaries=True)


@pytest.fixture(scope="module")
def guided(make_run):
    return make_run("msca")


@pytest.fixture
def files(tmp_path, rng):
    """Label maps a and b, with instance maps and photographs of their names; a dictionary of the arrays by path."""
    arrays = {}
    for name in "ab":
        arrays[f"labels/{name}.png"] = rng.integers(0, 3, (32, 32)).astype(np.uint8)
        arrays[f"instances/{name}.png"] = rng.integers(0, 300, (8, 8)).repeat(4, 0).repeat(4, 1).astype(np.uint16)
        arrays[f"photographs/{name}.png"] = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    for path, array in arrays.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        Image.fromarray(array).save(tmp_path / path)
    return arrays


def pictures(folder):
    return {path.name: np.asarray(Image.open(path)) for path in sorted((folder / "out").iterdir())}


def test_a_folder_of_label_maps_takes_photographs_of_its_names(cross_view, files, tmp_path, capsys):
    synthesize(cross_view, tmp_path / "labels", tmp_path / "out", sources=tmp_path / "photographs")
    model = open_model(cross_view)
    expected = {f"{n}.png": model(files[f"labels/{n}.png"], source=files[f"photographs/{n}.png"]) for n in "ab"}
    found = pictures(tmp_path)
    assert found.keys() == expected.keys()
    for name, picture in found.items():
        np.testing.assert_array_equal(picture, expected[name])
    assert capsys.readouterr().out == f"synthesised 2 pictures into {tmp_path / 'out'}\n"


def test_a_label_map_takes_a_photograph(cross_view, files, tmp_path):
    synthesize(cross_view, tmp_path / "labels/a.png", tmp_path / "out", sources=tmp_path / "photographs/b.png")
    expected = open_model(cross_view)(files["labels/a.png"], source=files["photographs/b.png"])
    np.testing.assert_array_equal(pictures(tmp_path)["a.png"], expected)


def test_instances_become_boundaries(bounded, files, tmp_path):
    synthesize(bounded, tmp_path / "labels/a.png", tmp_path / "out", instances=tmp_path / "instances")
    boundaries = label_boundaries(files["instances/a.png"])
    expected = open_model(bounded)(files["labels/a.png"], boundaries=boundaries)
    np.testing.assert_array_equal(pictures(tmp_path)["a.png"], expected)


def refusal(*arguments, **options):
    with pytest.raises(RequestError) as error:
        synthesize(*arguments, **options)
    return str(error.value)


def test_files_that_are_missing_are_counted_and_the_first_is_named(cross_view, bounded, files, tmp_path):
    labels, out = tmp_path / "labels", tmp_path / "out"
    (tmp_path / "photographs/b.png").unlink()
    (tmp_path / "instances/b.png").unlink()
    said = refusal(cross_view, labels, out, sources=tmp_path / "photographs")
    assert said == f"--sources: 1 missing, the first is that of b in {tmp_path / 'photographs'}."
    said = refusal(bounded, labels, out, instances=tmp_path / "instances")
    assert said == f"--instances: 1 missing, the first is {tmp_path / 'instances' / 'b.png'}."
    assert "give its photographs' file or folder with --sources" in refusal(cross_view, labels, out)
    assert "give their file or folder with --instances" in refusal(bounded, labels, out)
    assert not out.exists()


def test_a_place_that_is_none_is_named(bounded, files, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "--labels=nowhere: no such file or folder" in refusal(bounded, "nowhere", tmp_path / "out")
    assert "the folder has no .png" in refusal(bounded, tmp_path / "empty", tmp_path / "out")
    label_map = tmp_path / "labels/a.png"
    assert f"--output={label_map} is a file; give a folder" in refusal(bounded, label_map, label_map)


def test_what_does_not_go_together_is_said(guided, bounded, files, tmp_path):
    labels, out = tmp_path / "labels/a.png", tmp_path / "out"
    exemplar = {"exemplars": [tmp_path / "photographs/a.png"], "exemplar_labels": [tmp_path / "exemplar.png"]}
    Image.fromarray(np.zeros((40, 50), np.uint8)).save(tmp_path / "exemplar.png")
    assert "has no attention to save" in refusal(bounded, labels, out, save_attention=True)
    said = refusal(guided, labels, out, **exemplar, save_attention=True, save_intermediates=True)
    assert "goes with neither a mixture nor --save_attention" in said
    assert not out.exists()
    synthesize(guided, labels, out, **exemplar, save_attention=True)
    assert pictures(tmp_path).keys() == {"a.png", "a_attention.png"}


# ---- many pictures of a layout


@pytest.fixture(scope="module")
def many(make_run):
    return make_run("spade", use_vae=True, noise="classes", has_unknown=True)


def test_samples_are_numbered_and_depend_on_the_seed_alone(many, files, tmp_path):
    labels, model = tmp_path / "labels", open_model(many)
    synthesize(many, labels, tmp_path / "out", seed=3, num_samples=2)
    found = pictures(tmp_path)
    assert sorted(found) == [f"{name}_sample_{number}.png" for name in "ab" for number in (1, 2)]
    synthesize(many, labels, tmp_path / "out", seed=3)
    synthesize(many, labels / "a.png", tmp_path / "other", seed=4)
    again = pictures(tmp_path)
    np.testing.assert_array_equal(again["a.png"], found["a_sample_1.png"])
    np.testing.assert_array_equal(again["a.png"], model(files["labels/a.png"], seed=3))
    for one, other in (("a_sample_1", "a_sample_2"), ("b_sample_1", "b_sample_2")):
        assert not np.array_equal(found[f"{one}.png"], found[f"{other}.png"])
    assert not np.array_equal(np.asarray(Image.open(tmp_path / "other/a.png")), again["a.png"])


def test_a_class_is_resampled_by_name_or_id(many, files, tmp_path):
    files["labels/a.png"][files["labels/a.png"] == 1] = 0
    Image.fromarray(files["labels/a.png"]).save(tmp_path / "labels/a.png")
    labels = tmp_path / "labels"
    synthesize(many, labels, tmp_path / "out", seed=3)
    plain = pictures(tmp_path)
    synthesize(many, labels, tmp_path / "out", seed=3, num_samples=2, resample=["Class 1"])
    found = pictures(tmp_path)
    for number in (1, 2):  # a has no class 1
        np.testing.assert_array_equal(found[f"a_sample_{number}.png"], plain["a.png"])
        assert not np.array_equal(found[f"b_sample_{number}.png"], plain["b.png"])
    assert not np.array_equal(found["b_sample_1.png"], found["b_sample_2.png"])
    synthesize(many, labels, tmp_path / "out", seed=3, resample=["1"])
    np.testing.assert_array_equal(pictures(tmp_path)["b.png"], found["b_sample_1.png"])


def test_codes_that_a_model_does_not_have_are_refused(bounded, many, make_run, files, tmp_path):
    labels, out = tmp_path / "labels", tmp_path / "out"
    for options in ({"seed": 0}, {"num_samples": 2}, {"resample": ["class 1"]}):
        said = refusal(bounded, labels, out, instances=tmp_path / "instances", **options)
        assert "gives one picture of a layout" in said and "model.noise=classes" in said
    assert "it has class 0, class 1, class 2, unknown" in refusal(many, labels, out, resample=["sea"])
    assert "no code for each class" in refusal(make_run("spade", use_vae=True), labels, out, resample=["class 1"])
    with pytest.raises(RequestError, match="seed=2"):
        open_model(bounded)(files["labels/a.png"], seed=2, boundaries=np.zeros((32, 32), np.uint8))
    assert not out.exists()
