"""TF Serving's configuration files: models, batching, monitoring, and a Compose file to start the server."""

import json
import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from ..zoo import folders
from ..zoo.locks import locked
from .versions import versions

# The server pads batches to the next of these sizes. They are close together: on a CPU, padding rows cost
# as much as real ones.
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)

MODELS = "models.config"
BATCHING = "batching_parameters.txt"
MONITORING = "monitoring.config"
COMPOSE = "compose.yaml"

# Where the server's container mounts the folder of models.
MOUNT = "/models"


def write_server_files(folder: str | os.PathLike, batch_sizes: Sequence[int] = BATCH_SIZES) -> None:
    """Writes the server's files into a folder of exported models, `<folder>/<model>/<version>/`.

    Each call rewrites `models.config` with all models in the folder. The other files are yours to tune:
    existing ones are not changed.

    Args:
      folder: the folder of the models.
      batch_sizes: the sizes to which the server pads batches, increasing.

    Raises:
      OSError: the folder cannot be written.
    """
    folder = Path(folder)
    with locked(folder):  # another export could add a model between the two lines
        models = {path.name: versions(path) for path in sorted(folder.iterdir()) if path.is_dir()}
        _write(folder / MODELS, models_config({name: found for name, found in models.items() if found}))
    for name, text in [
        (BATCHING, batching_parameters(batch_sizes)),
        (MONITORING, MONITORING_CONFIG),
        (COMPOSE, compose_file()),
    ]:
        if not (folder / name).exists():
            _write(folder / name, text)


def models_config(models: dict[str, list[int]]) -> str:
    """Returns a `ModelServerConfig` in text format, which the server rereads every minute.

    The server serves the two newest versions of each model, under the labels `newest` and `previous`: a
    client that asks for a label can go back to the previous version without a change to the server.

    Args:
      models: the versions of each model, increasing.
    """
    configs = "".join(_model_config(name, versions[-2:]) for name, versions in models.items())
    return (
        "# `latentzoo export` rewrites this file with the models it finds.\n"
        f"model_config_list {{\n{configs}}}\n"
    )


def _model_config(name, served):
    labels = zip(("newest", "previous"), reversed(served), strict=False)
    return (
        "  config {\n"
        f"    name: {json.dumps(name)}\n"
        f"    base_path: {json.dumps(f'{MOUNT}/{name}')}\n"
        '    model_platform: "tensorflow"\n'
        "    model_version_policy { latest { num_versions: 2 } }\n"
        + "".join(f'    version_labels {{ key: "{label}" value: {version} }}\n' for label, version in labels)
        + "  }\n"
    )


def batching_parameters(batch_sizes: Sequence[int]) -> str:
    """Returns `BatchingParameters` in text format.

    Raises:
      ValueError: the sizes are not increasing positive integers.
    """
    sizes = list(batch_sizes)
    if not sizes or sizes[0] < 1 or any(a >= b for a, b in zip(sizes, sizes[1:], strict=False)):
        raise ValueError(f"batch_sizes is {sizes}, expected increasing positive integers.")
    return (
        "# A batch is padded to the next allowed size. The models' warm-up requests have these sizes.\n"
        + "".join(f"allowed_batch_sizes: {size}\n" for size in sizes)
        + f"max_batch_size {{ value: {sizes[-1]} }}\n"
        "# How long the first request of a batch waits for others.\n"
        "batch_timeout_micros { value: 2000 }\n"
        "max_enqueued_batches { value: 1000 }\n"
    )


MONITORING_CONFIG = """\
# Prometheus scrapes the metrics at port 8501.
prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }
"""


def compose_file() -> str:
    """Returns a Docker Compose file that serves its own folder with the official server image."""
    return f"""\
# `docker compose up` in this folder: gRPC at port 8500, REST at 8501.
services:
  serving:
    # TensorFlow {metadata.version("tensorflow")} wrote the models: use a server that is at least as new.
    image: tensorflow/serving:latest
    ports: ["8500:8500", "8501:8501"]
    volumes: ["./:{MOUNT}:ro"]
    command:
      - --model_config_file={MOUNT}/{MODELS}
      - --model_config_file_poll_wait_seconds=60
      - --allow_version_labels_for_unavailable_models=true
      - --enable_batching=true
      - --batching_parameters_file={MOUNT}/{BATCHING}
      - --monitoring_config_file={MOUNT}/{MONITORING}
"""


def _write(path, text):
    folders.write(path, text.encode())
