"""The studio in a real headless browser: what one paints, what is synthesised of it, what is refused."""

import base64
import io
import os
import pathlib
import runpy
import shutil
import struct
import threading
import urllib.error
import urllib.request
import zlib

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from ecgan_tf.commands.studio import files_of
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.requests import synthesize
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.pixels import as_float, to_uint8
from ecgan_tf.pretrained import find_model
from ecgan_tf.studio import POLICY, studio_server
from export.gpu_delegate import driver
from export.inference_model import InferenceModel
from export.style_split import write_split_tflite
from export.tflite import write_tflite

ROOT = pathlib.Path(__file__).parents[1]
BROWSER = ROOT / "tests" / "browser"
kit = runpy.run_path(str(BROWSER / "kit.py"))
pixels = kit["pixels"]
WIDE = {"width": 1400, "height": 900}
PHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The folder of the built page."""
    kit["find_browser"]()
    return kit["build_studio"](ROOT, tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """Takes steps at an address, in a browser of its own; returns what steps.mjs prints."""
    folder = tmp_path_factory.mktemp("driver")
    kit["install"](BROWSER, folder)

    def call(url, steps, flags=kit["FLAGS"], profile=None, **more):
        return kit["take_steps"](folder, url, profile or tmp_path_factory.mktemp("profile"), steps, flags, **more)

    return call


@pytest.fixture(scope="module")
def drive(page, take):
    """Opens the studio with a .tflite, takes steps, and returns what was seen, and the errors of the console."""
    server = studio_server(page=str(page))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def call(model, steps, flags=kit["FLAGS"], viewport=WIDE, encoder=None, **more):
        server.model, server.encoder = str(model), encoder and str(encoder)
        result = take(f"http://127.0.0.1:{server.server_port}/", steps, flags, viewport=viewport, **more)
        assert result["elsewhere"] == []
        return result["seen"], result["errors"]

    yield call
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tflite(make_run, tmp_path_factory):
    """A small model with strong colours, in which a mistake shows."""
    model = InferenceModel(make_run("ecgan", has_unknown=True))
    kernel = model.generator.semantic_preserving.to_image.kernel
    kernel.assign(10 * kernel)
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    write_tflite(model, str(path), "float32")
    return path


def shots(seen):
    """What was seen of canvases, in order."""
    return [pixels(each) for each in seen if isinstance(each, dict) and "rgba" in each]


def ids_of(colors, classes):
    """The ids of a layout that is shown in its classes' colours, of which none may be blended."""
    palette = np.concatenate([classes.palette, [[0, 0, 0]]])
    matches = np.all(colors[:, :, None] == palette, axis=-1)
    assert np.all(matches.any(axis=-1))
    return matches.argmax(axis=-1)


