"""Does LiteRT's GPU delegate take a .tflite, all of it, and paint the same? Asked in a process of its own.

    python -m export.gpu_delegate MODEL.tflite INPUTS.npz IMAGES.npy        (prints JSON; run by `on_gpu`)

The delegate runs on Vulkan, and so wherever a driver is: a GPU's, or SwiftShader, a GPU in software that comes with
Debian's chromium. It has ended processes and computed wrong numbers without a word (docs/on_device.md), so what it
paints is compared. Needs ai-edge-litert and numpy; no TensorFlow.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

SIGNATURE = "serving_default"
SOFTWARE = "/usr/lib/chromium"  # where Debian's chromium has SwiftShader and a Vulkan loader
DRIVERS = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")
SECONDS = 120.0  # for compiling and painting, in software as well
LARGEST_IN_SOFTWARE = 40_000_000  # bytes of a .tflite


def on_gpu(path, layouts, seconds=SECONDS):
    """What the GPU delegate makes of a .tflite.

    Args:
        path: of the .tflite.
        layouts: dictionary of arrays, inputs by name, which are synthesised one after the other.
        seconds: after which it is given up.
    Returns:
        a dictionary, and float or uint8 images (layouts, height, width, 3) or None. `checked` says whether there was a
        driver and an answer, `why` what was missing; else `adapter` is the GPU's name, `whole` whether all operators
        run on it, and `refused` a dictionary from what the delegate says of an operator to how often.
    """
    environment = driver()
    if environment is None:
        return {"checked": False, "why": "no Vulkan driver was found; Debian's package chromium brings one"}, None
    if environment and os.path.getsize(path) > LARGEST_IN_SOFTWARE:
        return {
            "checked": False,
            "why": f"over {LARGEST_IN_SOFTWARE / 1e6:.0f} MB, too large for a GPU in software",
        }, None
    with tempfile.TemporaryDirectory() as folder:
        inputs, images = (os.path.join(folder, name) for name in ("inputs.npz", "images.npy"))
        np.savez(inputs, **layouts)
        command = [sys.executable, "-m", "export.gpu_delegate", os.path.abspath(path), inputs, images]
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        try:
            done = subprocess.run(
                command, env={**os.environ, **paths, **environment}, capture_output=True, text=True, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            return {"checked": False, "why": f"no answer within {seconds:.0f} seconds"}, None
        found = answer(done)
        return found, np.load(images) if os.path.isfile(images) else None


def driver():
    """What a process's environment needs for Vulkan: nothing where a driver is named there; None where none is."""
    named = [os.environ[name] for name in DRIVERS if os.environ.get(name)]
    if named or any(os.path.isdir(os.path.join(root, "vulkan", "icd.d")) for root in ("/etc", "/usr/share")):
        return {}
    icd = os.path.join(SOFTWARE, "vk_swiftshader_icd.json")
    if not os.path.isfile(icd):
        return None
    libraries = os.pathsep.join(filter(None, [SOFTWARE, os.environ.get("LD_LIBRARY_PATH")]))
    return {**dict.fromkeys(DRIVERS, icd), "LD_LIBRARY_PATH": libraries}


def answer(done):
    """The dictionary of `on_gpu` from a finished process."""
    words = done.stderr
    adapter = re.search(r"Selected adapter: ([^,\n]+)", words)
    if not adapter:
        lines = (
            re.findall("[^\n]*(?:Vulkan:|WebGPU environment:)[^\n]*", words) or words.splitlines()[-1:] or ["no word"]
        )
        return {"checked": False, "why": f"no GPU could be opened ({lines[0].strip()[:200]})"}
    found = {"checked": True, "adapter": adapter.group(1), "whole": False, "refused": {}}
    if done.returncode < 0:
        return found | {"refused": {f"the delegate ended the process (signal {-done.returncode})": 1}}
    if done.returncode == 0:
        return found | json.loads(done.stdout.strip().splitlines()[-1])
    refused = re.search(r"not supported by GPU delegate:\n(.*?)\n\d+ operations", words, re.DOTALL)
    lines = refused.group(1).splitlines() if refused else words.strip().splitlines()[-1:]
    kinds = [re.sub(r"(: Tensor dimensions must be less than 5\.).*", r"\1", line) for line in lines]
    counts = re.search(r"(\d+) operations will run on the GPU, and the remaining (\d+)", words)
    if counts:
        found |= {"on_gpu": int(counts.group(1)), "on_cpu": int(counts.group(2))}
    return found | {"refused": {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}}


def main(path, inputs, images):
    """Compiles a .tflite for the GPU alone, which fails where an operator would be left, and synthesises."""
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    model = CompiledModel.from_file(path, hardware_accel=HardwareAccelerator.GPU)
    given, names = model.get_input_tensor_details(SIGNATURE), model.get_output_tensor_details(SIGNATURE)
    of = names["image"]
    size = int(np.prod(of["shape"]))
    painted = []
    with np.load(inputs, allow_pickle=False) as arrays:
        layouts = {name: arrays[name].astype(given[name]["dtype"]) for name in given}
    for index in range(len(layouts["labels"])):
        buffers = {name: model.create_input_buffer_by_name(SIGNATURE, name) for name in given}
        for name, buffer in buffers.items():
            buffer.write(np.ascontiguousarray(layouts[name][index : index + 1]))
        outputs = {name: model.create_output_buffer_by_name(SIGNATURE, name) for name in names}
        model.run_by_name(SIGNATURE, buffers, outputs)
        painted.append(outputs["image"].read(size, np.dtype(of["dtype"])).reshape(of["shape"]))
    np.save(images, np.concatenate(painted))
    print(json.dumps({"whole": bool(model.is_fully_accelerated())}))


if __name__ == "__main__":
    main(*sys.argv[1:])
