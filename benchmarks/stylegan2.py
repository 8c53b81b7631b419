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

from flows import machine, markdown_table, measure, usable_processors
from stylegan2_peers import CONTENDERS, Config

METHODS = ("train", "generate")


def speed_table(rows: dict[str, dict]) -> str:
    """A Markdown table of the measurements, one line per contender."""
    head = ["contender", "training images/s", "generated images/s", "peak memory MB", "setup s"]
    head += ["first training step s", "parameters"]
    lines = []
    for name, row in rows.items():
        if "failed" in row:
            lines.append([name, f"not run: {row['failed']}"] + [""] * (len(head) - 2))
            continue
        speeds = [f"{row[f'{method}_images_per_second']:.1f}" for method in METHODS]
        lines.append(
            [name, *speeds, f"{row['train_peak_bytes'] / 1e6:.0f}", f"{row['setup_seconds']:.1f}"]
            + [f"{row['train_first_seconds']:.1f}", f"{row['parameters']:,}"]
        )
    return markdown_table(head, lines)


def ratio_table(rows: dict[str, dict]) -> str:
    """A Markdown table of our speed and memory divided by those of the peer."""
    done = {name: row for name, row in rows.items() if "failed" not in row}
    keys = [f"{method}_images_per_second" for method in METHODS] + ["train_peak_bytes"]
    lines = [
        [f"{ours} / {peer}", *(f"{done[ours][key] / done[peer][key]:.2f}" for key in keys)]
        for ours in done
        for peer in done
        if ours.startswith("latentzoo") and not peer.startswith("latentzoo")
    ]
    return markdown_table(["ratio", "training", "generation", "peak memory"], lines)


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
        f"channel_max {args.channel_max}, batch {args.batch}\n\n{speed_table(rows)}\n\n{ratio_table(rows)}",
        flush=True,
    )
    if args.json:
        results = [{"contender": name, **row} for name, row in rows.items()]
        args.json.write_text(json.dumps({"machine": machine(), "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
