"""Kills training runs at random moments and resumes them: the results must equal those of an unkilled run.

    python benchmarks/training_kills.py --kills 100

Every other kill comes while a checkpoint is being written. Each run has 60 steps, with a checkpoint every 2
steps and an evaluation every 5; when one ends, the next begins. The weights must be equal bit for bit, and so
must the log, except for the speed.
"""

import json
import multiprocessing
import random
import tempfile
import time
from pathlib import Path

import keras
import killing
import numpy as np
import tensorflow as tf

from latentzoo.trainers import train
from latentzoo.zoo import weights_file
from latentzoo.zoo.flows import Glow, RealNVP
from latentzoo.zoo.vaes import VAE

STEPS, CHECKPOINT_EVERY, EVALUATE_EVERY = 60, 2, 5

RNG = np.random.default_rng(0)
POINTS = RNG.normal(size=[64, 2]).astype(np.float32)
IMAGES = RNG.integers(0, 256, [64, 8, 8, 1], np.uint8)

MODELS = {
    "realnvp": (lambda: RealNVP(event_shape=(2,), depth=2, width=8), POINTS),
    "glow": (lambda: Glow(image_shape=(8, 8, 1), levels=1, depth=2, width=8), IMAGES),
    "vae": (lambda: VAE(image_shape=(8, 8, 1), latent_dim=2, width=8, levels=1), IMAGES),
}


class Report(keras.callbacks.Callback):
    """Shares the number of the last step with the parent process."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.step.value = self.model.steps


def run(name: str, workdir: Path, step) -> None:
    """Trains in the current process; `step` is shared with the parent."""
    tf.config.experimental.enable_op_determinism()
    make, data = MODELS[name]
    train(
        make(), data, workdir=workdir, steps=STEPS, batch_size=8, checkpoint_every=CHECKPOINT_EVERY,
        evaluate_every=EVALUATE_EVERY, eval_dataset=data[:16], callbacks=[Report(step)], verbose=0,
    )  # fmt: skip


def kill(name: str, kills: int, rng: random.Random) -> tuple[int, int, int]:
    """Returns how many runs finished, how many of them with wrong results, and how many left files behind."""
    # TensorFlow may start only in the children, since a fork does not copy its threads.
    context = multiprocessing.get_context("fork")
    step = context.Value("q", 0)
    ended = wrong = left = killed = 0
    with tempfile.TemporaryDirectory() as temporary:
        whole, workdir = Path(temporary) / "whole", Path(temporary) / "killed"
        _wait(context.Process(target=run, args=(name, whole, step)))
        while killed < kills or workdir.exists():
            child = context.Process(target=run, args=(name, workdir, step))
            step.value = 0
            child.start()
            if killed < kills:
                _wait_for_a_moment(child, step, workdir, rng, in_checkpoint=killed % 2 == 1)
                if child.is_alive():
                    child.kill()
                    killed += 1
            child.join()
            if (workdir / "preset").exists():
                ended += 1
                wrong += child.exitcode != 0 or not _is_same(whole, workdir)
                left += bool([path for path in workdir.rglob("*") if "_temp" in path.name])
                workdir.rename(Path(temporary) / f"ended-{ended}")
    return ended, wrong, left


def _wait(process):
    process.start()
    process.join()


def _wait_for_a_moment(child, step, workdir, rng, in_checkpoint):
    while child.is_alive() and not step.value:
        time.sleep(0.001)
    last = step.value + rng.randint(0, 15)
    while child.is_alive() and step.value < last:
        time.sleep(0.0005)
    time.sleep(rng.uniform(0, 0.02))
    while in_checkpoint and child.is_alive() and not list((workdir / "checkpoints").glob("*_temp")):
        time.sleep(1e-5)


def _is_same(whole, workdir):
    def log(folder):
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        return [{name: value for name, value in row.items() if "per_second" not in name} for row in rows]

    weights = [weights_file.read((folder / "preset" / "model.weights.h5").read_bytes())
               for folder in (whole, workdir)]  # fmt: skip
    same = all(np.array_equal(weights[0][key], weights[1][key]) for key in weights[0])
    return same and weights[0].keys() == weights[1].keys() and log(whole) == log(workdir)


def main() -> None:
    columns = {"runs finished": False, "wrong results": True, "leftovers": True}
    killing.run("Kill training runs and compare the resumed results.", "model", MODELS, columns, kill)


if __name__ == "__main__":
    main()
