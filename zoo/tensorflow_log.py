"""Makes TensorFlow respect TF_CPP_MIN_LOG_LEVEL while its libraries are loaded.

TensorFlow reads the level only afterwards, and so logs messages about CPUs and drivers regardless of it.
"""

import contextlib
import os
import re
import sys
import threading

from .import_hook import around_import

LEVELS = "IWEF"  # info, warning, error, fatal: 0 to 3
_ENTRY = re.compile(rb"([IWEF])\d{4} \d\d:\d\d:\d\d|WARNING: All log messages before absl::InitializeLog")


def quiet_import() -> None:
    """Drops log entries below the level while TensorFlow is imported, unless it already is."""
    if "tensorflow" not in sys.modules:
        around_import("tensorflow", filtered_stderr)


def is_logged(line: bytes, level: int) -> bool:
    """Whether a line on stderr is anything but a log entry below `level`.

    >>> from latentzoo.zoo.tensorflow_log import is_logged
    >>> is_logged(b"I0000 00:00:1795653188.949090 8039 port.cc:153] oneDNN is on.", level=1)
    False
    """
    entry = _ENTRY.match(line)
    return not entry or LEVELS.index((entry[1] or b"W").decode()) >= level


@contextlib.contextmanager
def filtered_stderr():
    """Filters log entries below the level from the process's stderr, where C++ code writes."""
    level = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0")
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed
        stderr = None
    if stderr is None or not level.isdecimal() or level == "0":
        yield
        return
    readable, writable = os.pipe()
    reader = threading.Thread(target=_copy, args=(readable, stderr, int(level)), daemon=True)
    reader.start()
    os.dup2(writable, 2)
    os.close(writable)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        reader.join(timeout=1)  # a process started meanwhile may hold the pipe open


def _copy(readable, stderr, level):
    with open(readable, "rb") as lines, open(stderr, "wb", buffering=0) as kept:
        for line in lines:
            if is_logged(line, level):
                kept.write(line)
