"""Compares Glow with its peers: speed and memory of training, densities and samples.

    python benchmarks/flows.py                  # minutes; `make bench` installs the peers first
    python benchmarks/flows.py --quick          # tiny sizes, to check that everything runs
    python benchmarks/flows.py --json out.json

Prints Markdown tables. `peers.py` describes what the contenders share and how they differ. Each runs in a
separate process, one at a time. After a warm-up, the contenders alternate, one repeat each, so that a
temporary slowdown of the machine affects all of them; the tables show medians. Run it on an otherwise idle
machine. The peak memory is the resident memory of the process after training.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import statistics
from contextlib import ExitStack
from typing import Any

from peers import CONTENDERS, Config
from worker import METHODS, ContenderFailed, Worker

WARM_UP_CALLS = 3


def measure(
    config: Any,
    names: list[str],
    repeats: int,
    seconds: float,
    methods: tuple[str, ...] = METHODS,
    peers: str = "peers",
) -> dict[str, dict]:
    """Runs the contenders and returns a row for each name; a contender that failed has only "failed".

    Args:
      config: a `Config` of the module `peers`.
      names: of the contenders.
      repeats: timed repeats of each method.
      seconds: approximate time of one repeat.
      methods: of the contenders.
      peers: the module with the contenders.
    """
    rows: dict[str, dict[str, Any]] = {name: {"config": dataclasses.asdict(config)} for name in names}
    with ExitStack() as stack:
        workers = {}
        for name in names:
            try:
                workers[name] = stack.enter_context(Worker(name, config, peers=peers))
                rows[name] |= workers[name].ready
            except ContenderFailed as failure:
                rows[name] = {"failed": str(failure)}
        for method in methods:
            _measure_method(method, workers, rows, config, repeats, seconds)
    return rows


def _measure_method(method, workers, rows, config, repeats, seconds):
    speeds = {name: [] for name in workers}

    def ask(name, seconds):
        try:
            return workers[name].ask(method, seconds)
        except ContenderFailed as failure:
            rows[name] = {"failed": str(failure)}
            del workers[name], speeds[name]

    for name in list(workers):
        answers = [answer for _ in range(WARM_UP_CALLS) if name in workers and (answer := ask(name, 0))]
        if name in workers:  # none has failed
            rows[name][f"{method}_first_seconds"] = answers[0]["seconds"]
            rows[name][f"{method}_loss"] = answers[-1]["loss"]
    for _ in range(repeats):
        for name in list(workers):
            answer = ask(name, seconds)
            if answer:
                speeds[name].append(answer["calls"] * config.batch / answer["seconds"])
                rows[name][f"{method}_peak_bytes"] = answer["peak_bytes"]
    for name in workers:
        rows[name][f"{method}_images_per_second"] = statistics.median(speeds[name])
        rows[name][f"{method}_repeats"] = speeds[name]


def speed_table(rows: dict[str, dict]) -> str:
    """A Markdown table of the measurements, one line per contender."""
    head = [
        *("contender", "training images/s", "log_prob images/s", "sampling images/s", "peak memory MB"),
        *("setup s", "first training step s", "parameters", f"bits/dim after {WARM_UP_CALLS} steps"),
    ]
    lines = []
    for name, row in rows.items():
        if "failed" in row:
            lines.append([name, f"not run: {row['failed']}"] + [""] * (len(head) - 2))
            continue
        speeds = [f"{row[f'{method}_images_per_second']:.1f}" for method in METHODS]
        lines.append(
            [name, *speeds, f"{row['train_peak_bytes'] / 1e6:.0f}", f"{row['setup_seconds']:.1f}"]
            + [f"{row['train_first_seconds']:.1f}", f"{row['parameters']:,}", f"{row['train_loss']:.2f}"]
        )
    return markdown_table(head, lines)


def ratio_table(rows: dict[str, dict]) -> str:
    """A Markdown table of our speed and memory divided by those of each peer."""
    done = {name: row for name, row in rows.items() if "failed" not in row}
    lines = []
    for ours in (name for name in done if name.startswith("latentzoo")):
        for peer in (name for name in done if not name.startswith("latentzoo")):
            keys = [f"{method}_images_per_second" for method in METHODS] + ["train_peak_bytes"]
            ratios = [f"{done[ours][key] / done[peer][key]:.2f}" for key in keys]
            lines.append([f"{ours} / {peer}", *ratios])
    return markdown_table(["ratio", "training", "log_prob", "sampling", "peak memory"], lines)


def markdown_table(head: list[str], lines: list[list[str]]) -> str:
    """A Markdown table; all columns except the first are right-aligned."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def machine() -> str:
    """The CPU model, as far as the system reports it, and the version of Python."""
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":")[1].strip() for line in cpuinfo.open() if line.startswith("model name")]
        model = names[0] if names else model
    return f"{model}, Python {platform.python_version()}"


def usable_processors() -> int:
    """The number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare Glow with its peers.")
    parser.add_argument("--widths", type=int, nargs="+", default=[128, 512], help="hidden channels")
    parser.add_argument("--size", type=int, default=32, help="height and width of the images: 4, 8, 16, 32")
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--depth", type=int, default=8, help="steps per level")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=usable_processors())
    parser.add_argument("--repeats", type=int, default=7, help="timed repeats; the median is shown")
    parser.add_argument("--seconds", type=float, default=6.0, help="approximate time of one repeat")
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--json", type=pathlib.Path, help="file for the results")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and one repeat, not a measurement")
    args = parser.parse_args(arguments)
    if args.quick:
        args.widths, args.size, args.levels, args.depth, args.batch = [8], 8, 2, 2, 4
        args.repeats, args.seconds = 1, 0.0

    print(f"{machine()}, {args.threads} threads. Fashion-MNIST, three images as channels.", flush=True)
    results = {"machine": machine(), "rows": []}
    for width in args.widths:
        config = Config(args.size, args.levels, args.depth, width, args.batch, args.threads)
        rows = measure(config, args.contenders, args.repeats, args.seconds)
        print(
            f"\n## Width {width}, L={args.levels}, K={args.depth}, {args.size}x{args.size}x3, "
            f"batch {args.batch}\n\n{speed_table(rows)}\n\n{ratio_table(rows)}",
            flush=True,
        )
        results["rows"] += [{"contender": name, **row} for name, row in rows.items()]
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
