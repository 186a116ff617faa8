"""Jobs of many layouts: what fails, what is left, what is made again; against a stand-in without TensorFlow."""

import base64
import email.utils
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data.label_maps import list_label_maps
from ecgan_tf.errors import RequestError
from export.serving import connections, requests
from export.serving.connections import connect, seconds_of
from export.serving.requests import ServedModel, find_inputs, synthesise_files, with_retries

ROOT = Path(__file__).parents[2]
FULL = {"error": "The batch scheduling queue is full"}
Server = runpy.run_path(str(Path(__file__).with_name("tiny_server.py")))["Server"]


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def waits(monkeypatch):
    waits = []
    monkeypatch.setattr(requests, "jitter", lambda: 0.0)
    monkeypatch.setattr(requests, "time", type("Clock", (), {"sleep": staticmethod(waits.append)}))
    return waits


@pytest.fixture
def job(server, tmp_path, waits):
    """Ten label maps, 00.png of value 0 to 09.png; and a function that asks the server for their pictures."""
    (tmp_path / "labels").mkdir()
    for value in range(10):
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(tmp_path / "labels" / f"{value:02d}.png")

    def synthesise(retries=0, output="pictures", **options):
        served = ServedModel(connect("rest", server.address, "tiny", 30.0), retries)
        paths = list_label_maps(tmp_path / "labels")
        server.sizes.clear()
        return synthesise_files(served, find_inputs(served, paths, {}), str(tmp_path / output), **options)

    return synthesise


def pictures(folder):
    return {path.name: int(np.asarray(Image.open(path))[0, 0, 0]) for path in sorted(folder.iterdir())}


ALL = {f"{value:02d}.png": value for value in range(10)}


def refuse(*wrong):
    """An answer of 400 where one of these values is among the label maps."""

    def answer(maps):
        if maps and any(values[0, 0] in wrong for values in maps):
            return 400, {"error": "labels are not all ids of classes"}
        return None

    return answer


# ---- what is left, and what is made


def test_a_job_is_done_once(job, server, tmp_path):
    assert job() == (10, 0)
    assert pictures(tmp_path / "pictures") == ALL
    assert job() == (0, 10) and not server.sizes
    assert job(overwrite=True) == (10, 0) and server.sizes == [1] * 10


def test_what_is_older_broken_missing_or_of_another_size_is_made_anew(job, server, tmp_path):
    job()
    folder = tmp_path / "pictures"
    (folder / "00.png").unlink()
    (folder / "01.png").write_bytes((folder / "01.png").read_bytes()[:-20])
    Image.fromarray(np.zeros((9, 8, 3), np.uint8)).save(folder / "02.png")
    later = time.time() + 5
    os.utime(tmp_path / "labels" / "03.png", (later, later))
    assert job() == (4, 6) and server.sizes == [1] * 4
    assert pictures(folder) == ALL


