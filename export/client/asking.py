"""Calls of a server's signatures: checks before a request, and batches of a size that the server accepts."""

import abc
import contextlib
import math
from collections.abc import Mapping

import numpy as np

from ...zoo.json_files import shown, shown_names, shown_text
from ...zoo.signatures import STANDARD
from ..server_files import BATCH_SIZES
from . import checks
from .errors import Refused, TooLarge

# The largest request or answer in NumPy's bytes: more rows are sent in several requests.
MESSAGE_BYTES = 64 * 2**20

# The limit on an answer's bytes of JSON, or its numbers in a tensor: several times the largest expected one.
LARGEST_ANSWER = 512 * 2**20


# Inputs or outputs by name: dtype and shape, with the batch axis.
Tensors = dict[str, tuple[np.dtype, tuple[int, ...]]]


class AskingClient(abc.ABC):
    """A client that calls signatures by name, with the inputs and outputs that the server reports.

    A subclass sends the requests, by `signatures` and `predict`. Inputs with standard names also have the
    ranges and defaults that `zoo/signatures.py` declares.

    Args: as `Client`'s.
    """

    def __init__(self, model: str, server: str, label: str | None = None, timeout: float = 60.0):
        self.model = checks.text("model", model)
        self.server = checks.address(server)
        self.label = None if label is None else checks.text("label", label)
        self.timeout = checks.seconds("timeout", timeout)
        self._sizes: dict[str, int] = {}  # batch sizes by signature, after the server has refused larger ones

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the connection, if there is one."""

    @property
    @abc.abstractmethod
    def signatures(self) -> Mapping[str, dict[str, Tensors]]:
        """The model's signatures: name -> {"inputs": {name: (dtype, shape)}, "outputs": the same}.

        The batch axis is -1 in a shape.
        """

    @abc.abstractmethod
    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Sends one request with unchecked batches and returns the outputs by name."""

    @property
    def _place(self) -> str:
        return f"{self.model} on '{self.server}'"

    def _signature(self, name):
        if name not in self.signatures:
            known = shown_names(set(self.signatures) - {"serving_default"})
            raise ValueError(f"{self._place} has no signature {shown(name)}: it has {known}.")
        return self.signatures[name]

    def _first(self, signature, side, names):
        """The first of `names` that a signature has among its "inputs" or "outputs"."""
        described = self._signature(signature)[side]
        for name in names:
            if name in described:
                return name
        raise ValueError(
            f"{signature!r} of {self._place} has the {side} {shown_names(described)}, "
            f"expected {' or '.join(names)} among them."
        )

    def _row_shape(self, signature, side, name) -> tuple[int, ...]:
        """The shape of one row of an input or an output, which the signature must have."""
        return tuple(self._signature(signature)[side][self._first(signature, side, (name,))][1][1:])

    def _output(self, signature, batches, options, *names):
        """The first of the outputs `names` that a signature has."""
        name = self._first(signature, "outputs", names)
        return self._ask(signature, batches, options)[name]

    def _ask(self, signature, batches, options):
        """Returns the outputs of a signature by name.

        Args:
          batches: inputs with one row per row of the answer.
          options: inputs that may be one value for all rows; None: not given.
        """
        inputs = self._signature(signature)["inputs"]
        given = self._complete(signature, batches, options)
        rows = {}
        for name, values in batches.items():
            dtype, shape = inputs[name]
            rows[name] = checks.batch(name, values, dtype, shape[1:], STANDARD.get(name))
        sizes = {len(values) for values in rows.values()}
        if len(sizes) > 1:
            raise ValueError(f"{' and '.join(rows)} must have one batch size, got {sorted(sizes)}.")
        (n,) = sizes
        for name, value in given.items():
            if name == "seed":
                rows[name] = checks.row_seeds(value, n)
            else:
                dtype, shape = inputs[name]
                rows[name] = checks.per_row(name, value, n, dtype, STANDARD.get(name), tuple(shape[1:]))
        return self._in_batches(signature, rows, n)

    def _complete(self, signature, batches, options):
        """The given options, and the defaults of the signature's other inputs."""
        inputs = self._signature(signature)["inputs"]
        given = {name: value for name, value in options.items() if value is not None}
        takes = f"{signature!r} of {self._place} takes {shown_names(inputs)}"
        for name in [*given, *batches]:
            if name not in inputs:
                raise ValueError(f"{name} must not be given: {takes}.")
        for name in inputs:
            if name not in given and name not in batches:
                if name not in STANDARD or STANDARD[name].default is None:
                    raise ValueError(f"{shown_text(name)} must be given: {takes}.")
                given[name] = STANDARD[name].default
        return given

    def _in_batches(self, signature, rows, n):
        """Sends one request per batch of the largest size that the server accepts."""
        answers, start = [], 0
        size = self._sizes.get(signature) or self._usual_size(signature)
        while start < n:
            part = {name: values[start : start + size] for name, values in rows.items()}
            try:
                answers.append(self._answer(signature, part, size))
            except TooLarge:
                if size == 1:
                    raise
                size = self._sizes[signature] = size // 2
            else:
                start += size
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def _usual_size(self, signature):
        """The largest batch of `latentzoo export`'s server configuration, or less if rows are large."""
        described = self.signatures[signature]
        row = max(
            sum(dtype.itemsize * math.prod(shape[1:]) for dtype, shape in described[side].values())
            for side in ("inputs", "outputs")
        )
        return min(BATCH_SIZES[-1], max(1, MESSAGE_BYTES // max(1, row)))

    def _answer(self, signature, rows, size):
        """Returns the answer to at most `size` rows.

        A server with batching refuses a whole batch for one bad row, which may be another client's. So a
        refused request is sent again, and at last with as many rows as fill a batch of its own.
        """
        if _length(rows) == size:
            return self._checked(signature, self.predict(signature, rows), size)
        for _ in range(2):
            with contextlib.suppress(Refused):
                return self._checked(signature, self.predict(signature, rows), _length(rows))
        checked = self._checked(signature, self.predict(signature, _filled(rows, size)), size)
        return {name: values[: _length(rows)] for name, values in checked.items()}

    def _checked(self, signature, answer, n):
        """The outputs of a signature, after a check of dtypes, shapes, numbers of rows, and NaN."""
        checked = {}
        for name, (dtype, shape) in self.signatures[signature]["outputs"].items():
            values, expected = answer.get(name), (n, *shape[1:])
            if values is None or values.dtype != dtype or values.shape != expected:
                found = "none" if values is None else f"{values.dtype} {shown(list(values.shape))}"
                raise ValueError(
                    f"server '{self.server}' answers {signature!r} with a wrong {shown_text(name)}: "
                    f"got {found}, expected {dtype} {shown(list(expected))}."
                )
            if dtype.kind == "f" and np.isnan(values).any():
                raise ValueError(
                    f"server '{self.server}' answers {signature!r} with NaN in its {shown_text(name)}."
                )
            checked[name] = values
        return checked


def _length(rows):
    return len(next(iter(rows.values())))


def _filled(rows, size):
    """The rows, filled up to `size` with copies of the first one."""
    missing = size - _length(rows)
    return {
        name: np.concatenate([values, np.repeat(values[:1], missing, axis=0)])
        for name, values in rows.items()
    }
