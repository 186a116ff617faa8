"""The files that TF Serving is started with."""

import os
import re

from ecgan_tf.atomic_files import write_text

MODELS = """\
# For --model_config_file. The newest numbered folder below base_path is served; to roll back, name a version:
# model_version_policy {{ specific {{ versions: 1 }} }}
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
  }}
}}
"""

BATCHING = """\
# For --batching_parameters_file, with --enable_batching: requests that come together are synthesised together, which
# pays on a GPU. On a CPU one layout keeps all threads busy: leave both flags out of docker-compose.yaml. What one
# request does wrong, such as a value without a class, fails all requests of its batch.
max_batch_size { value: 8 }
batch_timeout_micros { value: 5000 }
num_batch_threads { value: 2 }
max_enqueued_batches { value: 64 }
"""

MONITORING = """\
# For --monitoring_config_file: counters and latencies for Prometheus, at the REST port.
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""

COMPOSE = """\
# docker compose -f serving/docker-compose.yaml up        (not tried where this was written: no registry in reach)
# TF Serving asks nobody who they are, so its ports are open to this machine alone. It should be as new as the
# TensorFlow that exported, {tensorflow}, or nearly: an older one may not know an operator.
services:
  {name}:
    image: ${{TF_SERVING_IMAGE:-tensorflow/serving:latest}}
    command:
      - --model_config_file=/serving/models.config
      - --monitoring_config_file=/serving/monitoring.config
      - --enable_batching
      - --batching_parameters_file=/serving/batching.config
    ports:
      - 127.0.0.1:8500:8500 # gRPC
      - 127.0.0.1:8501:8501 # REST, and /monitoring/prometheus/metrics
    volumes:
      - ../saved_model:/models/{name}:ro
      - .:/serving:ro
    restart: unless-stopped
"""


def write_serving_files(folder, name):
    """Writes serving/models.config, batching.config, monitoring.config and docker-compose.yaml.

    Args:
        folder: the export's, which holds saved_model/.
        name: of the model on the server; letters, digits, "_" and "-".
    """
    import tensorflow as tf

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(f"{name!r} is no name for a model on a server")
    contents = {
        "models.config": MODELS.format(name=name),
        "batching.config": BATCHING,
        "monitoring.config": MONITORING,
        "docker-compose.yaml": COMPOSE.format(name=name, tensorflow=tf.__version__),
    }
    for file, content in contents.items():
        write_text(os.path.join(folder, "serving", file), content)
