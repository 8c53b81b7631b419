"""The client over REST, with only the standard library and NumPy."""

import base64
import contextlib
import functools
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

import numpy as np

from ...zoo.json_files import shown_text
from . import deadline
from .asking import LARGEST_ANSWER, Tensors
from .base import Client
from .errors import Refused, TooLarge, is_too_large, one_line

# HTTP statuses of an absent or overloaded server, from itself or from a proxy.
NO_ANSWER = (429, 502, 503, 504)


class Rest(Client):
    """A client over REST, which needs only the standard library and NumPy.

    Args: as `Client`'s.
    """

    def __init__(
        self, model: str, server: str = "localhost:8501", label: str | None = None, timeout: float = 60.0
    ):
        super().__init__(model, server, label, timeout)
        version = "" if label is None else f"/labels/{urllib.parse.quote(label, safe='')}"
        self._url = f"http://{server}/v1/models/{urllib.parse.quote(model, safe='')}{version}"

    def close(self) -> None:
        """Does nothing: each request has its own connection."""

    @functools.cached_property
    def signatures(self) -> dict[str, dict[str, Tensors]]:
        answer = self._call("/metadata")
        try:
            signatures = {
                name: {side: _described(signature[side]) for side in ("inputs", "outputs")}
                for name, signature in answer["metadata"]["signature_def"]["signature_def"].items()
                if not name.startswith("__")
            }
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            signatures = {}
        if not signatures:
            raise ValueError(f"server '{self.server}' answers with no signatures for {self.model}.")
        return signatures

    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        columns = {name: _to_json(values) for name, values in inputs.items()}
        answer = self._call(":predict", {"signature_name": signature, "inputs": columns})
        described = self._signature(signature)["outputs"]
        try:
            outputs = answer["outputs"]
            if len(described) == 1:  # the server omits the name of a single output
                outputs = {next(iter(described)): outputs}
            return {name: _from_json(outputs[name], dtype) for name, (dtype, _) in described.items()}
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError(
                f"server '{self.server}' answers {signature!r} with JSON that is not its outputs."
            ) from None

    def _call(self, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"})
        try:
            with deadline.opener().open(request, timeout=self.timeout) as response:
                text = self._read(response)
        except urllib.error.HTTPError as error:
            raise self._error(error.code, _message(error)) from None
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            reason = getattr(error, "reason", None) or error
            text = shown_text(str(reason), 200) or type(reason).__name__
            raise ConnectionError(f"server '{self.server}' does not answer: {text}") from None
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise ValueError(
                f"server '{self.server}' answers with something other than TF Serving's JSON: {text[:40]!r}."
            )
        return answer

    def _read(self, response):
        """The whole answer, if its size is within the limit."""
        parts, size = [], 0
        while part := response.read1(2**20):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                raise OSError(f"its answer has more than {LARGEST_ANSWER} bytes")
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(parts)

    def _error(self, status, message):
        refusal = f"server '{self.server}' refuses the request: {message}"
        if status in NO_ANSWER:
            return ConnectionError(f"server '{self.server}' does not answer: {message}")
        if status == 413 or is_too_large(message):
            return TooLarge(refusal)
        return Refused(refusal) if status == 400 else ValueError(refusal)


def _message(error):
    """The server's error message."""
    try:
        text = error.read(2**16).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        text = ""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        text = json.loads(text)["error"]
    return one_line(str(text or error.reason))


# Names of dtypes in the JSON of protos.
_DTYPES = {
    "DT_FLOAT": np.float32,
    "DT_INT32": np.int32,
    "DT_INT64": np.int64,
    "DT_UINT8": np.uint8,
    "DT_STRING": object,
}


def _described(tensors):
    return {
        name: (
            np.dtype(_DTYPES[info["dtype"]]),
            tuple(int(dim["size"]) for dim in info["tensor_shape"].get("dim", [])),
        )
        for name, info in tensors.items()
    }


def _to_json(values):
    """Nested lists of numbers, or of bytes in TF Serving's encoding."""
    values = np.asarray(values)
    if values.dtype.kind in "SO":
        return [{"b64": base64.b64encode(value).decode()} for value in values]
    return values.tolist()


def _from_json(values, dtype):
    """An array of an output's dtype; TypeError, ValueError or OverflowError if the values do not fit."""
    if dtype.kind == "O":
        return np.array([base64.b64decode(value["b64"]) for value in values], object)
    found = np.array(values)
    if found.size and found.dtype.kind not in ("iu" if dtype.kind in "iu" else "iuf"):
        raise TypeError(f"{found.dtype} for {dtype}")
    if dtype.kind in "iu" and found.size:
        limits = np.iinfo(dtype)
        if found.min() < limits.min or found.max() > limits.max:
            raise OverflowError(f"{found.max()} for {dtype}")
    with np.errstate(over="ignore"):
        cast = found.astype(dtype)
    if not np.array_equal(np.isfinite(cast), np.isfinite(found)):
        raise OverflowError(f"numbers beyond {dtype}")
    return cast
