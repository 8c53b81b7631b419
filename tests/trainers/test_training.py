import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.data.draws import drawn_numbers
from latentzoo.trainers import recipes, train
from latentzoo.zoo.flows import Glow, RealNVP

FAST = {"batch_size": 8, "learning_rate": 0.05, "schedule": "constant", "verbose": 0}


def log(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def assert_same_weights(a, b, **tolerance):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, **(tolerance or {"rtol": 0, "atol": 0}))


def test_training_reaches_the_optimum(pixel_flow, images, tmp_path):
    model = train(
        pixel_flow(), images, workdir=tmp_path, steps=400, ema=0, clip_norm=0,
        **{**FAST, "schedule": "cosine", "batch_size": 64},
    )  # fmt: skip
    flat = images.reshape(64, -1)
    np.testing.assert_allclose(model.shift.numpy(), flat.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(np.exp(-model.log_scale.numpy()), flat.std(axis=0), rtol=1e-2)


def test_the_preset_loads_and_scores_the_same(pixel_flow, images, tmp_path):
    metadata = {"name": "pixels", "dataset": "made up"}
    model = train(pixel_flow(), images, workdir=tmp_path, steps=3, metadata=metadata, **FAST)
    loaded = zoo.load(tmp_path / "preset")
    np.testing.assert_array_equal(loaded.log_prob(images), model.log_prob(images))
    written = json.loads((tmp_path / "preset" / "metadata.json").read_text())
    assert written["dataset"] == "made up"
    assert written["recipe"]["train"]["steps"] == 3 and written["recipe"]["train"]["learning_rate"] == 0.05
    recipe = recipes.read(tmp_path / "preset" / "recipe.json")
    assert recipe == written["recipe"] and recipe["dataset"] == "made up"
    record = json.loads((tmp_path / "train.json").read_text())
    assert recipe.items() <= record.items()
    assert recipes.build_model(recipe).get_config() == model.get_config()


def test_lines_and_grids(pixel_flow, images, tmp_path):
    train(
        pixel_flow(), images, workdir=tmp_path, steps=7, checkpoint_every=3, ema=0.5,
        eval_dataset=images, eval_examples=40, **{**FAST, "schedule": "cosine"},
    )  # fmt: skip
    lines = log(tmp_path)
    assert [line["step"] for line in lines] == [3, 6, 7]
    final = zoo.load(tmp_path / "preset")
    scores = final.bits_per_dim(images[drawn_numbers(64, 40, seed=0)]).numpy().astype(np.float64)
    assert lines[-1]["num_examples"] == 40
    np.testing.assert_allclose(lines[-1]["bits_per_dim"], scores.mean(), rtol=1e-6)
    error = scores.std(ddof=1) / np.sqrt(40)
    np.testing.assert_allclose(lines[-1]["standard_error"], error, rtol=1e-5)
    np.testing.assert_allclose(lines[-1]["learning_rate"], 0.02 * 0.05, rtol=1e-5)
    assert lines[-1]["loss"] < lines[0]["loss"]
    grids = sorted(path.name for path in (tmp_path / "grids").iterdir())
    assert grids == ["00000003.png", "00000006.png", "00000007.png"]
    tags = set()
    for path in (tmp_path / "tensorboard").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            tags |= {(value.tag, event.step) for value in event.summary.value}
    assert {("bits_per_dim", 6), ("loss", 3), ("learning_rate", 7), ("samples", 7)} <= tags


def test_averages_equal_those_by_hand(pixel_flow, images, tmp_path):
    decay, model, raw = 0.8, pixel_flow(), []

    def keep(batch, logs):
        raw.append([variable.numpy() for variable in model.trainable_variables])

    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=keep)]
    train(model, images, workdir=tmp_path, steps=5, ema=decay, callbacks=callbacks, **FAST)
    average = raw[0]
    for weights in raw[1:]:
        average = [decay * a + (1 - decay) * w for a, w in zip(average, weights, strict=True)]
    assert len(raw) == 5 and np.abs(raw[0][0] - raw[4][0]).max() > 0.01  # the average is another
    for variable, value in zip(model.trainable_variables, average, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-5, atol=1e-7)