def layout_file(path, labels):
    Image.fromarray(np.where(labels == 3, 255, labels).astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture
def labels(rng):
    return rng.integers(0, 4, (8, 8)).repeat(4, 0).repeat(4, 1)


# ---- pictures


@pytest.mark.parametrize("backend", ["wasm", "webgpu"])
def test_the_picture_is_that_of_ecgan_synthesize(drive, tflite, labels, tmp_path, backend):
    if backend == "webgpu" and driver() is None:
        pytest.skip("no Vulkan driver; Debian's package chromium brings one")
    path = layout_file(tmp_path / "a.png", labels)
    steps = [["settle"], ["file", "#open-labels", path], ["settle", "ready"], ["pixels", "#picture"], ["text", "#pace"]]
    flags = kit["FLAGS"] if backend == "wasm" else kit["GPU_FLAGS"]
    if backend == "webgpu":
        steps.insert(1, ["select", "#backend", "webgpu"])
        steps.insert(2, ["settle"])
    seen, errors = drive(tflite, steps, flags)
    synthesize(str(tflite), path, str(tmp_path / "out"))
    expected = np.asarray(Image.open(tmp_path / "out" / "a.png")).astype(int)
    assert abs(pixels(seen[-2]) - expected).max() <= 1 and expected.std() > 10
    assert f"a tile, {backend}" in seen[-1] and "not all" not in seen[-1]
    assert errors == []


def test_a_large_layout_is_that_of_ecgan_synthesize_in_tiles(drive, tflite, rng, tmp_path):
    labels = rng.integers(0, 4, (16, 16)).repeat(8, 0).repeat(8, 1)
    path = layout_file(tmp_path / "a.png", labels)
    steps = [["settle"], ["select", "#size", "128x128"], ["file", "#open-labels", path], ["settle"],
             ["pixels", "#picture"]]  # fmt: skip
    seen, _ = drive(tflite, steps)
    synthesize(str(tflite), path, str(tmp_path / "out"), tile=True)
    expected = np.asarray(Image.open(tmp_path / "out" / "a.png")).astype(int)
    assert expected.shape == (128, 128, 3) and abs(pixels(seen[-1]) - expected).max() <= 1


def test_it_changes_where_one_draws_and_nowhere_far_from_it(drive, tflite, labels, tmp_path):
    """At four times the model's size a stroke in one corner leaves the tiles of the others as they were."""
    path = layout_file(tmp_path / "a.png", labels)
    steps = [
        ["settle"], ["select", "#size", "128x128"], ["file", "#open-labels", path], ["settle"],
        ["pixels", "#labels"], ["pixels", "#picture"],
        ["click", "#palette button:nth-child(3)"], ["range", "#brush", 9],
        ["stroke", "#labels", [[0.05, 0.05], [0.15, 0.1]]], ["settle"], ["pixels", "#labels"], ["pixels", "#picture"],
        ["click", "#undo"], ["settle"], ["pixels", "#labels"], ["pixels", "#picture"],
        ["press", "#labels", "Control+y"], ["settle"], ["pixels", "#labels"],
        ["click", "[data-tool=fill]"], ["stroke", "#labels", [[0.1, 0.07]]], ["settle"], ["pixels", "#labels"],
    ]  # fmt: skip
    seen, errors = drive(tflite, steps)
    before, picture, after, changed, undone, picture_undone, redone, filled = shots(seen)
    classes = open_model(str(tflite)).classes
    ids = ids_of(after, classes)
    moved = np.any(before != after, axis=-1)
    assert moved[:20, :25].any() and not moved[32:].any() and np.all(ids[moved] == 2)
    far = np.any(picture != changed, axis=-1)
    assert far[:32, :32].any() and not far[64:].any() and not far[:, 64:].any()
    np.testing.assert_array_equal(undone, before)
    assert abs(picture_undone - picture).max() <= 1
    np.testing.assert_array_equal(redone, after)
    np.testing.assert_array_equal(filled, after)  # the region has that class already
    assert errors == []


def test_a_line_is_seen_before_it_is_drawn(drive, tflite):
    ruler = """(() => {
      const all = document.querySelector('#ruler'), numbers = ['x1', 'y1', 'x2', 'y2'];
      const place = numbers.map((name) => Number(all.firstElementChild.getAttribute(name)));
      return [getComputedStyle(all).display, ...place];
    })()"""
    steps = [["settle"], ["click", "[data-tool=line]"], ["click", "#palette button:nth-child(3)"],
             ["pixels", "#labels"], ["evaluate", ruler],
             ["hold", "#labels", [[0.25, 0.25], [0.75, 0.5]]], ["pixels", "#labels"], ["evaluate", ruler],
             ["release"], ["pixels", "#labels"], ["evaluate", ruler]]  # fmt: skip
    seen, errors = drive(tflite, steps)
    before, held, after = shots(seen)
    hidden, shown, gone = (each for each in seen if isinstance(each, list))
    np.testing.assert_array_equal(before, held)
    np.testing.assert_allclose(shown[1:], [8, 8, 24, 16], atol=0.5)  # of a map of 32x32
    moved, ids = np.any(before != after, axis=-1), ids_of(after, open_model(str(tflite)).classes)
    assert ids[8, 8] == ids[12, 16] == ids[15, 23] == 2 and moved.any() and not moved[24:, :8].any()
    assert [each[0] == "none" for each in (hidden, shown, gone)] == [True, False, True]
    assert errors == []


def test_edge_and_first_image_are_shown_where_the_model_gives_them(drive, make_run, labels, tmp_path):
    model, path = InferenceModel(make_run("ecgan", has_unknown=True), intermediates=True), tmp_path / "model.tflite"
    write_tflite(model, str(path), "float32")
    names = ("initial_image", "edge", "image")
    steps = [["settle"], ["file", "#open-labels", layout_file(tmp_path / "a.png", labels)], ["settle", "ready"],
             *(["pixels", "#picture" if name == "image" else f"#picture-{name}"] for name in names)]  # fmt: skip
    seen, errors = drive(path, steps)
    expected = model.pictures(labels=labels[None].astype(np.int32))
    for name, shown in zip(names, shots(seen)):
        assert abs(shown - to_uint8(expected[name].numpy())[0].astype(int)).max() <= 1
    assert errors == []


def test_a_split_model_takes_exemplars_and_mixes_their_styles(drive, make_run, labels, rng, tmp_path):
    model = InferenceModel(make_run("msca", has_unknown=True))
    kernel = model.generator.to_image.kernel
    kernel.assign(5 * kernel)
    write_split_tflite(model, str(tmp_path))
    path, files, exemplars = layout_file(tmp_path / "a.png", labels), [], []
    for index in range(2):
        photograph, of_it = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8), rng.permutation(labels)
        Image.fromarray(photograph).save(tmp_path / f"{index}.png")
        files.append((str(tmp_path / f"{index}.png"), layout_file(tmp_path / f"labels_{index}.png", of_it)))
        exemplars.append({"exemplar": as_float(photograph)[None], "exemplar_labels": of_it[None].astype(np.int32)})
    steps = [["settle"], ["text", "#exemplar-state"], ["file", "#open-labels", path]]
    for index, (photograph, of_it) in enumerate(files):
        steps += [["file", f"[data-exemplar='{index}']", photograph], ["pause", 500],
                  ["file", f"[data-exemplar-labels='{index}']", of_it], ["settle"], ["pixels", "#picture"]]  # fmt: skip
    for share in (50, 100):
        steps += [["range", "#mix", share], ["settle"], ["pixels", "#picture"]]
    other = layout_file(tmp_path / "other.png", labels[:16])
    steps += [["file", "[data-exemplar-labels='0']", other], ["said", "error"]]
    seen, errors = drive(tmp_path / "painter.tflite", steps, encoder=tmp_path / "style_encoder.tflite")
    assert "open an exemplar photograph" in seen
    assert "32x32" in seen[-1] and "32x16" in seen[-1]
    first, still_first, between, second = shots(seen)
    opened = open_model(str(tmp_path))
    for shown, exemplar in zip((first, second), exemplars):
        expected = to_uint8(opened.generate({"labels": labels[None].astype(np.int32), **exemplar}))[0].astype(int)
        assert abs(shown - expected).max() <= 1
    np.testing.assert_array_equal(first, still_first)
    assert abs(first - second).max() > 5 and np.any(between != first) and np.any(between != second)
    assert errors == []


