"""What tests and benchmarks in a real browser need, or a reason to skip; loaded by its path."""

import base64
import functools
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import threading

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
# SwiftShader, a GPU in software that comes with Debian's chromium.
GPU_FLAGS = (
    *(flag for flag in FLAGS if flag != "--disable-gpu"), "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader",
    "--enable-unsafe-swiftshader", "--enable-features=Vulkan", "--ignore-gpu-blocklist",
)  # fmt: skip


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm"}

    def log_message(self, *words):
        pass


def find_browser():
    """Path of a chromium, or a skip with what is missing."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    missing = [name for name in ("node", "npm") if not shutil.which(name)] + ([] if browser else ["chromium"])
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    return browser


def install(source, folder):
    """The packages of a folder's package-lock.json, in another folder; a skip where npm does not get them."""
    for file in ("package.json", "package-lock.json"):
        shutil.copy(source / file, folder)
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("npm ci took longer than two minutes")
    if done.returncode:
        pytest.skip(f"npm ci: {done.stderr.strip()[-300:]}")


def serve(folder):
    """A server of a folder at 127.0.0.1, which serves already."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def build_studio(root, folder):
    """The folder of the studio's page, built anew in a copy of the checkout `root`."""
    shutil.copytree(root / "studio", folder / "studio", ignore=shutil.ignore_patterns("node_modules"))
    (folder / "ecgan_tf").symlink_to(root / "ecgan_tf")
    install(root / "studio", folder / "studio")
    environment = {**os.environ, "STUDIO_OUTPUT": str(folder / "page")}
    words = ["npm", "run", "-s", "build"]
    built = subprocess.run(words, cwd=folder / "studio", env=environment, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "page"


def take_steps(folder, url, profile, steps, flags=FLAGS, **more):
    """Does what steps.mjs is told, in a browser of its own.

    Args:
        folder: with the packages of tests/browser, see `install`.
        url, steps, flags, more: of the request that steps.mjs takes.
        profile: a new folder.
    Returns:
        what it prints: dictionary of `seen`, `errors` and `elsewhere`.
    """
    shutil.copy(HERE / "steps.mjs", folder)
    request = {"browser": find_browser(), "flags": flags, "profile": str(profile), "url": url, "steps": steps, **more}
    words = ["node", "steps.mjs", json.dumps(request)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def pixels(seen):
    """What the step `pixels` saw of a canvas: integers (height, width, 3); nothing of it may be transparent."""
    rgba = np.frombuffer(base64.b64decode(seen["rgba"]), np.uint8).reshape(seen["height"], seen["width"], 4)
    assert np.all(rgba[..., 3] == 255)
    return rgba[..., :3].astype(int)
