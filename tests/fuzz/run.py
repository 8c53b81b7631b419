"""Damaged inputs for everything that reads what strangers wrote; prints a table of what came of them.

    python -m tests.fuzz.run --inputs 1000000 --seed 0

Input i of a target depends on the seed, the target's name and i alone: `--only image --first 1234 --inputs 1`
runs one input again. Each target runs in a process of its own, in 2 GB beyond what it starts with.
"""

import argparse
import collections
import contextlib
import functools
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from . import guard, targets

MEMORY = 2 * 2**30  # bytes
_SHOWN = 5  # faults of a target


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A new working directory, so that no name of it is in the inputs."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def run_target(name: str, first: int, count: int, seed: int) -> tuple[collections.Counter, list[str]]:
    """How the inputs from `first` on ended, and what was wrong with those that did not end well."""
    ended, faults = collections.Counter(), []
    with _scratch_folder() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = getattr(targets, name)(folder)

        def given(i):
            return target.prepare(target.input(random.Random(f"{seed} {name} {i}")))

        for i in range(first, first + count):
            fault = guard.fault_of(functools.partial(target.read, given(i)), target.errors, target.seconds)
            ended["bad" if fault else "well"] += 1
            if fault:
                faults.append(f"{name} {i}: {fault}")
    return ended, faults


def _child(name, first, count, seed, results):
    guard.install()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    resource.setrlimit(resource.RLIMIT_AS, (used + 8 * MEMORY, resource.RLIM_INFINITY))
    results.put((run_target(name, first, count, seed), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="of all targets (default %(default)s)")
    parser.add_argument("--only", choices=[target.__name__ for target in targets.SHARES], help="one target")
    parser.add_argument("--first", type=int, default=0, help="number of the first input of each target")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    total, worst = sum(targets.SHARES.values()), 0
    print(f"{'target':18} {'inputs':>9} {'faults':>7} {'seconds':>8} {'peak MB':>8}")
    for target, share in targets.SHARES.items():
        name = target.__name__
        if arguments.only not in (None, name):
            continue
        count = arguments.inputs if arguments.only else max(1, round(arguments.inputs * share / total))
        results, start = context.Queue(), time.monotonic()
        process = context.Process(target=_child, args=(name, arguments.first, count, arguments.seed, results))
        process.start()
        while process.is_alive() and results.empty():
            process.join(0.2)
        if results.empty():
            faults, peak = [f"{name}: the process died with exit code {process.exitcode}"], 0
        else:
            (_, faults), peak = results.get()
        process.join()
        seconds = time.monotonic() - start
        print(f"{name:18} {count:9,} {len(faults):7,} {seconds:8.0f} {peak / 1024:8.0f}", flush=True)
        for fault in faults[:_SHOWN]:
            print(f"    {fault}")
        worst += len(faults)
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
