"""A stand-in for TF Serving without TensorFlow: its REST API of a model that gives pictures of one colour, 8x8."""

import base64
import http.server
import io
import json
import threading

import numpy as np
from PIL import Image

SIGNATURES = {
    "serving_default": {
        "inputs": {"labels": {"dtype": "DT_INT32", "tensor_shape": {"dim": [{"size": n} for n in ("-1", "8", "8")]}}},
        "outputs": {},
    },
    "png": {
        "inputs": {"labels_bytes": {"dtype": "DT_STRING", "tensor_shape": {"dim": [{"size": "-1"}]}}},
        "outputs": {"image_bytes": {"dtype": "DT_STRING", "tensor_shape": {"dim": [{"size": "-1"}]}}},
    },
}


def png(array):
    content = io.BytesIO()
    Image.fromarray(array).save(content, format="PNG")
    return content.getvalue()


class Server:
    """TF Serving's REST API of one model, which gives a picture of one colour: the label map's first value.

    Attributes:
        sizes: of the batches that were asked for, in order, also of those that failed.
        answer: None, or a function of the list of label maps; gives None, or (status, content, headers) in place of
            the pictures; status 0: the connection is closed without a word.
    """

    def __init__(self):
        self.sizes, self.answer = [], None

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(handler):  # noqa: N802, N805
                if self.answer and (given := self.answer(None)):
                    handler.send(*given)
                else:
                    handler.send(200, {"metadata": {"signature_def": {"signature_def": SIGNATURES}}})

            def do_POST(handler):  # noqa: N802, N805
                rows = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))["instances"]
                contents = [base64.b64decode(row["labels_bytes"]["b64"]) for row in rows]
                maps = [np.asarray(Image.open(io.BytesIO(content))) for content in contents]
                self.sizes.append(len(maps))
                if self.answer and (given := self.answer(maps)):
                    handler.send(*given)
                    return
                pictures = [png(np.full((8, 8, 3), values[0, 0], np.uint8)) for values in maps]
                handler.send(200, {"predictions": [{"b64": base64.b64encode(png).decode()} for png in pictures]})

            def send(handler, status, content, headers=()):  # noqa: N805
                if not status:
                    return
                body = json.dumps(content).encode()
                handler.send_response(status)
                for name, value in (*headers, ("Content-Length", len(body))):
                    handler.send_header(name, str(value))
                handler.end_headers()
                handler.wfile.write(body)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
