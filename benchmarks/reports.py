"""What every benchmark prints: a Markdown table, the machine and its CPUs."""

import os
import pathlib
import platform


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
