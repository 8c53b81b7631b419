"""The command `latentzoo`.

Subcommands import TensorFlow when they run, not before: `--help`, `list`, `info` and errors in the arguments
are answered at once. Results go to standard output; progress, notes and errors go to standard error.
"""

import argparse
import os
import signal
import sys
import warnings

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

# What ends a command with one line: bad input, and what the machine does not have room for.
_EXPECTED = (ValueError, OSError, ImportError, MemoryError, RecursionError, OverflowError)

_LONGEST_ERROR = 1000  # characters


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line each, with what was probably meant."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: error: {one_line(message)}\n")

    def parse_known_args(self, args=None, namespace=None):
        # A subcommand's parser hands what it does not know to the parser above, which knows less of it.
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
    """The entry point of the console script."""
    warnings.formatwarning = _as_line
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # a closed one is None
            stream.reconfigure(errors="replace")  # a terminal that has no such character gets a `?`
    try:
        main(parse(sys.argv))
    except KeyboardInterrupt:
        sys.exit(130)  # as shells have it
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # all is done: the exit code says how it went
        progress.end_line()
        _finish_output()


def parse(argv: list[str]) -> argparse.Namespace:
    """The arguments of a command line; argv[0] is the program."""
    parser = Parser(
        prog="latentzoo",
        description="Generative models with latent spaces: sample, inspect, score, train and serve them.",
        epilog="latentzoo COMMAND --help shows the arguments of a command.",
    )
    parser.add_argument("--version", action="version", version=f"latentzoo {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        summary = module.__doc__.splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
    words = [_with_underscores(word) for word in argv[1:]]
    if words and words[0] == "help":
        words = [*words[1:2], "--help"]
    return parser.parse_args(words)


def main(arguments: argparse.Namespace) -> None:
    """Runs a subcommand. An error that the user can correct is one line, and exit code 2."""
    try:
        COMMANDS[arguments.command].run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        pass  # the reader, `head` for instance, has enough
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not isinstance(error, (*_EXPECTED, *_tensorflow_errors())):
            raise
        progress.end_line()
        print(f"latentzoo {arguments.command}: error: {describe(error)}", file=sys.stderr)
        sys.exit(2)


def describe(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "there is not enough memory for this."
    if isinstance(error, RecursionError):
        return "the input is nested too deeply."
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"'{error.filename}': {error.strerror}." if error.filename else f"{error.strerror}."
    elif not isinstance(error, _EXPECTED):
        text = text.partition("\n")[0]  # then comes TensorFlow's trace
    return one_line(text) or type(error).__name__


def one_line(text: str) -> str:
    """A text without line breaks and control characters, the middle of a very long one left out."""
    text = " ".join(text.split())
    text = "".join(character if character.isprintable() else "?" for character in text)
    half = _LONGEST_ERROR // 2
    return text if len(text) <= _LONGEST_ERROR else f"{text[:half]} ... {text[-half:]}"


def _as_line(message: Warning | str, *_, **__) -> str:
    progress.end_line()
    return f"latentzoo: warning: {one_line(str(message))}\n"


def _with_underscores(word: str) -> str:
    """`--batch-size` as `--batch_size`, whatever its value."""
    name, equals, value = word.partition("=")
    return name[:2] + name[2:].replace("-", "_") + equals + value if name.startswith("--") else word


def _tensorflow_errors() -> tuple[type[Exception], ...]:
    tensorflow = sys.modules.get("tensorflow")
    return (tensorflow.errors.OpError,) if tensorflow else ()


def _finish_output() -> None:
    """Drops what cannot be written of the output, which Python would try again and complain of."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