def test_resumed_equals_uninterrupted(pixel_flow, images, tmp_path):
    settings = {**FAST, "warmup_steps": 2, "checkpoint_every": 3}
    pixels = (images * 255).astype(np.uint8)  # with dequantisation noise
    whole = train(pixel_flow(), pixels, workdir=tmp_path / "whole", steps=9, **settings)
    for first in (3, 4):
        workdir = tmp_path / f"first {first}"
        for steps in (first, 9):
            resumed = train(pixel_flow(), pixels, workdir=workdir, steps=steps, **settings)
        assert_same_weights(resumed, whole)
    again = train(pixel_flow(), pixels, workdir=workdir, steps=9, **settings)
    assert_same_weights(again, whole)


def test_two_replicas_equal_one(pixel_flow, images, tmp_path):
    one, two = (
        train(
            pixel_flow(seed=n), images, workdir=tmp_path / str(n), steps=20, replicas=n,
            clip_norm=0.01, warmup_steps=2, eval_dataset=images, ema=0.9, **FAST,
        )
        for n in (1, 2)
    )  # fmt: skip
    assert_same_weights(one, two, rtol=1e-5, atol=1e-7)
    a, b = log(tmp_path / "1")[-1], log(tmp_path / "2")[-1]
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-5)
    np.testing.assert_allclose(a["bits_per_dim"], b["bits_per_dim"], rtol=1e-5)


def test_micro_batches_equal_the_whole_batch(pixel_flow, images, tmp_path):
    whole = train(pixel_flow(), images, workdir=tmp_path / "whole", steps=5, **FAST)
    parts = train(pixel_flow(), images, workdir=tmp_path / "parts", steps=5, parallel_micro_batches=3, **FAST)
    assert_same_weights(parts, whole, rtol=1e-5, atol=1e-6)


def test_accumulated_gradients_of_glow_equal_those_of_the_batch(images, tmp_path):
    """Without clipping. Replicas alone: test_multi_worker.py."""
    models = {}
    for replicas, micro_batches in ((1, 1), (1, 4), (2, 2)):
        model = Glow(image_shape=(4, 4, 1), levels=1, depth=2, width=4)
        workdir = tmp_path / f"{replicas}-{micro_batches}"
        settings = {**FAST, "learning_rate": 0.002, "batch_size": 16, "ema": 0, "clip_norm": 0}
        settings |= {"replicas": replicas, "micro_batches": micro_batches, "workdir": workdir}
        models[replicas, micro_batches] = train(model, images, steps=10, **settings)
        assert log(workdir)[-1]["loss"] == pytest.approx(log(tmp_path / "1-1")[-1]["loss"], rel=1e-5)
        assert_same_weights(models[1, 1], model, rtol=1e-5, atol=1e-6)


def test_two_replicas_resume(pixel_flow, images, tmp_path):
    settings = {**FAST, "replicas": 2, "warmup_steps": 2}
    whole = train(pixel_flow(), images, workdir=tmp_path / "whole", steps=6, **settings)
    train(pixel_flow(), images, workdir=tmp_path / "parts", steps=4, **settings)
    resumed = train(pixel_flow(), images, workdir=tmp_path / "parts", steps=6, **settings)
    assert_same_weights(resumed, whole, rtol=1e-6, atol=1e-7)


def test_a_model_built_under_a_strategy_is_trained_in_place(pixel_flow, images, tmp_path, mirrored_strategy):
    with mirrored_strategy.scope():
        model = pixel_flow()
    single = train(pixel_flow(), images, workdir=tmp_path / "1", steps=4, **FAST)
    assert train(model, images, workdir=tmp_path / "2", steps=4, **FAST) is model
    assert_same_weights(model, single, rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match="^replicas: got 1, expected 2"):
        train(model, images, workdir=tmp_path / "3", steps=4, replicas=1, **FAST)


