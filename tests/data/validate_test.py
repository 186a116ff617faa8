import subprocess
import sys

import numpy as np

from ecgan_tf.data.validate import validate


def test_the_report_counts_every_pixel(folder, data_config, save, capsys):
    save(folder / "train" / "labels" / "0.png", np.zeros((20, 24), np.uint8))
    labels = np.repeat(np.uint8([[1, 255]]), 10, 0).repeat(12, 1)
    save(folder / "val" / "images" / "9.png", np.zeros((10, 24, 3), np.uint8))
    save(folder / "val" / "labels" / "9.png", labels)
    assert validate(data_config(name="folder", dir=str(folder), unknown_label=255)) == []
    report = capsys.readouterr().out
    assert "7 examples, 1 sizes: 24x20 (7)" in report
    assert "4 examples, 2 sizes: 24x20 (3), 24x10 (1)" in report
    assert f"unknown  {120 / (3 * 480 + 240):7.2%} of the pixels, in 1 images" in report


def test_implausible_edges_are_warned_of(folder, data_config, capsys):
    validate(data_config(name="folder", dir=str(folder), canny_low=0.0, canny_high=0.0))
    assert "warning: outside 0.5%..30%" in capsys.readouterr().out


def test_all_errors_are_listed(folder, data_config):
    (folder / "train" / "labels" / "0.png").write_text("")
    (folder / "train" / "images" / "2.png").write_text("")
    (folder / "val" / "labels" / "1.png").unlink()
    errors = validate(data_config(name="folder", dir=str(folder)))
    assert [
        str(folder / name) in error for name, error in zip(("train/labels/0", "train/images/2", "val/labels/1"), errors)
    ]
    assert len(errors) == 3


def run_command(*arguments):
    command = [sys.executable, "-m", "ecgan_tf.data.validate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_ends_with_1_and_a_line_per_error(folder):
    (folder / "train" / "labels" / "0.png").write_text("")
    result = run_command("--data.name=folder", f"--data.dir={folder}", "--data.image_size=32,32")
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {folder}/train/labels/0.png: not a PNG image")
    assert "Traceback" not in result.stderr


def test_the_command_ends_with_0_on_a_sound_folder(folder):
    result = run_command("--data.name=folder", f"--data.dir={folder}", "--data.image_size=32,32")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "No errors.")


def test_a_misspelt_key_is_one_line():
    result = run_command("--data.nam=folder")
    assert result.returncode == 1
    assert result.stderr.startswith("error: in the flags: ") and len(result.stderr.splitlines()) == 1
