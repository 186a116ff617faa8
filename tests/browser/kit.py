"""What tests in a real browser need: chromium, node, and the packages of package-lock.json, or a reason to skip."""

import functools
import http.server
import pathlib
import shutil
import subprocess
import threading

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
