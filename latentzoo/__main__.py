"""`python -m latentzoo` is the command `latentzoo`."""

from .cli.main import run

if __name__ == "__main__":
    run()
