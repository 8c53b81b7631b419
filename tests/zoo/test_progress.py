"""Progress on standard error: one line at a terminal, few lines in a file, an honest time left."""

import io
import sys

import pytest

from latentzoo.zoo import progress
from latentzoo.zoo.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_at_a_terminal_one_line_is_rewritten_and_ended(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = Progress(10, "steps")
    for step in range(1, 11):
        clock[0] += 1
        bar.update(step, "loss: 2" if step == 5 else "")
    written = sys.stderr.getvalue()
    assert written.count("\n") == 1 and written.split("\r")[-1].rstrip(" \n") == "10/10 steps"
    assert "\r5/10 steps  5 s left  loss: 2" in written and "\x1b" not in written


def test_elsewhere_there_are_whole_lines_and_few(clock, capsys):
    bar = Progress(1000, "images")
    for _ in range(100):
        clock[0] += 1.5
        bar.add(10)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "400/1000 images",
        "800/1000 images",
        "1000/1000 images",
    ]
    assert lines[0] == "400/1000 images  0:01:30 left"


def test_the_time_left_leaves_out_the_first_step(clock, capsys):
    bar = Progress(101, "steps")
    clock[0] = 600  # of tracing
    bar.update(1)
    capsys.readouterr()
    clock[0] += 10
    bar.update(51, line=True)
    assert capsys.readouterr().err == "51/101 steps  10 s left\n"


def test_a_line_is_ended_before_an_error(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = Progress(3, "steps")
    clock[0] = 1
    bar.update(1)
    progress.end_line()
    progress.end_line()
    assert sys.stderr.getvalue() == "\r1/3 steps\n"


def test_nothing_is_shown_unless_asked(capsys):
    Progress(1, "steps", shown=False).update(1)
    assert capsys.readouterr().err == ""
