"""Which version of a servable an export makes, and the files that TF Serving is started with."""

import json
import os
import re

from ecgan_tf.atomic_files import machine_errors, write_text
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.foreign_files import numbered

SERVABLE = "saved_model"  # the target, and the folder of its versions
LARGEST = 2**63 - 1  # version that TF Serving can read
NAME = "[A-Za-z0-9][A-Za-z0-9_-]*"
MODELS_CONFIG = os.path.join("serving", "models.config")
STABLE, CANARY = "stable", "canary"

MODELS = """\
# For --model_config_file. Every version below base_path is loaded: remove the folders of those that nobody asks for.
# A request gets the version that its label means, as in /v1/models/{name}/labels/stable:predict; without a label, the
# newest. The server reads this file every 30 seconds: to promote canary, give stable its number; to roll back, the one
# of before. For requests without a label: model_version_policy {{ specific {{ versions: 1 }} }}, and no other labels.
# An export writes this file anew, with the name and the labels that it finds here; canary it moves to its version.
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
{labels}
  }}
}}
"""

BATCHING = """\
# For --batching_parameters_file, with --enable_batching: requests that come together are synthesised together, which
# pays on a GPU (docker-compose.gpu.yaml). On a CPU one layout keeps all threads busy. A batch is filled up to the next
# allowed size, so that the GPU sees few of them; the last must be max_batch_size. What one request does wrong, such as
# a value without a class, fails all requests of its batch.
max_batch_size { value: 8 }
batch_timeout_micros { value: 5000 }
num_batch_threads { value: 2 }
max_enqueued_batches { value: 64 }
allowed_batch_sizes: 1
allowed_batch_sizes: 2
allowed_batch_sizes: 4
allowed_batch_sizes: 8
"""

METRICS = "/monitoring/prometheus/metrics"
MONITORING = f"""\
# For --monitoring_config_file: counters and latencies for Prometheus, at the REST port.
prometheus_config {{
  enable: true
  path: "{METRICS}"
}}
"""

PROMETHEUS = """\
# For a Prometheus that reaches the server by its name, as the one of docker-compose.yaml does.
scrape_configs:
  - job_name: tf_serving
    scrape_interval: 15s
    metrics_path: {metrics}
    static_configs:
      - targets: ["serving:8501"]
"""

COMPOSE = """\
# docker compose -f serving/docker-compose.yaml up
# docker compose -f serving/docker-compose.yaml -f serving/docker-compose.gpu.yaml up     with an NVIDIA GPU
# docker compose -f serving/docker-compose.yaml --profile monitoring up                   with Prometheus
# Not tried where this was written: no registry was in reach. TF Serving asks nobody who they are, so its ports are open
# to this machine alone. It should be as new as the TensorFlow that exported, {tensorflow}, or nearly: an older one may
# not know an operator.
services:
  serving:
    image: ${{TF_SERVING_IMAGE:-tensorflow/serving:latest}}
    command:
{flags}
    ports:
      - 127.0.0.1:8500:8500 # gRPC
      - 127.0.0.1:8501:8501 # REST, and {metrics}
    volumes:
      - ../saved_model:/models/{name}:ro
      - .:/serving:ro
    healthcheck: # a version is loaded; the image has bash, and no curl
      test:
        - CMD
        - bash
        - -c
        - |-
          exec 3<>/dev/tcp/127.0.0.1/8501 &&
          printf 'GET /v1/models/{name} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 &&
          grep -q '"AVAILABLE"' <&3
      interval: 10s
      timeout: 5s
      retries: 3
      start_period: 120s
    restart: unless-stopped
  prometheus:
    profiles: [monitoring]
    image: prom/prometheus:latest
    ports:
      - 127.0.0.1:9090:9090
    volumes:
      - ./prometheus.yml:/etc/prometheus/prometheus.yml:ro
    restart: unless-stopped
"""

GPU = """\
# With docker-compose.yaml before it: TF Serving on an NVIDIA GPU, with batching.
services:
  serving:
    image: ${{TF_SERVING_IMAGE:-tensorflow/serving:latest-gpu}}
    command: # in place of the other file's
{flags}
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              count: 1
              capabilities: [gpu]
"""

FLAGS = [
    "--model_config_file=/serving/models.config",
    "--model_config_file_poll_wait_seconds=30",
    "--allow_version_labels_for_unavailable_models=true",  # labels are there before the versions, when it starts
    "--monitoring_config_file=/serving/monitoring.config",
]
BATCHING_FLAGS = ["--enable_batching", "--batching_parameters_file=/serving/batching.config"]


