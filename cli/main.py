"""The command `latentzoo`.

Subcommands import TensorFlow when they run, not before: `--help`, `list` and `info` answer at once.
"""

import argparse
import os
import sys
import warnings

from absl import app
from absl.flags import argparse_flags

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


class Parser(argparse_flags.ArgumentParser):
    """A parser whose errors are one line each."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: error: {message}\n")


def run() -> None:
    """The entry point of the console script."""
    warnings.formatwarning = lambda message, *_, **__: f"latentzoo: warning: {message}\n"
    app.run(main, flags_parser=parse)


def parse(argv: list[str]) -> argparse.Namespace:
    parser = Parser(
        prog="latentzoo",
        description="Generative models with latent spaces: sample, look at, score, train and serve them.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        summary = module.__doc__.splitlines()[0]
        command = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(command)
    return parser.parse_args(argv[1:])


def main(arguments: argparse.Namespace) -> None:
    """Runs a subcommand. What the user can put right is told in one line, and exits with 2."""
    try:
        COMMANDS[arguments.command].run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, `head` for instance, has enough. What is left in the buffer must go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError, ImportError) as error:
        message = " ".join(str(error).split())
        print(f"latentzoo {arguments.command}: error: {message}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)  # as shells have it
