"""The command in this process, and the data it runs on."""

from pathlib import Path

import pytest

from latentzoo.cli import main

SMALL = str(Path(__file__).parent.parent / "assets" / "fashion_mnist_small.npz")


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", *map(str, arguments)]))


def refusal(capsys, *arguments) -> str:
    """The one line of an error: exit code 2, nothing on standard output."""
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    printed = capsys.readouterr()
    assert (stop.value.code, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    assert printed.err.startswith(f"latentzoo {arguments[0]}: error: ")
    return printed.err