def plan_servable(output, targets, version=None, name=None):
    """The version of an export's servable and its name on a server, before anything is computed.

    Args:
        output: absolute path of the export's folder.
        targets: of the export.
        version: that is asked for; None: the next after those that are there.
        name: that is asked for; None: that of the versions that are there.
    Returns:
        dictionary: `version`; `name`, None where there is none yet. None where no servable is exported.
    Raises:
        RequestError: of a version that is there already, of a name that no server could have, of a models.config that
            cannot be read.
    """
    if list(targets) != ["all"] and SERVABLE not in targets:
        for flag, value in (("version", version), ("name", name)):
            if value is not None:
                raise RequestError(
                    f"--{flag}={value} is of a SavedModel, and --targets={','.join(targets)} makes none; leave it out, "
                    f"or add {SERVABLE} to the targets."
                )
        return None
    if name is not None and not re.fullmatch(NAME, name):
        raise RequestError(
            f"--name={name!r} is no name for a model on a server; give letters, digits, '_' and '-', at first a letter "
            "or a digit."
        )
    there = versions(output)
    following = max(there, default=0) + 1
    if version in there:
        raise RequestError(
            f"--version={version}: {os.path.join(output, SERVABLE, str(version))} is there already; leave --version "
            f"out for {following}, or remove that folder."
        )
    version = following if version is None else version
    if not 1 <= version <= LARGEST:
        raise RequestError(f"--version={version} is none that TF Serving reads; give one between 1 and 2**63 - 1.")
    earlier, _ = read_models_config(output)
    if name and earlier and name != earlier:
        say(
            f"the model is called {name} on a server; clients that ask for {earlier}, its name so far, will not find it"
        )
    return {"version": version, "name": name or earlier}


def versions(output):
    """The versions of a servable that an export's folder has: numbers, the largest first."""
    folder = os.path.join(output, SERVABLE)
    if not os.path.lexists(folder):
        return []
    with machine_errors(folder, "reading"):
        return list(map(int, numbered(folder)))


def read_models_config(output):
    """What an earlier export's models.config, or whoever edited it, says.

    Returns:
        the model's name and its labels, a dictionary to versions; (None, {}) where there is no such file.
    """
    path = os.path.join(output, MODELS_CONFIG)
    if not os.path.isfile(path):
        return None, {}
    try:
        from google.protobuf import text_format
        from tensorflow_serving.config import model_server_config_pb2
    except ImportError as error:
        raise RequestError(
            f"{path}: to read it needs tensorflow-serving-api; pip install 'ecgan_tf[export]'."
        ) from error
    try:
        with machine_errors(path, "reading"), open(path, encoding="utf-8") as file:
            config = text_format.Parse(file.read(), model_server_config_pb2.ModelServerConfig())
        (model,) = config.model_config_list.config
        if not re.fullmatch(NAME, model.name):
            raise ValueError(f"name {model.name!r}")
    except (text_format.ParseError, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(
            f"{path} is no list of one model, as an export leaves it and writes it anew ({error}); repair it, or move "
            "it elsewhere."
        ) from error
    return model.name, dict(sorted(model.version_labels.items()))


def write_serving_files(folder, name, version):
    """Writes serving/: models.config, batching.config, monitoring.config, two compose files, prometheus.yml.

    Args:
        folder: the export's, which holds saved_model/.
        name: of the model on the server; letters, digits, "_" and "-".
        version: that was exported, which the label canary then means.
    """
    import tensorflow as tf

    if not re.fullmatch(NAME, name):
        raise ValueError(f"{name!r} is no name for a model on a server")
    labels = _labels(folder, version)
    lines = [f"    version_labels {{ key: {json.dumps(label)} value: {number} }}" for label, number in labels.items()]
    flags, more_flags = (_yaml_list(words) for words in (FLAGS, FLAGS + BATCHING_FLAGS))
    contents = {
        "models.config": MODELS.format(name=name, labels="\n".join(lines)),
        "batching.config": BATCHING,
        "monitoring.config": MONITORING,
        "docker-compose.yaml": COMPOSE.format(name=name, tensorflow=tf.__version__, flags=flags, metrics=METRICS),
        "docker-compose.gpu.yaml": GPU.format(flags=more_flags),
        "prometheus.yml": PROMETHEUS.format(metrics=METRICS),
    }
    for file, content in contents.items():
        write_text(os.path.join(folder, "serving", file), content)
    of_labels = ", ".join(f"{label} is {number}" for label, number in labels.items())
    say(f"version {version} of {name}, for TF Serving; {of_labels} ({os.path.join(folder, MODELS_CONFIG)})")


def _labels(folder, version):
    """Which version each label means: as before, where it is there; canary the new one, and stable at first another."""
    there = versions(folder)
    _, labels = read_models_config(folder)
    kept = {label: number for label, number in labels.items() if number in there}
    gone = [f"{label} ({number})" for label, number in labels.items() if number not in there]
    if gone:
        say(f"models.config: the versions of {', '.join(gone)} are gone")
    others = [number for number in there if number != version]
    return {STABLE: max(others, default=version), **kept, CANARY: version}


def _yaml_list(words):
    return "\n".join(f"      - {word}" for word in words)
