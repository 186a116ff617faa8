"""The studio's server: the built page and one model, for this machine alone."""

import functools
import http.server
import importlib.resources
import os

from ecgan_tf.errors import RequestError

PAGE = "studio_page"  # in the package, where `make studio` builds it
MODEL, ENCODER = "/model.tflite", "/style_encoder.tflite"  # what the page opens first
HOSTS = ("127.0.0.1", "localhost")
# Of the page and, which its own policy does not bind, of its worker: no request leaves this machine.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; "
    "img-src 'self' blob: data:; connect-src 'self' blob: data:; style-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Ecgan-Studio": "1",  # so that the page leaves no service worker behind on a port that others will have
    # The page may share memory with its threads then.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",
}


class StudioServer(http.server.ThreadingHTTPServer):
    """At 127.0.0.1; `model` is the path of the .tflite that the page opens, None: none yet.

    Of a model that was split it is the painter, and `encoder` the style encoder.
    """

    model = encoder = None


def studio_server(port=0, page=None):
    """A `StudioServer` of the page, not yet serving.

    Args:
        port: 0: a free one.
        page: folder of the built page; None: the package's.
    Raises:
        RequestError: where the page is not built, or the port is taken.
    """
    page = page or str(importlib.resources.files("ecgan_tf") / PAGE)
    if not os.path.isfile(os.path.join(page, "index.html")):
        raise RequestError(
            "the studio's page is not built: in a checkout, `make studio` builds it, which takes Node.js 20 or newer; "
            "wheels have it."
        )
    handler = functools.partial(_Handler, directory=page)
    try:
        return StudioServer((HOSTS[0], port), handler)
    except OSError as error:
        raise RequestError(
            f"--port={port}: {error.strerror}; choose another one, or leave it out for a free one."
        ) from error
    except OverflowError as error:
        raise RequestError(f"--port={port}: it must be 0 to 65535.") from error


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the page, and the model; to this machine's own names only, so that no other site can ask."""

    extensions_map = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".wasm": "application/wasm",
        ".js": "text/javascript",
        ".tflite": "application/octet-stream",
    }

    def send_head(self):
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in HOSTS:
            self.send_error(403, "the studio is for this machine alone")
            return None
        del self.headers["If-Modified-Since"]  # a model at the same address may be another, and older
        return super().send_head()

    def translate_path(self, path):
        own = {MODEL: self.server.model, ENCODER: self.server.encoder}.get(path.split("?")[0])
        return own or super().translate_path(path)

    def list_directory(self, path):
        self.send_error(404)

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        path = getattr(self, "path", "")  # there is none where the request could not be read
        if self.server.encoder and path.split("?")[0] == MODEL:
            self.send_header("X-Style-Encoder", f".{ENCODER}")
        super().end_headers()

    def log_message(self, *words):
        """Nothing: a person looks at the page."""
