"""Clients of a model on TF Serving: over gRPC, and over REST with nothing but the standard library.

    from latentzoo.export import client
    with client.Grpc("glow-fashion-mnist", "localhost:8500") as model:
        images = model.sample(16, seed=0, temperature=0.7)  # uint8 [16, 28, 28, 1]

The methods are those of the models in Keras, over NumPy arrays, and images are uint8. The same seed
gives the same images as `model.sample`.
"""

import abc
import base64
import functools
import json
import urllib.error
import urllib.parse
import urllib.request

import numpy as np

from .server_files import BATCH_SIZES

# The optional package that holds the protos and the stub.
EXTRA = "latentzoo[client]"


class Client(abc.ABC):
    """What both clients share.

    Args:
      model: its name on the server.
      server: host:port.
      label: of the version to ask, `newest` or `previous` for instance; by default the server's newest.
      timeout: of a request, in seconds.

    Raises (all methods):
      ValueError: the server refuses the request, or has no such model, version or signature.
      ConnectionError: no answer.
    """

    def __init__(self, model: str, server: str, label: str | None = None, timeout: float = 60.0):
        self.model, self.server, self.label, self.timeout = model, server, label, timeout

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the connection, if there is one."""

    @property
    @abc.abstractmethod
    def signatures(self) -> dict[str, dict]:
        """The model's signatures: name -> {"inputs": {name: (dtype, shape)}, "outputs": the same}.

        The batch is -1 in a shape.
        """

    @abc.abstractmethod
    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Calls a signature with batches, and returns its outputs by name."""

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Of an image, (H, W, C), or of a vector, (D,)."""
        ((_, shape),) = self._signature("sample")["outputs"].values()
        return tuple(shape[1:])

    def sample(self, n: int, seed: int = 0, temperature: float = 1.0, labels=None) -> np.ndarray:
        """`n` samples, uint8 `[n, H, W, C]` (vectors: float32 `[n, D]`), row i from (seed, i) alone.

        Args:
          n: at least 1; more than the server's largest batch go in several requests.
          seed: an integer.
          temperature: the standard deviation of the latents.
          labels: integers `[n]`, or one for all, of a conditional model.
        """
        rows = {
            "seed": np.stack([np.full(n, seed), np.arange(n)], axis=1).astype(np.int32),
            "temperature": np.full(n, temperature, np.float32),
        }
        (output,) = self._in_batches("sample", self._with_labels(rows, labels)).values()
        return output

    def scores(self, images, labels=None) -> dict[str, np.ndarray]:
        """`log_prob` and, of images, `bits_per_dim`, in one request."""
        return self._in_batches("log_prob", self._rows("log_prob", images, labels))

    def log_prob(self, images, labels=None) -> np.ndarray:
        """log p in nats, float32 `[N]`, of uint8 images `[N, H, W, C]` or of vectors `[N, D]`."""
        return self.scores(images, labels)["log_prob"]

    def bits_per_dim(self, images, labels=None) -> np.ndarray:
        """-log2 p / (H * W * C) of uint8 images, float32 `[N]`, with noise of the seed (0, 0) in each row."""
        scores = self.scores(images, labels)
        if "bits_per_dim" not in scores:
            raise ValueError(f"{self.model} is a model of vectors: bits_per_dim is of images alone.")
        return scores["bits_per_dim"]

    def encode(self, images, labels=None) -> np.ndarray:
        """The latents of images or vectors, float32 `[N, D]`."""
        return self._one_output("encode", images, labels)

    def decode(self, latents, labels=None) -> np.ndarray:
        """The images or vectors of latents `[N, D]`."""
        return self._one_output("decode", latents, labels)

    def reconstruct(self, images, labels=None) -> np.ndarray:
        """`decode(encode(images))`."""
        return self._one_output("reconstruct", images, labels)

    def _one_output(self, signature, values, labels):
        (output,) = self._in_batches(signature, self._rows(signature, values, labels)).values()
        return output

    def _rows(self, signature, values, labels):
        """The inputs of a signature that has one besides the labels."""
        described = self._signature(signature)["inputs"]
        (name,) = set(described) - {"labels"}
        dtype, values = described[name][0], np.asarray(values)
        if not np.can_cast(values.dtype, dtype, "same_kind"):
            raise ValueError(f"{name} has dtype {values.dtype}, expected {dtype}.")
        return self._with_labels({name: values.astype(dtype)}, labels)

    def _signature(self, name):
        if name not in self.signatures:
            raise ValueError(
                f"{self.model} on '{self.server}' has no signature {name!r}: "
                f"it has {', '.join(sorted(self.signatures))}."
            )
        return self.signatures[name]

    def _with_labels(self, rows, labels):
        if labels is None:
            return rows
        n = len(next(iter(rows.values())))
        return {**rows, "labels": np.broadcast_to(np.asarray(labels, np.int32), [n])}

    def _in_batches(self, signature, rows):
        """One call for each of the server's largest batches. A row's answer is the same in any batch."""
        size = BATCH_SIZES[-1]
        n = len(next(iter(rows.values())))
        answers = [
            self.predict(signature, {name: values[start : start + size] for name, values in rows.items()})
            for start in range(0, n, size)
        ]
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


class Grpc(Client):
    """Over gRPC, the faster one. It needs `pip install latentzoo[client]`.

    Args: as `Client`'s.

    Raises:
      ValueError: tensorflow-serving-api is not installed.
    """

    def __init__(self, model, server="localhost:8500", label=None, timeout=60.0):
        super().__init__(model, server, label, timeout)
        try:
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise ValueError(
                f"the gRPC client needs tensorflow-serving-api: pip install '{EXTRA}' ({error})."
            ) from None
        limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(server, options=limits)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def close(self):
        self._channel.close()

    @functools.cached_property
    def signatures(self):
        import tensorflow as tf
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request.model_spec)
        response = self._call(self._stub.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)

        def described(tensors):
            return {
                name: (
                    np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype),
                    tuple(dim.size for dim in info.tensor_shape.dim),
                )
                for name, info in tensors.items()
            }

        return {
            name: {"inputs": described(signature.inputs), "outputs": described(signature.outputs)}
            for name, signature in found.signature_def.items()
            if not name.startswith("__")
        }

    def predict(self, signature, inputs):
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name_model(request.model_spec)
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        response = self._call(self._stub.Predict, request)
        return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}

    def _name_model(self, spec):
        spec.name = self.model
        if self.label is not None:
            spec.version_label = self.label

    def _call(self, method, request):
        import grpc

        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise ConnectionError(f"server '{self.server}' does not answer: {error.details()}") from None
            raise ValueError(f"server '{self.server}' refuses the request: {error.details()}") from None


class Rest(Client):
    """Over REST, with the standard library alone.

    Args: as `Client`'s.
    """

    def __init__(self, model, server="localhost:8501", label=None, timeout=60.0):
        super().__init__(model, server, label, timeout)
        version = "" if label is None else f"/labels/{urllib.parse.quote(label)}"
        self._url = f"http://{server}/v1/models/{urllib.parse.quote(model)}{version}"

    def close(self):
        """Nothing to close: each request has a connection of its own."""

    @functools.cached_property
    def signatures(self):
        answer = self._call("/metadata")
        found = answer["metadata"]["signature_def"]["signature_def"]
        return {
            name: {side: _described(signature[side]) for side in ("inputs", "outputs")}
            for name, signature in found.items()
            if not name.startswith("__")
        }

    def predict(self, signature, inputs):
        columns = {name: _to_json(values) for name, values in inputs.items()}
        answer = self._call(":predict", {"signature_name": signature, "inputs": columns})["outputs"]
        described = self._signature(signature)["outputs"]
        if len(described) == 1:  # the server leaves out the name of a single output
            answer = {next(iter(described)): answer}
        return {name: _from_json(answer[name], dtype) for name, (dtype, _) in described.items()}

    def _call(self, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        try:
            with urllib.request.urlopen(self._url + path, data, timeout=self.timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ValueError(f"server '{self.server}' refuses the request: {_message(error)}") from None
        except (urllib.error.URLError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            raise ConnectionError(f"server '{self.server}' does not answer: {reason}") from None


def _message(error):
    """What the server says is wrong."""
    text = error.read().decode(errors="replace")
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text or error.reason


# The JSON of protos calls types DT_UINT8 and the like.
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
    """Nested lists of numbers, and bytes as TF Serving takes them."""
    values = np.asarray(values)
    if values.dtype.kind in "SO":
        return [{"b64": base64.b64encode(value).decode()} for value in values]
    return values.tolist()


def _from_json(values, dtype):
    if dtype.kind == "O":
        return np.array([base64.b64decode(value["b64"]) for value in values], object)
    return np.array(values, dtype)
