"""`python -m latentzoo` is the command `latentzoo`."""

from .cli.main import run

run()