def test_frozen_weights_stay(pixel_flow, images, tmp_path):
    model = pixel_flow()
    model.initialize(images)
    model.shift.trainable = False
    before = model.shift.numpy()
    train(model, images, workdir=tmp_path, steps=3, **FAST)
    np.testing.assert_array_equal(model.shift.numpy(), before)
    assert (model.log_scale.numpy() != 0).all()


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_conditional_model_gets_the_labels(pixel_flow, images, tmp_path, replicas):
    class Recorder(pixel_flow):
        seen = []

        def bijector(self, labels=None):
            self.seen.append(labels.dtype)
            return super().bijector(labels)

    model = Recorder(num_classes=3)
    pairs = (images, np.arange(64) % 3)
    train(model, pairs, workdir=tmp_path, steps=2, eval_dataset=pairs, replicas=replicas, **FAST)
    assert Recorder.seen and (tmp_path / "grids" / "00000002.png").exists()
    with pytest.raises(ValueError, match="^dataset: got examples without labels"):
        train(model, images, workdir=tmp_path, steps=2, **FAST)


def test_epochs_are_passes_over_the_data(pixel_flow, images, tmp_path):
    train(pixel_flow(), images, workdir=tmp_path, epochs=1.5, **FAST)
    assert log(tmp_path)[-1]["step"] == 12


STOPPED = """
import runpy
import sys
import numpy as np
from latentzoo.trainers import recipes, train
model = runpy.run_path(sys.argv[1])["PixelFlow"]()
train(model, np.load(sys.argv[2]), workdir=sys.argv[3], steps=10**6, batch_size=8,
      learning_rate=0.05, schedule="constant", warmup_steps=0, checkpoint_every=5, verbose=0)
"""


