"""The command line shared by `kills.py` and `training_kills.py`: arguments, table and exit code."""

import argparse
import random
import sys
from collections.abc import Callable, Iterable


def run(
    description: str,
    subject: str,
    names: Iterable[str],
    columns: dict[str, bool],
    kill: Callable[[str, int, random.Random], tuple[int, ...]],
) -> None:
    """Kills the processes of each subject, prints a Markdown table, and exits with 1 if there were faults.

    Args:
      description: shown by `--help`.
      subject: what is killed, such as "model"; the option is its plural.
      names: of all subjects.
      columns: the counts that `kill` returns, and whether each counts faults.
      kill: called with a name, the number of kills and a random generator.
    """
    names = list(names)
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kills", type=int, default=100, help=f"per {subject} (default %(default)s)")
    parser.add_argument(f"--{subject}s", dest="names", nargs="+", choices=names, default=names)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    head = (subject, "kills", *columns)
    print(_line(head), _line(["---"] * len(head)), sep="\n")
    has_faults = False
    for name in arguments.names:
        counts = kill(name, arguments.kills, random.Random(arguments.seed))
        print(_line((name, arguments.kills, *counts)), flush=True)
        has_faults |= any(count for count, is_fault in zip(counts, columns.values(), strict=True) if is_fault)
    sys.exit(int(has_faults))


def _line(cells):
    return f"| {' | '.join(map(str, cells))} |"
