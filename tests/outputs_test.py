"""Nothing that a command reads is written over, and no two pictures share a name."""

import os

import pytest

from ecgan_tf.atomic_files import HOST, partial_name, remove_partials
from ecgan_tf.errors import RequestError
from ecgan_tf.outputs import expand, plan_file, plan_files, plan_folder


@pytest.fixture
def labels(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(b"label map")
    return folder


def named(folder):
    return {str(path): path.name for path in sorted(folder.iterdir())}


def test_a_folder_of_its_own_is_made(labels, tmp_path):
    folder = plan_files(str(tmp_path / "out" / "deep"), named(labels), named(labels))
    assert folder == str(tmp_path / "out" / "deep") and os.listdir(folder) == []


@pytest.mark.parametrize("spelling", ["labels", "labels/../labels", "link"])
def test_what_is_read_is_not_written_over(spelling, labels, tmp_path):
    (tmp_path / "link").symlink_to(labels)
    with pytest.raises(RequestError, match="would write over .*a.png, which this command reads; give another folder"):
        plan_files(str(tmp_path / spelling), named(labels), named(labels))


def test_other_inputs_are_safe_too(labels, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").symlink_to(labels / "b.png")
    with pytest.raises(RequestError, match="would write over"):
        plan_files(str(tmp_path / "out"), {"x": "a.png"}, [str(labels / "b.png")])


@pytest.mark.parametrize("other", ["a.png", "A.png"])
def test_two_sources_of_one_name_are_refused(other, tmp_path):
    with pytest.raises(RequestError, match="a.png and x.PNG would both become"):
        plan_files(str(tmp_path / "out"), {"a.png": ["a.png", "a_edge.png"], "x.PNG": other})
    assert not (tmp_path / "out").exists()


def test_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expand("~/out") == str(tmp_path / "out")
    assert plan_folder("~/out") == str(tmp_path / "out") and (tmp_path / "out").is_dir()


def test_a_file_is_no_folder_and_a_folder_no_file(labels, tmp_path):
    with pytest.raises(RequestError, match="is a file; give a folder"):
        plan_folder(str(labels / "a.png"))
    with pytest.raises(RequestError, match="is a folder; give a file"):
        plan_file(str(labels))
    with pytest.raises(RequestError, match="would write over"):
        plan_file(str(labels / "a.png"), [str(labels / "a.png")])


def test_a_file_in_the_way_and_a_name_that_is_too_long_are_one_line(labels):
    with pytest.raises(RequestError, match="a file stands where a folder should be"):
        plan_folder(str(labels / "a.png" / "deeper"))
    with pytest.raises(RequestError, match="the name is too long"):
        plan_folder(str(labels / ("x" * 300)))


def test_only_what_dead_processes_left_is_removed(tmp_path):
    alive = tmp_path / partial_name(".npz")
    dead = tmp_path / "deep" / f".partial-{HOST}-999999999-0.npz"  # no process has such a number
    elsewhere = tmp_path / ".partial-another_host-999999999-0"
    dead_folder = tmp_path / f".partial-{HOST}-999999999-1" / "model"
    dead_folder.mkdir(parents=True)
    dead.parent.mkdir()
    for path in (alive, dead, elsewhere, dead_folder / "weights"):
        path.write_bytes(b"1234")
    assert remove_partials(str(tmp_path)) == 8
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([alive.name, elsewhere.name, "deep"])
