"""Measures the cost of depth: memory, time to the first step and training speed for K = 4 to 128.

    python benchmarks/depth.py --png depth.png --json depth.json
    python benchmarks/depth.py --quick --png depth.png     # tiny sizes, to check that everything runs
    python benchmarks/depth.py --from-json depth.json --png depth.png

Each contender and depth runs in a separate process, one at a time; `peers.py` describes what the contenders
share. Memory is the peak resident memory of the process minus what depth must cost: weights, gradients and
Adam's two slots, 16 bytes per parameter. The first call is the first training step of a built and initialized
model: tracing, compiling and running it. A process that exceeds `--limit` is killed, and greater depths of
that contender are skipped; the table marks them.
"""

import argparse
import dataclasses
import json
import pathlib
import statistics

from peers import Config
from reports import machine, markdown_table, usable_processors
from worker import ContenderFailed, Worker

STATE_BYTES = 16  # per parameter: float32 weight, gradient and Adam's two slots
# Color-blind safe colors (Okabe and Ito), and a marker per line.
STYLES = {
    "latentzoo reversible": {"color": "#0072B2", "marker": "o", "linewidth": 2.5},
    "latentzoo": {"color": "#56B4E9", "marker": "s"},
    "normflows": {"color": "#D55E00", "marker": "^"},
    "tfb.Glow": {"color": "#009E73", "marker": "D"},
}
PANELS = {
    "memory_bytes": ("Peak memory beyond weights,\ngradients and slots (GB)", 1e9),
    "first_seconds": ("First training step (s)", 1),
    "images_per_second": ("Training images/s", 1),
}
# The documented limits of `reversible=True`: greatest depth divided by smallest.
ALLOWED_GROWTH = {"memory_bytes": 1.25, "first_seconds": 6.0}


def measure(name: str, config: Config, repeats: int, limit: float) -> dict:
    """Measures a contender at one depth; {"failed": reason} if it fails or exceeds `limit` seconds."""
    row = {"contender": name, **dataclasses.asdict(config)}
    try:
        with Worker(name, config, limit) as worker:
            first = worker.ask("train", 0)
            answers = [worker.ask("train", 0) for _ in range(1 + repeats)]
            seconds = statistics.median(answer["seconds"] for answer in answers[1:])
            peak = answers[-1]["peak_bytes"]
            return {
                **row,
                **worker.ready,
                "first_seconds": first["seconds"],
                "images_per_second": config.batch / seconds,
                "peak_bytes": peak,
                "memory_bytes": peak - STATE_BYTES * worker.ready["parameters"],
            }
    except ContenderFailed as failure:
        return {**row, "failed": str(failure)}


def curve(name: str, configs: list[Config], repeats: int, limit: float) -> list[dict]:
    """The rows of a contender by increasing depth, up to the first failure."""
    rows = []
    for config in configs:
        rows.append(measure(name, config, repeats, limit))
        print(_line(rows[-1]), flush=True)
        if "failed" in rows[-1]:
            break
    return rows


def _line(row):
    start = f"L={row['levels']} K={row['depth']} {row['contender']}: "
    if "failed" in row:
        return start + row["failed"]
    return start + f"{row['memory_bytes'] / 1e6:.0f} MB, first step {row['first_seconds']:.1f} s"


def table(rows: list[dict], levels: int) -> str:
    """A Markdown table of the rows with L = `levels`."""
    head = ["contender", "K", "parameters", "peak MB", "beyond weights, gradients, slots MB"]
    head += ["beyond imports too MB", "setup s", "first step s", "images/s"]
    lines = []
    for row in (row for row in rows if row["levels"] == levels):
        start = [row["contender"], str(row["depth"])]
        if "failed" in row:
            lines.append(start + [f"{row['failed']}; deeper: not tried"] + [""] * (len(head) - 3))
            continue
        beyond = (row["peak_bytes"], row["memory_bytes"], row["memory_bytes"] - row["imports_bytes"])
        seconds = (row["setup_seconds"], row["first_seconds"], row["images_per_second"])
        lines.append([*start, f"{row['parameters']:,}", *(f"{b / 1e6:.0f}" for b in beyond)])
        lines[-1] += [f"{s:.1f}" for s in seconds]
    return markdown_table(head, lines)


