"""Times contenders in alternation, and tabulates their speed and memory."""

import dataclasses
import statistics
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any

from reports import markdown_table
from worker import ContenderFailed, Worker

WARM_UP_CALLS = 3


def measure(
    config: Any,
    names: list[str],
    repeats: int,
    seconds: float,
    methods: Iterable[str],
    peers: str,
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


def speed_table(rows: dict[str, dict], methods: Mapping[str, str], loss: str) -> str:
    """A Markdown table of the measurements, one line per contender.

    Args:
      rows: as returned by `measure`.
      methods: the methods and their names in the table.
      loss: its name in the table.
    """
    head = ["contender", *(f"{name} images/s" for name in methods.values()), "peak memory MB", "setup s"]
    head += ["first training step s", "parameters", f"{loss} after {WARM_UP_CALLS} steps"]
    lines = []
    for name, row in rows.items():
        if "failed" in row:
            lines.append([name, f"not run: {row['failed']}"] + [""] * (len(head) - 2))
            continue
        speeds = [f"{row[f'{method}_images_per_second']:.1f}" for method in methods]
        lines.append(
            [name, *speeds, f"{row['train_peak_bytes'] / 1e6:.0f}", f"{row['setup_seconds']:.1f}"]
            + [f"{row['train_first_seconds']:.1f}", f"{row['parameters']:,}", f"{row['train_loss']:.2f}"]
        )
    return markdown_table(head, lines)


def ratio_table(rows: dict[str, dict], methods: Mapping[str, str]) -> str:
    """A Markdown table of our speed and memory divided by those of each peer; arguments as `speed_table`."""
    done = {name: row for name, row in rows.items() if "failed" not in row}
    keys = [f"{method}_images_per_second" for method in methods] + ["train_peak_bytes"]
    lines = [
        [f"{ours} / {peer}", *(f"{done[ours][key] / done[peer][key]:.2f}" for key in keys)]
        for ours in done
        for peer in done
        if ours.startswith("latentzoo") and not peer.startswith("latentzoo")
    ]
    return markdown_table(["ratio", *methods.values(), "peak memory"], lines)
