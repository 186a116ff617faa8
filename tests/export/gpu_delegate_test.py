"""What is made of the words that LiteRT's GPU delegate leaves; that it runs is asked in tests/conformance_test.py."""

import subprocess

import numpy as np
import pytest

from export import gpu_delegate
from export.gpu_delegate import answer, driver, on_gpu
from export.inference_model import InferenceModel
from export.tflite import write_tflite

ADAPTER = "I0000 environment.cc:532] Selected adapter: SwiftShader Device (Subzero), arch=swiftshader, type=CPU\n"
REFUSED = """\
ERROR: Following operations are not supported by GPU delegate:
ADD: Tensor dimensions must be less than 5. lggan/norm_0/add
ADD: Tensor dimensions must be less than 5. lggan/norm_1/add
GATHER: Only support 1D indices
182 operations will run on the GPU, and the remaining 16 operations will run on the CPU.
Traceback (most recent call last):
"""
NO_DRIVER = """\
WARNING: [npu_registry.cc:34] NPU accelerator could not be loaded and registered: kLiteRtStatusErrorNotFound.
Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file: No such file or directory
ERROR: [delegate_webgpu.cc:359] Failed to initialize WebGPU environment: INTERNAL: No adapters found
"""
SWIFTSHADER = {"checked": True, "adapter": "SwiftShader Device (Subzero)"}


def finished(code, stderr, stdout=""):
    return subprocess.CompletedProcess([], code, stdout, stderr)


def test_what_runs_whole_says_so():
    found = answer(finished(0, ADAPTER, 'words of a library\n{"whole": true}\n'))
    assert found == {**SWIFTSHADER, "whole": True, "refused": {}}


def test_what_is_refused_is_counted_by_kind():
    assert answer(finished(1, ADAPTER + REFUSED)) == {
        **SWIFTSHADER, "whole": False, "on_gpu": 182, "on_cpu": 16,
        "refused": {"ADD: Tensor dimensions must be less than 5.": 2, "GATHER: Only support 1D indices": 1},
    }  # fmt: skip


def test_a_process_that_ends_by_a_signal_is_no_other_answer():
    found = answer(finished(-11, ADAPTER))
    assert not found["whole"] and found["refused"] == {"the delegate ended the process (signal 11)": 1}


@pytest.mark.parametrize(("words", "why"), [
    (NO_DRIVER, "Couldn't load Vulkan: libvulkan.so.1"), ("a library is missing\n", "a library is missing"),
    ("", "no word"),
])  # fmt: skip
def test_without_an_adapter_it_says_what_the_runtime_said(words, why):
    found = answer(finished(1, words))
    assert not found["checked"] and why in found["why"]


def test_a_driver_is_that_of_the_environment_or_chromiums(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_delegate, "SOFTWARE", str(tmp_path))
    monkeypatch.setattr(gpu_delegate.os.path, "isdir", lambda path: False)
    for name in gpu_delegate.DRIVERS:
        monkeypatch.delenv(name, raising=False)
    assert driver() is None
    found, images = on_gpu("none.tflite", {})
    assert images is None and not found["checked"] and "no Vulkan driver" in found["why"]
    (tmp_path / "vk_swiftshader_icd.json").write_text("{}")
    assert set(driver()) == {*gpu_delegate.DRIVERS, "LD_LIBRARY_PATH"}
    monkeypatch.setenv("VK_DRIVER_FILES", "/a/driver.json")
    assert driver() == {}


@pytest.mark.skipif(driver() is None, reason="no Vulkan driver; Debian's package chromium brings one")
def test_a_file_that_gives_the_pictures_on_the_way_runs_whole(make_run, tmp_path):
    model, path = InferenceModel(make_run("ecgan"), intermediates=True), str(tmp_path / "model.tflite")
    write_tflite(model, path, "float32")
    found, images = on_gpu(path, {"labels": model.layouts["labels"][:1]})
    assert found["whole"] and not found["refused"]
    expected = model.image(labels=model.layouts["labels"][:1])["image"].numpy()
    np.testing.assert_allclose(images, expected, atol=1e-3)
    assert expected.std() > 0.01
