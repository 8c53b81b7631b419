"""Compares an exported model with the model in Keras: images/s and latency of `sample` and `log_prob`.

    python benchmarks/serving.py                # minutes
    python benchmarks/serving.py --quick        # a second each, to check that everything runs
    python benchmarks/serving.py --json out.json

The export runs in a plain TensorFlow session, loaded as TF Serving loads it, from and to NumPy arrays. Keras
runs `model.sample`, and both `model.log_prob` and `model.bits_per_dim`, since the signature `log_prob`
computes both. The export's images are uint8 and Keras's are float32. After a warm-up, calls of the two
alternate, so that a slowdown of the machine affects both. Run it on an otherwise idle machine.
"""

import argparse
import json
import pathlib
import statistics
import tempfile
import time
from collections.abc import Callable

from reports import machine, markdown_table, usable_processors

WARM_UP_CALLS = 3


class Exported:
    """An export in a plain session."""

    def __init__(self, folder: pathlib.Path):
        import tensorflow as tf

        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], str(folder))
        self._signatures = meta_graph.signature_def

    def method(self, signature: str) -> Callable:
        """A function from the signature's named inputs to the arrays of its outputs."""
        definition = self._signatures[signature]
        feeds = [info.name for info in definition.inputs.values()]
        fetches = [info.name for info in definition.outputs.values()]
        call = self._session.make_callable(fetches, feeds)
        return lambda **inputs: call(*(inputs[name] for name in definition.inputs))


def methods(model, exported: Exported, batch: int) -> dict[str, dict[str, Callable[[int], object]]]:
    """For each method, a function of the call's number for the export and one for Keras."""
    import numpy as np

    sample, log_prob = exported.method("sample"), exported.method("log_prob")
    images = np.random.default_rng(0).integers(0, 256, [batch, *model.event_shape], np.uint8)
    rows, ones = np.arange(batch), np.ones(batch, np.float32)

    def draw(k):
        return sample(seed=np.stack([np.full(batch, k), rows], axis=1).astype(np.int32), temperature=ones)

    def score(_):
        return np.asarray(model.log_prob(images)), np.asarray(model.bits_per_dim(images))

    return {
        "sample": {"export": draw, "Keras": lambda k: np.asarray(model.sample(batch, seed=k))},
        "log_prob": {"export": lambda _: log_prob(images=images), "Keras": score},
    }


def measure(calls: dict[str, Callable[[int], object]], batch: int, seconds: float) -> dict[str, dict]:
    """Alternates calls of the contenders for about `seconds`, at least twice each.

    Returns:
      For each, {"images_per_second", "p50_ms", "p99_ms", "calls"}; images/s of the median call.
    """
    for k in range(WARM_UP_CALLS):
        for call in calls.values():
            call(k)
    times = {name: [] for name in calls}
    start, k = time.perf_counter(), 0
    while k < 2 or time.perf_counter() - start < seconds:
        # Swaps the order every time.
        for name in list(calls) if k % 2 else list(calls)[::-1]:
            begin = time.perf_counter()
            calls[name](k)
            times[name].append(time.perf_counter() - begin)
        k += 1
    return {name: summary(found, batch) for name, found in times.items()}


def summary(times: list[float], batch: int) -> dict:
    """Statistics of the calls' seconds."""
    median = statistics.median(times)
    p99 = sorted(times)[min(len(times) - 1, int(0.99 * len(times)))]
    return {
        "images_per_second": batch / median,
        "p50_ms": 1e3 * median,
        "p99_ms": 1e3 * p99,
        "calls": len(times),
    }


def table(rows: list[dict]) -> str:
    """A Markdown table, one line per method and batch size."""
    head = ["method", "batch", "export images/s", "Keras images/s", "export / Keras"]
    head += ["export p50 ms", "export p99 ms", "Keras p50 ms", "Keras p99 ms"]
    lines = []
    for row in rows:
        export, keras = row["export"], row["Keras"]
        speeds = [found["images_per_second"] for found in (export, keras)]
        latencies = [export["p50_ms"], export["p99_ms"], keras["p50_ms"], keras["p99_ms"]]
        lines.append(
            [row["method"], str(row["batch"]), *(f"{speed:.1f}" for speed in speeds)]
            + [f"{speeds[0] / speeds[1]:.2f}", *(f"{latency:.1f}" for latency in latencies)]
        )
    return markdown_table(head, lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare an exported model with the model in Keras.")
    parser.add_argument("--preset", default="glow-fashion-mnist", help="an image preset")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="approximate time per method and batch size"
    )
    parser.add_argument("--json", type=pathlib.Path, help="file for the results")
    parser.add_argument("--quick", action="store_true", help="a second each, not a measurement")
    args = parser.parse_args(arguments)
    seconds = 1.0 if args.quick else args.seconds

    from latentzoo import zoo
    from latentzoo.export.saving import saved_model

    model = zoo.load(args.preset)
    results = {"machine": machine(), "preset": args.preset, "rows": []}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        path = saved_model(model, pathlib.Path(folder) / "model")
        results["export_seconds"] = time.perf_counter() - start
        results["export_bytes"] = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        results["weights_bytes"] = sum(weight.numpy().nbytes for weight in model.weights)
        exported = Exported(path)
        for batch in args.batches:
            for method, calls in methods(model, exported, batch).items():
                measured = measure(calls, batch, seconds)
                results["rows"].append({"method": method, "batch": batch, **measured})
    print(f"{machine()}, {usable_processors()} threads. {args.preset}.\n\n{table(results['rows'])}\n")
    sizes = [results[key] / 1e6 for key in ("export_bytes", "weights_bytes")]
    seconds = results["export_seconds"]
    print(f"Exported in {seconds:.1f} s: {sizes[0]:.1f} MB, of which {sizes[1]:.1f} MB weights.")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
