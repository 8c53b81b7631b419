"""Two worker processes on this machine, by TensorFlow's own runtime."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from latentzoo.trainers import train
from latentzoo.zoo.flows import Glow, RealNVP

SETTINGS = {
    "steps": 20,
    "batch_size": 16,
    "ema": 0.9,
    "warmup_steps": 2,
    "schedule": "constant",
    "verbose": 0,
}
MODELS = {
    "glow": lambda: Glow(image_shape=(4, 4, 1), levels=1, depth=1, width=8),  # has actnorm
    "realnvp": lambda: RealNVP(image_shape=(4, 4, 1), levels=1, depth=1, width=4, blocks=1),  # has batch norm
}

WORKER = """
import json, os, sys
from pathlib import Path

folder, index, addresses = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(",")
task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
os.environ["TF_CONFIG"] = json.dumps(task)
sys.path.insert(0, sys.argv[4])
from latentzoo.trainers import strategies

strategy = strategies.choose("multi_worker")
import keras
import numpy as np
from latentzoo.trainers import train
from test_multi_worker import MODELS, SETTINGS

images = np.load(folder / "images.npy")
for name, make in MODELS.items():
    more = {"workdir": folder / name, "eval_dataset": images, "strategy": "multi_worker"}
    model = train(make(), images, **more, **SETTINGS)
    np.savez(folder / f"{name}-{index}.npz", *model.get_weights())



class NeverBuilt(keras.Sequential):
    def _maybe_symbolic_build(self, *args, **kwargs):
        pass


for kind in (keras.Sequential, NeverBuilt):  # Keras alone
    with strategy.scope():
        plain = kind([keras.Input([16]), keras.layers.Dense(1)])
        plain.compile("sgd", "mse")
    try:
        plain.fit(images.reshape(-1, 16), images[:, 0, 0], batch_size=16, verbose=0)
        failure = "works"
    except Exception as error:
        failure = str(error)[-400:]
    (folder / f"{kind.__name__}-{index}").write_text(failure)

endless = {**SETTINGS, "steps": 10**6, "checkpoint_every": 10**6}
endless["metadata"] = {"name": "endless"}
print("endless", flush=True)
train(MODELS["glow"](), images, workdir=folder / "endless", strategy="multi_worker", **endless)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the two workers left, after SIGTERM to the second; their exit codes in codes.json."""
    folder = tmp_path_factory.mktemp("workers")
    np.save(folder / "images.npy", float_images())
    addresses = ",".join(f"localhost:{port}" for port in free_ports(2))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, folder, str(index), addresses, Path(__file__).parent],
            stdout=subprocess.PIPE,
            stderr=(folder / f"stderr-{index}").open("w"),
        )
        for index in range(2)
    ]
    try:
        workers[1].stdout.readline()
        wait_for(folder / "endless" / "train.json")
        time.sleep(3)  # into its steps, or into its tracing: both stop
        workers[1].send_signal(signal.SIGTERM)
        codes = [worker.wait(timeout=240) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    (folder / "codes.json").write_text(json.dumps(codes))
    return folder


def wait_for(path, seconds=240):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.1)


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def float_images():
    """Float images, for which no noise is drawn."""
    return np.random.default_rng(0).uniform(0.2, 0.8, [64, 4, 4, 1]).astype(np.float32)


def assert_close(ours, theirs):
    """Each weight tensor to a relative difference of 1e-5, by its norm."""
    for a, b in zip(ours, theirs, strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert np.linalg.norm(a - b) <= 1e-5 * np.linalg.norm(b)


@pytest.mark.parametrize("name", MODELS)
def test_one_device_two_replicas_and_two_workers_agree(folder, tmp_path, name):
    def weights(replicas):
        settings = {"workdir": tmp_path / str(replicas), "replicas": replicas, **SETTINGS}
        return train(MODELS[name](), float_images(), **settings).get_weights()

    one, two = weights(1), weights(2)
    assert_close(two, one)
    for index in (0, 1):
        with np.load(folder / f"{name}-{index}.npz") as arrays:
            assert_close(arrays.values(), one)


def test_the_chief_alone_writes(folder):
    for name in MODELS:
        lines = (folder / name / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["step"] for line in lines] == [20]
        assert len(list((folder / name / "tensorboard").iterdir())) == 2  # scalars, pictures


def test_sigterm_to_one_worker_stops_both_at_a_checkpoint(folder):
    assert json.loads((folder / "codes.json").read_text()) == [0, 0]
    assert list((folder / "endless" / "checkpoints").glob("ckpt-*.index"))


@pytest.mark.parametrize(
    ("model", "why", "method"),
    [
        ("Sequential", "unsupported type.*PerReplica", "_maybe_symbolic_build"),
        ("NeverBuilt", "Invalid reduction dimension", "_as_logs"),
    ],
)
def test_keras_alone_still_fails(folder, model, why, method):
    # Else Keras works under MultiWorkerMirroredStrategy, and the method of ZooModel can go.
    assert re.search(why, (folder / f"{model}-0").read_text()), f"ZooModel.{method} is needed no more"
