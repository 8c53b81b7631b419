"""Measures the cost of distribution and checkpoints: two replicas against one, and the time of a save.

    python benchmarks/training.py               # about 15 minutes
    python benchmarks/training.py --quick       # tiny sizes, to check that everything runs
    python benchmarks/training.py --json out.json

Replicas: Glow (L=2, K=8) on images of Fashion-MNIST's shape through `trainers.train`, with the same global
batch and the same threads: one replica, and two logical CPUs with half of the threads each. For comparison, a
minimal case in plain TensorFlow: a dense network in a loop of `strategy.run`, without Keras and our code. The
processes alternate; results are of the median step over all rounds.

Checkpoints: a training run; the extra time of a step with a checkpoint, relative to 100 median steps.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from reports import machine, markdown_table, usable_processors

# The processes of a round: (name, measure, replicas).
TURNS = [
    ("one replica", "glow", 1),
    ("two replicas", "glow", 2),
    ("TensorFlow alone, one replica", "tensorflow", 1),
    ("TensorFlow alone, two replicas", "tensorflow", 2),
]


def glow_seconds(config: dict, replicas: int) -> list[float]:
    """Seconds of each step except the first, including a checkpoint after it."""
    import keras
    import numpy as np

    from latentzoo.trainers import strategies, train
    from latentzoo.zoo.flows import Glow

    strategies.choose("mirrored", replicas)  # splits the CPU before TensorFlow runs any operation

    class Clock(keras.callbacks.Callback):
        times = []

        def on_train_batch_end(self, batch, logs=None):
            self.times.append(time.perf_counter())

    images = np.random.default_rng(0).integers(0, 256, [2048, 28, 28, 1], np.uint8)
    model = Glow(image_shape=(28, 28, 1), levels=2, depth=config["depth"], width=config["width"])
    steps = config["steps"]
    with tempfile.TemporaryDirectory() as workdir:
        train(
            model, images, workdir=workdir, steps=steps, batch_size=config["batch"], replicas=replicas,
            checkpoint_every=config["checkpoint_every"] or steps, evaluate_every=steps, verbose=0,
            callbacks=[Clock()],
        )  # fmt: skip
    return np.diff(Clock.times)[:-1].tolist()  # without the last step, which includes an evaluation


def tensorflow_seconds(config: dict, replicas: int) -> list[float]:
    """The same for a dense network in plain TensorFlow."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.MirroredStrategy(devices) if replicas > 1 else tf.distribute.get_strategy()
    width = 8 * config["width"]
    with strategy.scope():
        weights = [tf.Variable(tf.random.stateless_normal([width, width], [0, k]) / width) for k in range(4)]

    def replica_step(x):
        with tf.GradientTape() as tape:
            h = x
            for weight in weights:
                h = tf.nn.relu(h @ weight)
            loss = tf.reduce_mean(tf.square(h - x)) / replicas
        context = tf.distribute.get_replica_context()
        for weight, grad in zip(
            weights, context.all_reduce("SUM", tape.gradient(loss, weights)), strict=True
        ):
            context.merge_call(
                lambda strategy, weight, grad: strategy.extended.update(
                    weight, lambda w, g: w.assign_sub(0.01 * g), args=(grad,)
                ),
                args=(weight, grad),
            )

    batch = tf.random.stateless_normal([32 * config["batch"] // replicas, width], [0, 9])
    step = tf.function(lambda: strategy.run(replica_step, args=(batch,)), autograph=False)
    times = []
    for _ in range(config["steps"]):
        step()
        times.append(time.perf_counter())
    return [after - before for before, after in zip(times, times[1:], strict=False)]


MEASURES = {"glow": glow_seconds, "tensorflow": tensorflow_seconds}


def in_own_process(what: str, replicas: int, config: dict, threads: int) -> list[float]:
    """Calls a measure in a separate process, with the threads divided among the replicas."""
    settings = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": str(max(1, threads // replicas)),
        "TF_NUM_INTEROP_THREADS": str(threads),
    }
    command = [sys.executable, __file__, "--turn", json.dumps([what, replicas, config])]
    done = subprocess.run(
        command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure_replicas(config: dict, turns: int, threads: int) -> list[dict]:
    """The steps per second of each contender, over several rounds."""
    seconds = {name: [] for name, _, _ in TURNS}
    for _ in range(turns):
        for name, what, replicas in TURNS:
            seconds[name] += in_own_process(what, replicas, config, threads)
    return [
        {
            "contender": name,
            "steps_per_second": 1 / statistics.median(seconds[name]),
            "step_seconds": seconds[name],
        }
        for name, _, _ in TURNS
    ]


def measure_checkpoints(config: dict, threads: int) -> dict:
    """The seconds of the median step and of each checkpoint."""
    every = config["steps"] // 10
    seconds = in_own_process("glow", 1, {**config, "checkpoint_every": every}, threads)
    step = statistics.median(seconds)
    # The first entry is of the second step.
    return {"step": step, "checkpoints": [x - step for x in seconds[every - 2 :: every]]}


def report(replicas: list[dict], checkpoints: dict, config: dict) -> str:
    """The tables as Markdown."""
    lines = []
    for k, row in enumerate(replicas):
        alone = replicas[k - k % 2]
        speed = row["steps_per_second"] * config["batch"]
        ratio = row["steps_per_second"] / alone["steps_per_second"]
        lines.append([row["contender"], f"{speed:.1f}", f"{ratio:.2f}"])
    step, checkpoint = checkpoints["step"], statistics.median(checkpoints["checkpoints"])
    return "\n\n".join(
        [
            markdown_table(["contender", "images/s", "of one replica"], lines),
            f"A checkpoint takes {1000 * checkpoint:.0f} ms, {checkpoint / step:.2f}% of 100 steps.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the cost of distribution and checkpoints.")
    parser.add_argument("--width", type=int, default=128, help="hidden channels")
    parser.add_argument("--depth", type=int, default=8, help="steps per level")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=3, help="rounds of all processes")
    parser.add_argument("--threads", type=int, default=usable_processors())
    parser.add_argument("--json", type=pathlib.Path, help="file for the results")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and one round, not a measurement")
    parser.add_argument("--turn", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.turn:
        what, replicas, config = arguments.turn
        print(json.dumps(MEASURES[what](config, replicas)))
        return
    config = {key: getattr(arguments, key) for key in ("width", "depth", "batch")}
    config |= {"steps": 120, "checkpoint_every": None}
    turns = arguments.turns
    if arguments.quick:
        config |= {"width": 8, "depth": 1, "batch": 4, "steps": 20}
        turns = 1
    print(f"{machine()}, {arguments.threads} threads, batch {config['batch']}.\n")
    replicas = measure_replicas(config, turns, arguments.threads)
    checkpoints = measure_checkpoints(config, arguments.threads)
    print(report(replicas, checkpoints, config))
    if arguments.json:
        results = {"config": config, "replicas": replicas, "checkpoints": checkpoints}
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