def growth_table(rows: list[dict]) -> str:
    """A Markdown table: the greatest depth that finished divided by the smallest, per contender and L."""
    lines = []
    for levels, name in sorted({(row["levels"], row["contender"]) for row in rows}):
        line = _line_of(rows, levels, name)
        if len(line) < 2:
            continue
        first, last = line[0], line[-1]
        cells = [f"L={levels} {name}", f"{first['depth']} to {last['depth']}"]
        for key, allowed in ALLOWED_GROWTH.items():
            ratio = last[key] / first[key]
            promise = f" (at most {allowed:g})" if name == "latentzoo reversible" else ""
            cells.append(f"{ratio:.2f}{promise}")
        lines.append(cells)
    return markdown_table(["growth", "K", "memory beyond weights, gradients, slots", "first step"], lines)


def _line_of(rows, levels, name):
    return [r for r in rows if (r["levels"], r["contender"]) == (levels, name) and "failed" not in r]


def draw(rows: list[dict], path: pathlib.Path) -> None:
    """Writes the curves as a PNG: a row of panels per L, over a logarithmic axis of K."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FormatStrFormatter

    names = [name for name in STYLES if any(row["contender"] == name for row in rows)]
    every_level = sorted({row["levels"] for row in rows})
    depths = sorted({row["depth"] for row in rows})
    size = (4.6 * len(PANELS), 3.4 * len(every_level) + 0.9)
    figure, grid = plt.subplots(len(every_level), len(PANELS), figsize=size, squeeze=False, sharex=True)
    for axes_row, levels in zip(grid, every_level, strict=True):
        for axes, (key, (label, unit)) in zip(axes_row, PANELS.items(), strict=True):
            for name in names:
                line = _line_of(rows, levels, name)
                values = [r[key] / unit for r in line]
                axes.plot([r["depth"] for r in line], values, label=name, **STYLES[name])
            axes.set_xscale("log", base=2)
            axes.set_xticks(depths, [str(depth) for depth in depths])
            axes.set_yscale("linear" if key == "memory_bytes" else "log")
            if key == "memory_bytes":
                axes.set_ylim(bottom=0)
            else:
                axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
            axes.set_title(f"{label}, L={levels}", fontsize=11)
            axes.grid(True, alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("K, steps per level")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(names), frameon=False, fontsize=11)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, dpi=120)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure the cost of depth: memory, first step, speed.")
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--depths", type=int, nargs="+", default=[4, 8, 16, 32, 64, 128])
    parser.add_argument("--size", type=int, default=32, help="height and width of the images")
    parser.add_argument("--width", type=int, default=64, help="hidden channels")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=usable_processors())
    parser.add_argument("--repeats", type=int, default=3, help="timed steps; the median is shown")
    parser.add_argument("--limit", type=float, default=400.0, help="time limit of a process in seconds")
    parser.add_argument("--contenders", nargs="+", default=list(STYLES), choices=STYLES)
    parser.add_argument("--json", type=pathlib.Path, help="file for the results")
    parser.add_argument("--from-json", type=pathlib.Path, help="draw results of an earlier run")
    parser.add_argument("--png", type=pathlib.Path, help="file for the plot")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, not a measurement")
    args = parser.parse_args(arguments)
    if args.quick:
        args.levels, args.depths, args.size, args.width, args.batch, args.repeats = [1], [1, 2], 8, 8, 4, 1

    rows = []
    if args.from_json:
        rows = json.loads(args.from_json.read_text())["rows"]
    else:
        print(f"{machine()}, {args.threads} threads.\n", flush=True)
        for levels in args.levels:
            configs = [
                Config(args.size, levels, depth, args.width, args.batch, args.threads)
                for depth in sorted(args.depths)
            ]
            for name in args.contenders:
                rows += curve(name, configs, args.repeats, args.limit)
    for levels in sorted({row["levels"] for row in rows}):
        print(f"\n## L={levels}, width {rows[0]['width']}, batch {rows[0]['batch']}\n\n{table(rows, levels)}")
    print(f"\n{growth_table(rows)}")
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    if args.png:
        draw(rows, args.png)


if __name__ == "__main__":
    main()
