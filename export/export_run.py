"""Turns a run into artefacts for servers and devices, each compared with Keras."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any

from ecgan_tf.outputs import expand
from export.children import stage_in_child
from export.serving.server_config import plan_servable

# Of a checkpoint, from which on every artefact has a process of its own. Another process costs ten CPU seconds, to
# import TensorFlow and open the model; in one process what converters and runtimes leave adds up to six times the
# weights, of which a checkpoint holds four copies.
LARGE_CHECKPOINT = 200_000_000  # bytes


def export_run(
    run: str,
    output: str,
    targets: Sequence[str] = ("all",),
    image_size: tuple[int, int] | None = None,
    uint8_io: bool = False,
    step: int | str = "last",
    gpu_check: bool = True,
    version: int | None = None,
    name: str | None = None,
    intermediates: bool = False,
) -> dict[str, Any]:
    """Writes the artefacts of a run, with their report, comparison.png and MODEL_CARD.md.

    Args:
        run: run folder.
        output: folder to write to.
        targets: keys of `TARGETS`, or ("all",).
        image_size: (height, width) to export for, or None for the run's.
        uint8_io: whether the .tflite take ids and give pixels as uint8.
        gpu_check: whether each .tflite is tried on LiteRT's GPU delegate, where a Vulkan driver is.
        step: of the run's checkpoint, "best" by what it measured while it was trained, or "last".
        version: of the SavedModel, or None for the next free one; those that are there stay.
        intermediates: whether the .tflite also give the pictures on the way, such as edge and first image.
        name: of the model on a server, or None for that of the earlier versions, else the method's.
    Returns:
        the content of export_report.json.
    Raises:
        RequestError: where an artefact misses its gate; all others are written.
    """
    servable = plan_servable(expand(output), targets, version, name)  # once, for all processes
    request: dict[str, Any] = {"run": run, "output": output, "targets": list(targets), "image_size": image_size}
    request |= {"uint8_io": uint8_io, "step": step, "gpu_check": gpu_check, "servable": servable}
    request |= {"intermediates": intermediates}
    with tempfile.TemporaryDirectory() as work:
        stage = stage_in_child(request, work) if is_large(expand(run)) else stage_here(request, work)
        for artefact in stage("begin")["artefacts"]:
            stage("make", artefact)
        return stage("finish")


def is_large(run):
    """Whether a run's checkpoints are of a model whose artefacts are made one by one, in processes of their own."""
    folder = os.path.join(run, "checkpoints")
    if not os.path.isdir(folder):
        return False  # no run, as opening it will say
    return max((entry.stat().st_size for entry in os.scandir(folder)), default=0) >= LARGE_CHECKPOINT


def stage_here(request, work):
    """A function of a stage's name and arguments, which goes on with the export in this process."""
    from export.stages import Stages

    stages = Stages(request, work)
    return lambda name, *arguments: getattr(stages, name)(*arguments)
