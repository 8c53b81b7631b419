"""The command `latentzoo`.

Subcommands import TensorFlow only when they run: `--help`, `list`, `info` and errors in arguments are
instant. Results go to standard output; progress, notes and errors go to standard error.
"""

import argparse
import io
import os
import signal
import sys
import warnings
from typing import NoReturn

from .. import __version__  # pyright: ignore[reportMissingImports]  # of the folder latentzoo
from ..zoo import progress
from ..zoo.registry import suggest
from . import (
    compare,
    diagnose,
    evaluate,
    export,
    info,
    interpolate,
    manifold,
    mix,
    project,
    reconstruct,
    request,
    sample,
    train,
)
from . import import_ as import_network
from . import list as list_presets

COMMANDS = {
    "list": list_presets,
    "info": info,
    "sample": sample,
    "reconstruct": reconstruct,
    "interpolate": interpolate,
    "manifold": manifold,
    "mix": mix,
    "project": project,
    "evaluate": evaluate,
    "compare": compare,
    "diagnose": diagnose,
    "train": train,
    "import": import_network,
    "export": export,
    "request": request,
}

# Errors that are reported in one line: bad input, and lack of memory.
_EXPECTED = (ValueError, OSError, ImportError, MemoryError, RecursionError, OverflowError)

_LONGEST_ERROR = 1000  # characters


class Parser(argparse.ArgumentParser):
    """A parser that reports errors in one line, with suggestions."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message)}\n")

    def parse_known_args(self, args=None, namespace=None):
        # A subcommand's parser would leave unknown arguments to the main parser, which has no suggestions.
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unrecognized(unknown))
        return namespace, unknown

    def _check_value(self, action, value):
        if action.choices is not None and value not in action.choices:
            hint = suggest(str(value), action.choices)
            raise argparse.ArgumentError(action, f"invalid choice: {value!r}: {hint}")

    def _unrecognized(self, arguments: list[str]) -> str:
        message = f"unrecognized arguments: {' '.join(arguments)}"
        name = arguments[0].partition("=")[0]
        known = [option for action in self._actions for option in action.option_strings if option[:2] == "--"]
        return f"{message}: {suggest(name, known)}" if name.startswith("-") else message


def run() -> None:
    """Runs the console script."""
    warnings.formatwarning = _as_line
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a closed one is None
            stream.reconfigure(errors="replace")  # characters that the terminal lacks become `?`
    try:
        main(parse(sys.argv))
    except KeyboardInterrupt:
        sys.exit(130)  # the shells' exit code
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the exit code is already decided
        progress.end_line()
        _finish_output()


def parse(argv: list[str]) -> argparse.Namespace:
    """Parses a command line; argv[0] is the program."""
    parser = Parser(
        prog="latentzoo",
        description="Generative models with latent spaces: sample, inspect, score, train and serve them.",
        epilog="Run latentzoo COMMAND --help for the arguments of a command.",
    )
    parser.add_argument("--version", action="version", version=f"latentzoo {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").partition("\n")[0]
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
    words = [_with_underscores(word) for word in argv[1:]]
    if words and words[0] == "help":
        words = [*words[1:2], "--help"]
    return parser.parse_args(words)


def main(arguments: argparse.Namespace) -> None:
    """Runs a subcommand. Errors that the user can correct are one line, with exit code 2."""
    try:
        COMMANDS[arguments.command].run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        pass  # the reader, such as `head`, has stopped
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not isinstance(error, (*_EXPECTED, *_tensorflow_errors())):
            raise
        progress.end_line()
        print(f"latentzoo {arguments.command}: error: {describe(error)}", file=sys.stderr)
        sys.exit(2)


def describe(error: Exception) -> str:
    """Returns the message of an error in one line."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "not enough memory."
    if isinstance(error, RecursionError):
        return "the input is nested too deeply."
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"'{error.filename}': {error.strerror}." if error.filename else f"{error.strerror}."
    elif not isinstance(error, _EXPECTED):
        text = text.partition("\n")[0]  # TensorFlow's trace follows
    return one_line(text) or type(error).__name__


def one_line(text: str) -> str:
    """Returns a text without line breaks and control characters, shortened in the middle if very long."""
    text = " ".join(text.split())
    text = "".join(character if character.isprintable() else "?" for character in text)
    half = _LONGEST_ERROR // 2
    return text if len(text) <= _LONGEST_ERROR else f"{text[:half]} ... {text[-half:]}"


def _as_line(message: Warning | str, *_, **__) -> str:
    progress.end_line()
    return f"latentzoo: warning: {one_line(str(message))}\n"


def _with_underscores(word: str) -> str:
    """Replaces dashes in the name of a flag: `--batch-size` becomes `--batch_size`."""
    name, equals, value = word.partition("=")
    return name[:2] + name[2:].replace("-", "_") + equals + value if name.startswith("--") else word


def _tensorflow_errors() -> tuple[type[Exception], ...]:
    tensorflow = sys.modules.get("tensorflow")
    return (tensorflow.errors.OpError,) if tensorflow else ()


def _finish_output() -> None:
    """Drops output that cannot be written: Python would try again and report an error."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
