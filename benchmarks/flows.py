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
import json
import pathlib

from comparison import measure, ratio_table, speed_table
from peers import CONTENDERS, Config
from reports import machine, usable_processors

METHODS = {"train": "training", "log_prob": "log_prob", "sample": "sampling"}


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
        rows = measure(config, args.contenders, args.repeats, args.seconds, METHODS, "peers")
        print(
            f"\n## Width {width}, L={args.levels}, K={args.depth}, {args.size}x{args.size}x3, "
            f"batch {args.batch}\n\n{speed_table(rows, METHODS, 'bits/dim')}\n\n{ratio_table(rows, METHODS)}",
            flush=True,
        )
        results["rows"] += [{"contender": name, **row} for name, row in rows.items()]
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
