"""How long a picture takes in the studio, as its page measures it, in a real browser on this machine; and its portrait.

Example:
    python -m benchmarks.studio --model=earth_256 --strokes=20
    python -m benchmarks.studio --model=exported/model_float32.tflite --classes=2,4,5,9
    python -m benchmarks.studio --model=earth --size=512x512 --start=noise --strokes=6 --output=docs/studio.png

Needs chromium, node and npm. The page is built as `make studio` builds it, and opened with the model; each stroke is
painted, and its picture waited for. Prints the model's size, the milliseconds of the page's first picture, and what the
page says of its pace: the median of the last 21 pictures.
"""

import math
import os
import pathlib
import runpy
import tempfile
import threading

from absl import flags
from PIL import Image

from ecgan_tf import cli, console

MODEL = flags.DEFINE_string("model", "earth", "A model of the box or a .tflite.")
SIZE = flags.DEFINE_string("size", None, "Of the layout, as the page names it; default: the model's.")
START = flags.DEFINE_string("start", None, "Of the layout: noise, or as the page names it; default: the page's first.")
STROKES = flags.DEFINE_integer("strokes", 20, "How many are painted.", lower_bound=0)
BACKEND = flags.DEFINE_enum("backend", "wasm", ["wasm", "webgpu"], "Where the page computes; webgpu: SwiftShader's.")
CLASSES = flags.DEFINE_list("classes", ["9", "13", "3", "17", "8", "1"], "Places in the palette, of strokes in turn.")
OUTPUT = flags.DEFINE_string("output", None, "A .png for a picture of the page as it is in the end.")
ROOT = pathlib.Path(__file__).parents[1]
BROWSER = ROOT / "tests" / "browser"


def main(argv):
    cli.no_arguments(argv)
    kit = runpy.run_path(str(BROWSER / "kit.py"))
    from ecgan_tf.pretrained import find_model
    from ecgan_tf.studio import studio_server

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for name in ("checkout", "driver"):
            (work / name).mkdir()
        kit["install"](BROWSER, work / "driver")
        server = studio_server(page=str(kit["build_studio"](ROOT, work / "checkout")))
        server.model = find_model(MODEL.value)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        browser_flags = kit["GPU_FLAGS" if BACKEND.value == "webgpu" else "FLAGS"]
        seen = kit["take_steps"](
            work / "driver", url, work / "profile", steps(work), browser_flags,
            viewport={"width": 1400, "height": 900}, colorScheme="dark",
        )["seen"]  # fmt: skip
        server.shutdown()
        if OUTPUT.value:
            with Image.open(work / "page.png") as shot:
                shot.convert("RGB").save(OUTPUT.value, optimize=True)
    first, pace = (each for each in seen if isinstance(each, str))
    megabytes = os.path.getsize(server.model) / 1e6
    console.say(f"{MODEL.value}, {megabytes:.1f} MB: {first}; {pace}")


def steps(work):
    """What is done on the page: a layout, strokes of several classes, each until its picture is there."""
    made = [["settle"], ["text", "#status"]]
    if BACKEND.value == "webgpu":
        made += [["select", "#backend", "webgpu"], ["settle"]]
    if START.value:
        made += [["select", "#start", START.value], ["settle"]]
    if SIZE.value:
        made += [["select", "#size", SIZE.value], ["settle"]]
    made += [["range", "#brush", 20]]
    for stroke in range(STROKES.value):
        x, y = 0.5 + 0.16 * math.cos(2.4 * stroke), 0.32 + 0.16 * math.sin(2.4 * stroke)
        around = [(0.03 + 0.02 * math.sin(3 * turn), 0.7 * turn) for turn in range(10)]
        island = [[x + r * math.cos(angle), y + r * math.sin(angle)] for r, angle in around]
        made += [["click", f"#palette button:nth-child({CLASSES.value[stroke % len(CLASSES.value)]})"],
                 ["stroke", "#labels", island], ["settle"]]  # fmt: skip
    return [*made, ["text", "#pace"], ["screenshot", str(work / "page.png")]]


if __name__ == "__main__":
    cli.run(main, __doc__)
