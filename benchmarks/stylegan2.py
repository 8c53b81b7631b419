"""Compares StyleGAN2 with the official PyTorch code: speed and memory of training and generation.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch
    python benchmarks/stylegan2.py --official stylegan2-ada-pytorch      # minutes
    python benchmarks/stylegan2.py --quick                               # tiny, to check that it runs
    python benchmarks/stylegan2.py --json out.json

Prints Markdown tables. `stylegan2_peers.py` describes the contenders, and `flows.py` how they are timed: each
in a separate process, alternating, medians of several repeats. Run it on an otherwise idle machine.
"""

import argparse
import json
import pathlib

from comparison import measure, ratio_table, speed_table
from reports import machine, usable_processors
from stylegan2_peers import CONTENDERS, Config

METHODS = {"train": "training", "generate": "generation"}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Compare StyleGAN2 with the official PyTorch code.")
    parser.add_argument("--official", type=pathlib.Path, help="folder of stylegan2-ada-pytorch")
    parser.add_argument("--size", type=int, default=32, help="height and width of the images: 16 or 32")
    parser.add_argument("--channel-base", type=int, default=4096)
    parser.add_argument("--channel-max", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=usable_processors())
    parser.add_argument("--repeats", type=int, default=7, help="timed repeats; the median is shown")
    parser.add_argument("--seconds", type=float, default=10.0, help="approximate time of one repeat")
    parser.add_argument("--contenders", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--json", type=pathlib.Path, help="file for the results")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and one repeat, not a measurement")
    args = parser.parse_args(arguments)
    if args.quick:
        args.size, args.channel_base, args.channel_max, args.batch = 16, 64, 8, 4
        args.repeats, args.seconds = 1, 0.0

    official = args.official and str(args.official.resolve())
    config = Config(args.size, args.channel_base, args.channel_max, args.batch, args.threads, official)
    print(f"{machine()}, {args.threads} threads. Fashion-MNIST, three images as channels.", flush=True)
    rows = measure(config, args.contenders, args.repeats, args.seconds, METHODS, "stylegan2_peers")
    print(
        f"\n## StyleGAN2 {args.size}x{args.size}x3, channel_base {args.channel_base}, "
        f"channel_max {args.channel_max}, batch {args.batch}\n\n"
        f"{speed_table(rows, METHODS, 'loss')}\n\n{ratio_table(rows, METHODS)}",
        flush=True,
    )
    if args.json:
        results = [{"contender": name, **row} for name, row in rows.items()]
        args.json.write_text(json.dumps({"machine": machine(), "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
