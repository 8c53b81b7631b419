"""Runs one contender in a separate process, to measure its own peak memory.

`Worker` is the benchmark's side, `main` the side of the process. They exchange lines of JSON: a request for
some calls of a method, and its answer. The contenders come from a module with `CONTENDERS` and `Config`, such
as `peers`.
"""

import dataclasses
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from types import ModuleType


class ContenderFailed(Exception):
    """A contender could not start, raised an error or exceeded its time limit."""


def _tensorflow_settings(peers: ModuleType, name: str, config) -> dict[str, str]:
    """Environment variables, since TensorFlow's threads must be set before it starts."""
    threads_share = name in peers.CONTENDERS and peers.CONTENDERS[name].threads_share
    return {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_NUM_INTRAOP_THREADS": "1" if threads_share else str(config.threads),
        "TF_NUM_INTEROP_THREADS": str(config.threads),
    }


class Worker:
    """A contender in another process, built and ready when the constructor returns.

    Args:
      name: a key of `CONTENDERS`.
      config: a `Config`.
      limit: seconds after which the process is killed, or None.
      peers: the name of the module with `CONTENDERS` and `Config`.

    Attributes:
      ready: {"parameters": number of trainable values, "setup_seconds": time to build and initialize,
        without imports, "imports_bytes": peak resident memory of the imports}.

    Raises:
      ContenderFailed: here and in `ask`.
    """

    def __init__(self, name: str, config, limit: float | None = None, peers: str = "peers"):
        self._name, self._limit, self._expired = name, limit, False
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed by close)
        self._process = subprocess.Popen(
            [sys.executable, __file__, peers, name, json.dumps(dataclasses.asdict(config))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **_tensorflow_settings(importlib.import_module(peers), name, config)},
        )
        assert self._process.stdin and self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._timer = threading.Timer(limit or threading.TIMEOUT_MAX, self._expire)
        self._timer.daemon = True
        self._timer.start()
        self.ready = self._answer()

    def ask(self, method: str, seconds: float) -> dict:
        """Calls `method` for about `seconds`, estimated from its last calls, and at least once.

        Returns:
          {"calls", "seconds", "loss" of train, "peak_bytes": peak resident memory so far}.
        """
        try:
            self._requests.write(json.dumps({"method": method, "seconds": seconds}) + "\n")
            self._requests.flush()
        except BrokenPipeError:
            pass  # `_answer` raises the reason
        return self._answer()

    def close(self) -> None:
        self._timer.cancel()
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _expire(self):
        self._expired = True
        self._process.kill()

    def _answer(self):
        line = self._answers.readline()
        if line:
            return json.loads(line)
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().split("\n")
        said = next((line for line in reversed(lines) if line.strip()), f"exit {self._process.returncode}")
        self.close()
        raise ContenderFailed(f"not done in {self._limit:g} s" if self._expired else said.strip())


def main(peers: ModuleType, name: str, config) -> None:
    # Only answers go to stdout; what libraries print goes to stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    contender = peers.CONTENDERS[name]
    for module in contender.modules:
        importlib.import_module(module)
    imports_bytes = _peak_bytes()
    start = time.perf_counter()
    model = contender.build(config)
    setup_seconds = time.perf_counter() - start
    parameters = model.num_parameters()
    answer({"setup_seconds": setup_seconds, "parameters": parameters, "imports_bytes": imports_bytes})

    pace = {}
    for line in sys.stdin:
        request = json.loads(line)
        method = request["method"]
        calls = max(1, round(request["seconds"] / pace.get(method, float("inf"))))
        start = time.perf_counter()
        loss = getattr(model, method)(calls)
        seconds = time.perf_counter() - start
        pace[method] = seconds / calls
        answer({"calls": calls, "seconds": seconds, "loss": loss, "peak_bytes": _peak_bytes()})


def _peak_bytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    module = importlib.import_module(sys.argv[1])
    main(module, sys.argv[2], module.Config(**json.loads(sys.argv[3])))