# ---- files


def test_a_layout_is_saved_and_opened_again(drive, tflite, labels, tmp_path):
    path = layout_file(tmp_path / "a.png", labels)
    saves = ["ids", "colors", "legend", "picture", "both"]
    steps = [["settle"], ["file", "#open-labels", path], ["settle", "ready"],
             *(["download", "#save", kind] for kind in saves), ["pixels", "#picture"]]  # fmt: skip
    seen, errors = drive(tflite, steps)
    files = {each["name"]: base64.b64decode(each["content"]) for each in seen if each and "content" in each}
    assert list(files) == ["a.png", "a_colours.png", "a_legend.txt", "a_picture.png", "a_both.png"]
    images = {name: np.asarray(Image.open(io.BytesIO(content))) for name, content in files.items() if "png" in name}
    np.testing.assert_array_equal(images["a.png"], np.where(labels == 3, 255, labels))
    classes = open_model(str(tflite)).classes
    np.testing.assert_array_equal(images["a_colours.png"], classes.colorize(labels))
    np.testing.assert_array_equal(images["a_picture.png"][..., :3], pixels(seen[-1]))
    assert images["a_both.png"].shape == (32, 64, 4)
    assert files["a_legend.txt"].decode().splitlines()[1].endswith(f"\t{classes.names[0]}")
    for name in ("a.png", "a_colours.png"):
        (tmp_path / name).write_bytes(files[name])
        again, _ = drive(tflite, [["settle"], ["file", "#open-labels", str(tmp_path / name)], ["settle", "ready"],
                                  ["pixels", "#labels"]])  # fmt: skip
        np.testing.assert_array_equal(ids_of(pixels(again[-1]), classes), labels)
    assert errors == []


def png_of(chunks):
    """A PNG of these chunks and an end."""
    whole = b"\x89PNG\r\n\x1a\n"
    for name, data in (*chunks, ("IEND", b"")):
        tagged = name.encode() + data
        whole += struct.pack(">I", len(data)) + tagged + struct.pack(">I", zlib.crc32(tagged))
    return whole


