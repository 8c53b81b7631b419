"""The command, killed at random moments and started again, ends with the weights of one that was not."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.trainers import train

STEPS = 60


def start(data, workdir, *more):
    """The command as a process of its own."""
    arguments = ["train", "glow", "--dataset", data, "--workdir", workdir, "--deterministic"]
    arguments += ["--steps", STEPS, "--batch_size", 8, "--checkpoint_every", 3, "--warmup_steps", 5]
    arguments += ["--eval_examples", 8, "--evaluate_every", 20]
    arguments += ["--set", "levels=1", "--set", "depth=1", "--set", "width=4", *more]
    command = [sys.executable, "-c", "from latentzoo.cli.main import run; run()", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def checkpoints(workdir):
    state = tf.train.get_checkpoint_state(str(workdir / "checkpoints"))
    return [] if state is None else list(state.all_model_checkpoint_paths)


def wait_for_another_checkpoint(process, workdir, after, seconds=120):
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        newest = checkpoints(workdir)[-1:]
        if newest and newest != after:
            return
        time.sleep(0.005)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "images.npz"
    images = np.random.default_rng(0).integers(0, 256, [40, 4, 4, 1]).astype(np.uint8)
    np.savez(path, x_train=images, x_test=images[:8])
    return path


def test_killed_at_random_moments(data, tmp_path):
    whole = start(data, tmp_path / "whole")
    chance = random.Random()  # another moment in every run of the tests: all must do
    kills = []
    for _ in range(3):
        before = checkpoints(tmp_path / "killed")[-1:]
        process = start(data, tmp_path / "killed")
        wait_for_another_checkpoint(process, tmp_path / "killed", before)
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills.append(checkpoints(tmp_path / "killed")[-1:])
    last = start(data, tmp_path / "killed")
    for process in (whole, last):
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors
    expected = zoo.load(tmp_path / "whole" / "preset").get_weights()
    ours = zoo.load(tmp_path / "killed" / "preset").get_weights()
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=f"killed after {kills}")
    # The log has each step once too, and the same values except for the times.
    logs = [(tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "killed")]
    rows = [[json.loads(line) for line in log] for log in logs]
    for row in [*rows[0], *rows[1]]:
        row.pop("images_per_second")
    assert rows[0] == rows[1]


def test_what_a_kill_in_the_middle_of_a_checkpoint_leaves(pixel_flow, images, tmp_path):
    settings = {"batch_size": 8, "verbose": 0, "warmup_steps": 2, "checkpoint_every": 3}
    train(pixel_flow(), images, steps=6, workdir=tmp_path / "whole", **settings)
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    folder = tmp_path / "killed" / "checkpoints"
    (folder / "ckpt-9_temp").mkdir()
    for path in ("ckpt-9_temp/part-00000-of-00001.data-00000-of-00001", "ckpt-9.data-00000-of-00001"):
        (folder / path).write_bytes(b"half a checkpoint")  # no index yet
    whole, killed = (
        train(pixel_flow(), images, steps=12, workdir=tmp_path / run, **settings)
        for run in ("whole", "killed")
    )
    for a, b in zip(killed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not list(folder.glob("*_temp"))


def test_a_full_disk_leaves_the_older_checkpoints(pixel_flow, images, tmp_path):
    settings = {"workdir": tmp_path, "batch_size": 8, "verbose": 0, "warmup_steps": 2, "checkpoint_every": 3}
    settings["evaluate_every"] = 100
    images = np.tile(images, [1, 4, 4, 1])  # weights that need more than the limit

    def run(steps):
        return train(pixel_flow(image_shape=(16, 16, 1)), images, steps=steps, **settings)

    run(3)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow past this: what a full disk does to a checkpoint, without one.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"^workdir: the checkpoint of step 6 cannot be written \(.*ckpt-3"):
            run(9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert int(run(9).optimizer.iterations.numpy()) == 9


def test_a_corrupt_checkpoint_is_noticed(pixel_flow, images, tmp_path):
    settings = {"workdir": tmp_path, "batch_size": 8, "verbose": 0, "warmup_steps": 2, "checkpoint_every": 3}
    train(pixel_flow(), images, steps=6, **settings)
    numbers = tmp_path / "checkpoints" / "ckpt-6.data-00000-of-00001"
    data = bytearray(numbers.read_bytes())
    data[len(data) // 2] ^= 1
    numbers.write_bytes(data)
    with pytest.warns(UserWarning, match="ckpt-6 is damaged, using the one before it"):
        train(pixel_flow(), images, steps=9, **settings)


def test_the_newest_checkpoints_and_the_best_weights_are_kept(pixel_flow, images, tmp_path):
    settings = {"batch_size": 8, "verbose": 0, "warmup_steps": 2, "checkpoint_every": 2, "ema": 0}
    # A rate that destroys what it has learnt: the first evaluation is the best.
    train(
        pixel_flow(), images, workdir=tmp_path, steps=8, keep_checkpoints=3, learning_rate=1.0,
        schedule="constant", eval_dataset=images, **settings,
    )  # fmt: skip
    assert [path.rsplit("-")[-1] for path in checkpoints(tmp_path)] == ["4", "6", "8"]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    values = [line["bits_per_dim"] for line in lines]
    best = zoo.load(tmp_path / "best")
    np.testing.assert_allclose(best.bits_per_dim(images).numpy().mean(), min(values), rtol=1e-6)
    assert min(values) < values[-1]


def test_checkpoints_by_the_minute(pixel_flow, images, tmp_path):
    train(
        pixel_flow(), images, workdir=tmp_path, steps=5, batch_size=8, verbose=0, warmup_steps=0,
        checkpoint_every="0.000001min", keep_checkpoints=9,
    )  # fmt: skip
    assert [path.rsplit("-")[-1] for path in checkpoints(tmp_path)] == ["1", "2", "3", "4", "5"]


SHORT = {"batch_size": 8, "verbose": 0, "warmup_steps": 2, "checkpoint_every": 3}


def assert_same_weights(a, b):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", ["[a]", "a\\b", "what?*"])
def test_a_folder_whose_name_is_a_pattern(pixel_flow, images, tmp_path, name):
    whole = train(pixel_flow(), images, steps=6, workdir=tmp_path / "whole", **SHORT)
    train(pixel_flow(), images, steps=3, workdir=tmp_path / name, **SHORT)
    assert_same_weights(train(pixel_flow(), images, steps=6, workdir=tmp_path / name, **SHORT), whole)


@pytest.mark.parametrize("content", [None, "", 'model_checkpoint_path: "ckpt-99"\n', "model_check"])
def test_the_list_of_checkpoints_is_lost(pixel_flow, images, tmp_path, content):
    train(pixel_flow(), images, steps=6, workdir=tmp_path, **SHORT)
    listed = tmp_path / "checkpoints" / "checkpoint"
    listed.unlink()
    if content is not None:
        listed.write_text(content)
    steps = []
    note = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    model = train(pixel_flow(), images, steps=9, workdir=tmp_path, callbacks=[note], **SHORT)
    assert len(steps) == 3 and model.steps == 9
    assert [path.rsplit("-")[-1] for path in checkpoints(tmp_path)] == ["6", "9"]


class Killed(Exception):
    pass


def test_lost_checkpoints_are_warned_of(pixel_flow, images, tmp_path):
    settings = {"workdir": tmp_path, "batch_size": 8, "steps": 2, "verbose": 0}
    train(pixel_flow(), images, **settings)
    for index in (tmp_path / "checkpoints").glob("*.index"):
        index.unlink()
    with pytest.warns(UserWarning, match="has a log up to step 2 but no complete checkpoint: .* from step 0"):
        train(pixel_flow(), images, **settings)


@pytest.mark.parametrize("replicas", [1, 2])
def test_the_means_of_the_log_are_over_the_same_steps(pixel_flow, images, tmp_path, replicas):
    """Also where a checkpoint lies between two lines, and Keras's epochs begin elsewhere after it."""

    class Kill(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.steps == 7:  # after the checkpoint of step 6
                raise Killed

    settings = {**SHORT, "evaluate_every": 4, "replicas": replicas}
    train(pixel_flow(), images, steps=13, workdir=tmp_path / "whole", **settings)
    with pytest.raises(Killed):
        train(pixel_flow(), images, steps=13, workdir=tmp_path / "killed", callbacks=[Kill()], **settings)
    train(pixel_flow(), images, steps=13, workdir=tmp_path / "killed", **settings)
    rows = [
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("whole", "killed")
    ]
    assert [row["step"] for row in rows[0]] == [4, 8, 12, 13]
    for row in [*rows[0], *rows[1]]:
        row.pop("images_per_second")
    assert rows[1] == rows[0]


def test_a_second_training_in_the_folder_is_refused(pixel_flow, images, tmp_path):
    refused = []

    def second(batch, logs):
        with pytest.raises(ValueError, match=r"^workdir: another process is training in '.*', expected") as e:
            train(pixel_flow(), images, steps=3, workdir=tmp_path, **SHORT)
        refused.append(e)

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=second)
    train(pixel_flow(), images, steps=3, workdir=tmp_path, callbacks=[callback], **SHORT)
    assert len(refused) == 3
    assert train(pixel_flow(), images, steps=4, workdir=tmp_path, **SHORT).steps == 4


def test_a_signal_after_the_last_step_lets_the_training_finish(pixel_flow, images, tmp_path, monkeypatch):
    save = pixel_flow.save_to_preset

    def signalled(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        save(*args)

    monkeypatch.setattr(pixel_flow, "save_to_preset", signalled)
    model = train(pixel_flow(), images, steps=3, workdir=tmp_path, **SHORT)
    assert_same_weights(zoo.load(tmp_path / "preset"), model)
