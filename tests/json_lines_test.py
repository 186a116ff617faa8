import json

import pytest

from ecgan_tf.json_lines import append_line, drop_lines_after, read_lines


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "metrics.jsonl")


def test_lines_come_back_in_their_order(path):
    lines = [{"step": 2, "L_G": 1.5}, {"step": 4, "numbers": {"ssim_64_val101": None}}]
    for line in lines:
        append_line(path, line)
    assert read_lines(path) == lines
    with open(path, encoding="utf-8") as file:
        assert [json.loads(text) for text in file] == lines


def test_torn_and_foreign_lines_are_dropped(path):
    whole = b'{"step": 1}\n', b'{"step":  2}\n'
    with open(path, "wb") as file:
        file.write(b"".join([whole[0], b"[]\n", b'{"L_G": 2}\n', b'{"step": "9"}\n', b"\xff\n", whole[1]]))
        file.write(b'{"step": 3}\n{"ste')
    assert read_lines(path) == [{"step": 1}, {"step": 2}, {"step": 3}]
    drop_lines_after(path, 2)
    with open(path, "rb") as file:
        assert file.read() == b"".join(whole)  # byte for byte


def test_there_may_be_nothing(path, tmp_path):
    drop_lines_after(path, 2)
    assert read_lines(path) == [] and not list(tmp_path.iterdir())