def test_what_else_pictures_depend_on_makes_them_anew(job, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    job()
    assert job(also_read=[tmp_path / "model.json"]) == (0, 10)
    later = time.time() + 5
    os.utime(tmp_path / "model.json", (later, later))
    assert job(also_read=[tmp_path / "model.json"]) == (10, 0)


# ---- what fails


def test_the_others_get_their_pictures(job, server, tmp_path, capsys):
    server.answer = refuse(2, 5, 6, 7, 8)
    with pytest.raises(RequestError) as error:
        job()
    first = tmp_path / "labels" / "02.png"
    assert str(error.value) == (
        f"5 of 10 layouts have no picture yet: {first} and 4 more: {server.address} refuses the request: labels are "
        "not all ids of classes (so 05.png, 06.png, 07.png, ...). The same command synthesises those that are missing."
    )
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{first}: ") and line.endswith("; going on with the others")
    assert pictures(tmp_path / "pictures") == {name: value for name, value in ALL.items() if value in (0, 1, 3, 4, 9)}
    server.answer = None
    assert job() == (5, 5) and server.sizes == [1] * 5
    assert pictures(tmp_path / "pictures") == ALL


def test_every_kind_of_reason_is_told(job, server):
    def answer(maps):
        if maps and maps[0][0, 0] == 8:
            return 200, {"predictions": [{"b64": base64.b64encode(b"no picture").decode()}]}
        return refuse(3, 4)(maps)

    server.answer = answer
    with pytest.raises(
        RequestError, match=r"^3 of .*03\.png and 1 more: .*refuses.*\(so 04\.png\).*08\.png: .*no whole PNG"
    ):
        job()


def test_a_batch_that_fails_is_sent_one_by_one(job, server, tmp_path):
    server.answer = refuse(5)
    with pytest.raises(RequestError, match=r"^1 of 10 layouts have no picture yet: .*05\.png: .* refuses"):
        job(batch=4)
    assert server.sizes == [4, 4, 1, 1, 1, 1, 2]
    assert pictures(tmp_path / "pictures") == {name: value for name, value in ALL.items() if value != 5}


def test_a_busy_server_is_not_asked_for_each_of_a_batch(job, server):
    server.answer = lambda maps: (503, FULL) if maps and maps[0][0, 0] == 0 else None
    with pytest.raises(RequestError, match=r"^4 of 10 .*00\.png and 3 more: .* is busy .*asked 2 times"):
        job(batch=4, retries=1)
    assert server.sizes == [4, 4, 4, 2]


def test_a_server_that_is_gone_ends_the_job(job, server, tmp_path):
    served = []

    def answer(maps):
        if maps is None and not served:
            return None
        served.append(maps)
        return None if len(served) <= 2 else (0, None)

    server.answer = answer
    with pytest.raises(RequestError, match=r"^8 of 10 .*02\.png and 4 more: .*does not answer.*so 3 were not tried"):
        job()
    assert len(pictures(tmp_path / "pictures")) == 2


def test_a_label_map_that_is_broken_by_then_fails_alone(job, server, tmp_path):
    def answer(maps):
        if maps:
            (tmp_path / "labels" / "04.png").write_bytes(b"no PNG")

    server.answer = answer
    with pytest.raises(RequestError, match=r"^1 of 10 .*04\.png: not a PNG image"):
        job(batch=2)
    assert len(pictures(tmp_path / "pictures")) == 9


def test_a_full_disk_ends_the_job(job, server, tmp_path, monkeypatch):
    job()
    monkeypatch.setattr(requests, "read_photograph", lambda path: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(RequestError, match=r"00\.png: no space is left on the disk"):
        job(overwrite=True)
    assert server.sizes == [1] and pictures(tmp_path / "pictures") == ALL


# ---- where it writes


def test_label_maps_are_never_written_over(job, server, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / "labels").iterdir()}
    with pytest.raises(RequestError, match="would write over .*00.png, which this command reads"):
        job(output="labels")
    os.symlink(tmp_path / "labels", tmp_path / "link")
    with pytest.raises(RequestError, match="would write over"):
        job(output="link", overwrite=True)
    assert not server.sizes
    assert {path: path.read_bytes() for path in (tmp_path / "labels").iterdir()} == before


def test_two_label_maps_do_not_become_one_picture(job, server, tmp_path):
    (tmp_path / "labels" / "00.png").rename(tmp_path / "labels" / "01.PNG")
    with pytest.raises(RequestError, match=r"01\.PNG and .*01\.png would both become"):
        job()
    assert not server.sizes and not (tmp_path / "pictures").exists()


# ---- waits


def test_the_server_says_when_to_come_again(job, server, waits):
    headers = iter([("Retry-After", "7"), ("Retry-After", "9999"), ("Retry-After", "soon")])
    server.answer = lambda maps: (429, FULL, [header]) if maps and (header := next(headers, None)) else None
    job(retries=3)
    assert waits == [7.0, requests.LONGEST_WAIT, 2.0]


def test_retry_after_is_seconds_or_a_date():
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 57 < seconds_of(in_a_minute) <= 60
    assert [seconds_of(text) for text in (None, "", "soon", "-3", "2", "9" * 400, "Mon, 01 Jan 2001 00:00:00 GMT")] == [
        0, 0, 0, 0, 2, 0, 0]  # fmt: skip


def test_waits_grow_differ_and_have_a_bound(monkeypatch):
    def busy():
        raise connections.NoAnswerError("busy")

    slept = []
    monkeypatch.setattr(requests, "time", type("Clock", (), {"sleep": staticmethod(slept.append)}))
    for _ in range(2):
        with pytest.raises(RequestError, match="busy; asked 11 times"):
            with_retries(busy, retries=10)
    first, second = slept[:10], slept[10:]
    assert first[:7] != second[:7]
    for waits in (first, second):
        for attempt, wait in enumerate(waits):
            assert (
                min(0.5 * 2**attempt, requests.LONGEST_WAIT) <= wait <= min(0.625 * 2**attempt, requests.LONGEST_WAIT)
            )


@pytest.mark.parametrize("words", [7, None, ["a"], {"deep": 1}], ids=str)
def test_an_error_that_is_no_text_is_told_all_the_same(job, server, words):
    server.answer = lambda maps: (429, {"error": words}) if maps else None
    with pytest.raises(RequestError, match="is busy"):
        job()


# ---- the command

NO_WAITS = "import time; time.sleep = lambda s: None; from ecgan_tf.__main__ import main; main('client')"


def command(server, labels, *words, code=NO_WAITS, **options):
    words = [f"--address={server.address}", "--protocol=rest", "--model=tiny", f"--labels={labels}", *words]
    options = {"capture_output": True, "text": True, "timeout": 300, "cwd": ROOT, **options}
    return subprocess.run([sys.executable, "-c", code, *words], **options)


def test_a_thousand_requests_of_which_half_fail(server, tmp_path):
    """Every picture is there after at most three runs of the same command."""
    (tmp_path / "labels").mkdir()
    for index in range(1000):
        Image.fromarray(np.full((8, 8), index % 256, np.uint8)).save(tmp_path / "labels" / f"{index}.png")
    chance = random.Random(1)
    failures = [(503, FULL), (429, FULL), (500, FULL), (502, FULL), (0, None)]
    server.answer = lambda maps: chance.choice(failures) if chance.random() < 0.5 else None
    counts = []
    for _ in range(3):
        done = command(server, tmp_path / "labels", f"--output={tmp_path / 'pictures'}")
        counts.append(len(list((tmp_path / "pictures").iterdir())))
        if done.returncode == 0:
            break
        (line,) = done.stderr.splitlines()
        left = 1000 - (counts[-2] if len(counts) > 1 else 0)
        assert line.startswith(f"error: {1000 - counts[-1]} of {left} layouts have no picture yet: "), line
    assert (done.returncode, done.stderr, counts[-1]) == (0, "", 1000), done
    made = 1000 - counts[-2]
    assert done.stdout.splitlines()[-1] == (
        f"synthesised {made} layouts into {tmp_path / 'pictures'}; {1000 - made} were there already, newer than their "
        "label maps (--overwrite makes them anew)"
    )
    assert pictures(tmp_path / "pictures") == {f"{index}.png": index % 256 for index in range(1000)}


def test_the_home_folder_is_expanded(job, server, tmp_path):
    done = command(server, "~/labels", "--output=~/pictures", env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert pictures(tmp_path / "pictures") == ALL and not (ROOT / "~").exists()


def test_a_signal_is_one_line(job, server, tmp_path):
    server.answer = lambda maps: time.sleep(20) if maps and maps[0][0, 0] == 3 else None
    words = [f"--address={server.address}", "--protocol=rest", "--model=tiny", f"--labels={tmp_path / 'labels'}"]
    words += [f"--output={tmp_path / 'pictures'}"]
    process = subprocess.Popen([sys.executable, "-m", "export.serving.client", *words],
                               stderr=subprocess.PIPE, text=True, cwd=ROOT)  # fmt: skip
    while len(server.sizes) < 4:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (
        143,
        "error: terminated; the pictures that are there are whole; "
        "the same command synthesises those that are missing.\n",
    )
    assert sorted(pictures(tmp_path / "pictures")) == ["00.png", "01.png", "02.png"]