def test_training_resumes_after_sigterm(pixel_flow, images, tmp_path):
    def last_checkpoint():
        latest = tf.train.latest_checkpoint(tmp_path / "stopped" / "checkpoints")
        return int(latest.rsplit("-", 1)[1]) if latest else 0

    pixels = (images * 255).astype(np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    conftest = Path(__file__).parents[1] / "conftest.py"
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, conftest, tmp_path / "pixels.npy", tmp_path / "stopped"]
    )
    deadline = time.monotonic() + 120
    while last_checkpoint() < 15 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)  # SIGKILL: test_resume.py
    # A request: it checkpoints and leaves with 0, in 10 seconds at most.
    assert process.wait(timeout=10) == 0
    done = last_checkpoint()
    assert done >= 15
    last = 5 * (done // 5) + 10
    settings = {**FAST, "warmup_steps": 0, "checkpoint_every": 5, "steps": last}
    resumed = train(pixel_flow(), pixels, workdir=tmp_path / "stopped", **settings)
    whole = train(pixel_flow(), pixels, workdir=tmp_path / "whole", **settings)
    assert_same_weights(resumed, whole)
    logged = [line["step"] for line in log(tmp_path / "stopped")]
    assert logged == list(range(5, last + 1, 5))


def damage(checkpoint):
    """Cuts the file of a checkpoint's numbers in half."""
    data = Path(f"{checkpoint}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])


def test_a_damaged_checkpoint_is_named_and_the_one_before_used(pixel_flow, images, tmp_path):
    settings = {**FAST, "checkpoint_every": 5}
    train(pixel_flow(), images, workdir=tmp_path / "damaged", steps=10, **settings)
    damage(tmp_path / "damaged" / "checkpoints" / "ckpt-10")
    with pytest.warns(UserWarning, match=r"ckpt-10 is damaged, using the one before it"):
        resumed = train(pixel_flow(), images, workdir=tmp_path / "damaged", steps=15, **settings)
    whole = train(pixel_flow(), images, workdir=tmp_path / "whole", steps=15, **settings)
    assert_same_weights(resumed, whole)
    assert [line["step"] for line in log(tmp_path / "damaged")] == [5, 10, 15]


def test_damaged_checkpoints_alone_are_an_error(pixel_flow, images, tmp_path):
    train(pixel_flow(), images, workdir=tmp_path, steps=5, **FAST)
    damage(tmp_path / "checkpoints" / "ckpt-5")
    with (
        pytest.warns(UserWarning, match="ckpt-5 is damaged"),
        pytest.raises(ValueError, match="all checkpoints in .* are damaged, expected an intact one."),
    ):
        train(pixel_flow(), images, workdir=tmp_path, steps=10, **FAST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps: got 0, expected at least 1."),
        ({"steps": None}, "steps: got steps=None and epochs=None, expected exactly one."),
        ({"epochs": 2}, "steps: got steps=5 and epochs=2, expected exactly one."),
        ({"steps": None, "epochs": -1}, "epochs: got -1, expected more than 0."),
        ({"batch_size": 65}, "batch_size: got 65, expected 1 to 64, the size of the dataset."),
        ({"batch_size": 0}, "batch_size: got 0, expected at least 1."),
        ({"learning_rate": -1.0}, "learning_rate: got -1.0, expected more than 0."),
        ({"clip_norm": -1.0}, "clip_norm: got -1.0, expected at least 0."),
        ({"checkpoint_every": 0}, "checkpoint_every: got 0, expected steps, at least 1, or minutes"),
        ({"checkpoint_every": "0min"}, "checkpoint_every: got '0min', expected steps, at least 1, or"),
        ({"evaluate_every": -1}, "evaluate_every: got -1, expected at least 1."),
        ({"keep_checkpoints": 0}, "keep_checkpoints: got 0, expected at least 1."),
        ({"on_nan": "ignore"}, "on_nan: got 'ignore', expected 'stop' or 'skip'."),
        ({"micro_batches": 3}, "micro_batches: got 3, expected a divisor of the 8 images"),
        ({"strategy": "tpu"}, "strategy: got 'tpu', expected one of one, mirrored, multi_worker."),
        ({"strategy": "one", "replicas": 2}, "replicas: got 2 with strategy 'one', expected strategy"),
        ({"strategy": "multi_worker"}, "strategy: got 'multi_worker' without a cluster in the"),
        ({"warmup_steps": -1}, "warmup_steps: got -1, expected at least 0."),
        ({"ema": 1.0}, "ema: got 1.0, expected a decay below 1, or 0 for none."),
        ({"eval_examples": 0}, "eval_examples: got 0, expected at least 1."),
        ({"schedule": "step"}, "schedule: got 'step', expected 'cosine' or 'constant'."),
        ({"optimizer": "adan"}, "optimizer: got 'adan', expected the name of a Keras optimizer"),
        ({"replicas": 0}, "replicas: got 0, expected at least 1."),
        ({"replicas": 2, "batch_size": 5}, "batch_size: got 5, expected a multiple of the 2"),
        ({"replicas": 3}, "replicas: got 3, but TensorFlow has already started"),
    ],
)
def test_bad_arguments_touch_nothing(pixel_flow, images, tmp_path, change, message):
    with pytest.raises(ValueError) as error:
        train(pixel_flow(), images, workdir=tmp_path / "run", **{"steps": 5, **FAST, **change})
    assert str(error.value).startswith(message)
    assert not (tmp_path / "run").exists()


def test_bad_datasets(pixel_flow, images, tmp_path):
    def run(dataset):
        train(pixel_flow(), dataset, workdir=tmp_path, steps=5, **FAST)

    with pytest.raises(ValueError, match="^dataset: got no examples, expected at least one.$"):
        run(images[:0])
    with pytest.raises(ValueError, match="^dataset: got no examples, expected at least one.$"):
        run(tf.data.Dataset.from_tensor_slices(images).take(0))
    with pytest.raises(ValueError, match="^dataset: got an infinite dataset"):
        run(tf.data.Dataset.from_tensor_slices(images).repeat())
    with pytest.raises(ValueError, match=r"^dataset: got examples of shape \(4, 2, 1\), expected"):
        run(images[:, :, :2])


def test_workdir_of_another_training(pixel_flow, images, tmp_path):
    train(pixel_flow(), images, workdir=tmp_path, steps=2, **FAST)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for model, change, message in (
        (pixel_flow(width=2), {"batch_size": 4}, "whose width is 1, not 2;"),
        (pixel_flow(), {"batch_size": 4, "seed": 3}, "whose batch_size is 8, not 4;"),
        (pixel_flow(), {"optimizer": "adamax"}, "whose optimizer is adam, not adamax;"),
        (pixel_flow(), {"metadata": {"dataset": "b"}}, "whose dataset is None, not b;"),
    ):
        with pytest.raises(ValueError, match=f"^workdir: .* holds another training, {message}"):
            train(model, images, workdir=tmp_path, steps=4, **{**FAST, **change})
    with pytest.raises(ValueError, match="whose examples is 64, not 63;"):
        train(pixel_flow(), images[1:], workdir=tmp_path, steps=4, **FAST)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def spiky(pixel_flow, *bad_steps):
    """A flow whose loss is NaN at steps counted from 0."""

    class Spiky(pixel_flow):
        def _loss(self, *args):
            bad = tf.reduce_any(tf.equal(self.optimizer.iterations.value, bad_steps))
            return super()._loss(*args) * tf.where(bad, np.nan, 1.0)

    return Spiky()


def test_a_gradient_not_finite_stops(pixel_flow, images, tmp_path):
    message = (
        "^learning_rate: at step 6 the gradient of .*shift is not finite, expected a finite one;"
        " the last good checkpoint is .*ckpt-4;"
    )
    with pytest.raises(ValueError, match=message):
        train(spiky(pixel_flow, 5), images, workdir=tmp_path, steps=8, checkpoint_every=2, **FAST)
    assert Path(tf.train.latest_checkpoint(tmp_path / "checkpoints")).name == "ckpt-4"


def test_a_gradient_not_finite_is_skipped(pixel_flow, images, tmp_path):
    settings = {**FAST, "steps": 12, "checkpoint_every": 4, "on_nan": "skip", "ema": 0}
    model = train(spiky(pixel_flow, 2, 3, 7), images, workdir=tmp_path, **settings)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert [line.get("skipped") for line in log(tmp_path)] == [2, 3, 3]
    with pytest.raises(ValueError, match=r"at step 12 .* not finite \(10 steps in a row\)"):
        train(spiky(pixel_flow, *range(2, 20)), images, workdir=tmp_path / "more", **settings)


def test_micro_batches_draw_different_noise(pixel_flow, images, tmp_path):
    class Recorder(pixel_flow):
        def _training_noise(self, events):
            noise = super()._training_noise(events)
            tf.py_function(lambda x: seen.append(x.numpy()), [noise], [])
            return noise

    seen = []
    pixels = (images * 255).astype(np.uint8)
    train(Recorder(), pixels, workdir=tmp_path, steps=3, micro_batches=2, **FAST)
    assert len(seen) == 6 and len({noise.tobytes() for noise in seen}) == 6


def test_batch_normalization_cannot_be_accumulated(images, tmp_path):
    model = RealNVP(image_shape=(4, 4, 1), levels=1, width=4, blocks=1)
    with pytest.raises(ValueError, match="is 2, expected 1: .* normalizes by its whole batch.$"):
        train(model, images, workdir=tmp_path, steps=2, micro_batches=2, **FAST)


def test_histograms_of_log_determinants(images, tmp_path):
    model = Glow(image_shape=(4, 4, 1), levels=2, depth=1, width=4)
    train(model, images, workdir=tmp_path, steps=2, **FAST)
    tags = {
        value.tag
        for path in (tmp_path / "tensorboard").iterdir()
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    }
    assert {"log_det/level_0", "log_det/level_1"} <= tags


def test_the_progress_bar_shows_bits_and_speed(pixel_flow, images, tmp_path, capsys):
    train(pixel_flow(), images, workdir=tmp_path, steps=4, eval_dataset=images, **{**FAST, "verbose": 2})
    printed = capsys.readouterr().err
    assert "bits_per_dim: " in printed and "images_per_second: " in printed
    assert "eval_bits_per_dim: " in printed and "loss" not in printed