def hostile(tmp_path):
    """Files that should not be opened, by what is said of each."""
    large = png_of([("IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0))])
    whole = io.BytesIO()
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(whole, "PNG")
    wrong = io.BytesIO()
    Image.fromarray(np.full((32, 32), 77, np.uint8)).save(wrong, "PNG")
    bomb = png_of([("IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 0, 0, 0, 0)), ("IDAT", zlib.compress(bytes(10**7)))])
    twice = png_of([("IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)) for side in (32, 30000)])
    files = {
        "bomb.png": (bomb, "holds more data than its size says"),
        "twice.png": (twice, "its header is broken"),
        "no.png": (b"GIF89a" + bytes(50), "this is no PNG"),
        "large.png": (large, "30000x30000 pixels are too many"),
        "torn.png": (whole.getvalue()[:60], "cannot be decoded"),
        "wrong.png": (wrong.getvalue(), "value 77 is no class"),
    }
    for name, (content, words) in files.items():
        (tmp_path / name).write_bytes(content)
        yield "#open-labels", str(tmp_path / name), words
    models = {
        "short.tflite": b"TFL3",
        "foreign.tflite": b"\x10\0\0\0TFL3" + bytes(range(200)),
        "zip.tflite": b"PK" * 99,
    }
    for name, content in models.items():
        (tmp_path / name).write_bytes(content)
        yield "#open-model", str(tmp_path / name), "this is no .tflite that `ecgan export` wrote"


def test_a_hostile_file_is_refused_and_what_was_there_stays(drive, tflite, tmp_path):
    cases = list(hostile(tmp_path))
    steps = [["settle"], ["pixels", "#labels"]]
    for selector, path, _ in cases:
        steps += [["file", selector, path], ["settle", "error"], ["text", "#status"],
                  ["evaluate", "document.querySelector('#status').textContent = ''"]]  # fmt: skip
    seen, errors = drive(
        tflite, [*steps, ["pixels", "#labels"], ["stroke", "#labels", [[0.5, 0.5]]], ["pixels", "#labels"]]
    )
    said = [each for each in seen if isinstance(each, str) and each.startswith("error: ")]
    assert len(said) == len(cases)
    for (_, _, words), line in zip(cases, said):
        assert words in line
    before, after, painted = shots(seen)
    np.testing.assert_array_equal(before, after)
    assert np.any(painted != after)
    assert errors == []


def test_a_model_of_other_inputs_is_refused(drive, make_run, tflite, tmp_path):
    model = InferenceModel(make_run("lggan_cross_view"))
    write_tflite(model, str(tmp_path / "other.tflite"), "float32")
    seen, _ = drive(tflite, [["settle"], ["file", "#open-model", str(tmp_path / "other.tflite")], ["settle", "error"],
                             ["text", "#status"]])  # fmt: skip
    assert "also takes source" in seen[-1]


# ---- devices


def test_a_static_host_is_enough_and_after_one_visit_no_network_is_needed(page, take, tflite, tmp_path):
    """From a subfolder, by a server that sends no headers of ours."""
    shutil.copytree(page, tmp_path / "some" / "where")
    shutil.copy(tflite, tmp_path / "some" / "where" / "model.tflite")
    server = kit["serve"](tmp_path)
    kept = "caches.keys().then((names) => navigator.serviceWorker.ready.then(() => names.length))"
    steps = [["settle"], ["evaluate", kept], ["offline"], ["reload"], ["settle"], ["text", "#pace"],
             ["pixels", "#picture"], ["stroke", "#labels", [[0.2, 0.2], [0.8, 0.8]]], ["settle"],
             ["pixels", "#picture"], ["select", "#start", "noise"], ["click", "#begin"], ["settle"],
             ["pixels", "#picture"]]  # fmt: skip
    result = take(f"http://127.0.0.1:{server.server_port}/some/where/", steps, viewport=WIDE)
    server.shutdown()
    before, after, noise = shots(result["seen"])
    assert np.any(before != after) and np.any(after != noise)
    assert "threads" in next(each for each in result["seen"] if isinstance(each, str))  # shared memory, offline too
    assert result["errors"] == result["elsewhere"] == []


def test_the_local_server_leaves_no_service_worker_behind(drive, tflite):
    count = "navigator.serviceWorker.getRegistrations().then((all) => all.length)"
    seen, _ = drive(tflite, [["settle"], ["evaluate", count]])
    assert seen[-1] == 0


def test_another_and_older_model_at_the_same_address_is_the_one_that_is_shown(page, take, tflite, make_run, tmp_path):
    other = tmp_path / "other.tflite"
    write_tflite(InferenceModel(make_run("spade", has_unknown=True)), str(other), "float32")
    os.utime(other, (1, 1))
    server, profile = studio_server(page=str(page)), tmp_path / "profile"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = []
    for model in (tflite, other):
        server.model = str(model)
        url = f"http://127.0.0.1:{server.server_port}/"
        said.append(take(url, [["settle"], ["text", "#about"]], profile=profile, viewport=WIDE)["seen"][-1])
    server.shutdown()
    assert "ecgan," in said[0] and "spade," in said[1]


def test_two_fingers_are_one_stroke_that_can_be_undone(drive, tflite):
    steps = [["settle"], ["pixels", "#labels"], ["touches", "#labels", [0.2, 0.2], [0.8, 0.8]], ["pause", 300],
             ["pixels", "#labels"], ["click", "#undo"], ["pixels", "#labels"]]  # fmt: skip
    seen, errors = drive(tflite, steps, viewport=PHONE, touch=True)
    before, painted, undone = shots(seen)
    moved = np.any(before != painted, axis=-1)
    assert moved[:16, :16].any() and not moved[16:].any() and not moved[:, 16:].any()
    np.testing.assert_array_equal(undone, before)
    assert errors == []


def test_a_phone_paints_by_touch_and_nothing_is_wider_than_it(drive, tflite):
    steps = [["settle"], ["evaluate", "document.documentElement.scrollWidth"], ["pixels", "#labels"],
             ["evaluate", "document.querySelector('#labels').scrollIntoView()"], ["tap", "#labels", [0.5, 0.5]],
             ["settle"], ["pixels", "#labels"]]  # fmt: skip
    seen, errors = drive(tflite, steps, viewport=PHONE, touch=True, colorScheme="dark")
    before, after = shots(seen)
    assert seen[1] <= PHONE["width"] and np.any(before != after)
    assert errors == []


def test_the_keyboard_is_enough(drive, tflite):
    classes = open_model(str(tflite)).classes
    steps = [["settle"], ["pixels", "#labels"], ["fill", "#search", classes.names[2].upper()],
             ["press", "#search", "Enter"],
             ["press", "body", "b"], ["press", "#labels", "ArrowRight"], ["press", "#labels", "Space"], ["settle"],
             ["pixels", "#labels"], ["press", "#labels", "Control+z"], ["settle"], ["pixels", "#labels"],
             ["evaluate", "[...document.querySelectorAll('button, input, select, canvas[role]')].filter((each) => "
              "!(each.textContent || each.ariaLabel || each.labels?.length)).map((each) => each.id)"]]  # fmt: skip
    seen, errors = drive(tflite, steps)
    before, painted, undone = shots(seen)
    moved = np.any(before != painted, axis=-1)
    assert moved.any() and np.all(ids_of(painted, classes)[moved] == 2)
    np.testing.assert_array_equal(undone, before)
    assert seen[-1] == []  # all have a name that is read out
    assert errors == []


def test_a_seed_gives_the_same_layout_again(drive, tflite):
    steps = [["settle"], ["select", "#start", "noise"], *([step for seed in ("5", "6", "5") for step in
             (["fill", "#seed", seed], ["click", "#begin"], ["settle"], ["pixels", "#labels"])])]  # fmt: skip
    seen, _ = drive(tflite, steps)
    first, other, again = shots(seen)
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_what_was_painted_outlives_size_seed_and_backend(drive, tflite):
    steps = [["settle"], ["click", "#palette button:nth-child(3)"], ["stroke", "#labels", [[0.3, 0.3], [0.6, 0.6]]],
             ["settle"], ["pixels", "#labels"], ["fill", "#seed", "7"], ["settle"], ["pixels", "#labels"],
             ["click", "#undo"], ["pixels", "#labels"], ["click", "#redo"],
             ["select", "#size", "64x64"], ["settle"], ["select", "#size", "128x128"], ["settle"],
             ["select", "#size", "32x32"], ["settle"], ["pixels", "#labels"]]  # fmt: skip
    seen, errors = drive(tflite, steps)
    painted, seeded, undone, after = shots(seen)
    np.testing.assert_array_equal(painted, seeded)
    np.testing.assert_array_equal(painted, after)
    assert np.any(undone != painted)
    assert errors == []


def test_colours_of_no_class_are_mended_and_counted(drive, tflite, labels, tmp_path):
    classes = open_model(str(tflite)).classes
    colors = classes.colorize(labels)
    colors[3, 4] = np.clip(colors[3, 4].astype(int) + 3, 0, 250)
    Image.fromarray(colors).save(tmp_path / "a.png")
    large = layout_file(tmp_path / "b.png", labels.repeat(3, 0).repeat(3, 1))
    steps = [["settle"], ["file", "#open-labels", str(tmp_path / "a.png")], ["settle", "ready.*a.png"],
             ["text", "#status"], ["pixels", "#labels"], ["file", "#open-labels", large],
             ["settle", "ready.*b.png"], ["text", "#status"]]  # fmt: skip
    seen, errors = drive(tflite, steps)
    assert "1 pixels of other colours took the nearest class" in seen[3]
    np.testing.assert_array_equal(ids_of(shots(seen)[0], classes), labels)
    assert "96x96, brought to 32x32" in seen[-1]
    assert errors == []


def test_the_newest_of_two_models_is_the_one_that_is_shown(drive, make_run, tflite, tmp_path):
    other = tmp_path / "other.tflite"
    write_tflite(InferenceModel(make_run("spade", has_unknown=True)), str(other), "float32")
    steps = [["settle"], ["file", "#open-model", str(other)], ["file", "#open-model", str(tflite)],
             ["pause", 2500], ["settle"], ["text", "#about"], ["stroke", "#labels", [[0.5, 0.5]]], ["settle"],
             ["text", "#status"]]  # fmt: skip
    seen, errors = drive(tflite, steps)
    assert "ecgan," in seen[-4] and seen[-1].startswith("ready")
    assert errors == []


def test_the_model_in_the_box_paints_within_ten_seconds_of_opening_the_page(drive):
    steps = [["settle"], ["text", "#status"], ["evaluate", "performance.now()"], ["pixels", "#picture"]]
    seen, errors = drive(find_model("earth"), steps)
    assert seen[1].startswith("ready") and seen[2] < 10_000
    assert pixels(seen[-1]).std() > 5 and errors == []


# ---- the server


def ask(server, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {}, b""


def test_the_server_gives_page_and_model_to_this_machine_alone(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("the page")
    (tmp_path / "model").write_bytes(b"the model")
    (tmp_path / "secret").write_text("no")
    server = studio_server(page=str(tmp_path / "page"))
    server.model = str(tmp_path / "model")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        status, headers, body = ask(server, "/")
        assert (status, body) == (200, b"the page") and headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert ask(server, "/model.tflite")[2] == b"the model"
        assert ask(server, "/../secret")[0] == ask(server, "/%2e%2e/secret")[0] == 404
        assert ask(server, "/", Host="evil.example")[0] == 403
        assert server.server_address[0] == "127.0.0.1"
        with pytest.raises(RequestError, match=rf"--port={server.server_port}: .*in use.* choose another"):
            studio_server(server.server_port, page=str(tmp_path / "page"))
    finally:
        server.shutdown()
        server.server_close()


def test_page_server_and_service_worker_have_one_policy(page):
    for name in ("index.html", "sw.js"):
        assert POLICY in (page / name).read_text()


def test_a_page_that_is_not_built_is_said(tmp_path):
    with pytest.raises(RequestError, match="make studio"):
        studio_server(page=str(tmp_path))


def test_what_the_command_opens(tflite, make_run, tmp_path):
    assert files_of("earth", str(tmp_path)) == (find_model("earth"), None)
    assert files_of(str(tflite), str(tmp_path)) == (str(tflite), None)
    for name in ("painter", "style_encoder"):
        shutil.copy(tflite, tmp_path / f"{name}.tflite")
    assert files_of(str(tmp_path), "") == tuple(
        str(tmp_path / f"{name}.tflite") for name in ("painter", "style_encoder")
    )
    (tmp_path / "out").mkdir()
    model, encoder = files_of(str(make_run("ecgan", has_unknown=True)), str(tmp_path / "out"))
    assert encoder is None and pathlib.Path(model).parent == tmp_path / "out"
    assert {"edge", "initial_image"} < set(Interpreter(model).get_signature_runner().get_output_details())
    for wrong, words in (
        ("mars", "nor a model of the box .earth, earth_256"),
        (str(ROOT / "README.md"), "opens a .tflite"),
    ):
        with pytest.raises(RequestError, match=words):
            files_of(wrong, str(tmp_path))
