"""The client over gRPC."""

import functools
import math

import numpy as np

from .asking import LARGEST_ANSWER, Tensors
from .base import Client
from .errors import Refused, TooLarge, is_too_large, one_line

# The optional package with the protos and the stub.
PACKAGE = "tensorflow-serving-api"


class Grpc(Client):
    """A client over gRPC, faster than REST. It needs `pip install tensorflow-serving-api`.

    Args: as `Client`'s.

    Raises:
      ValueError: tensorflow-serving-api is not installed, or an argument is of a wrong kind.
    """

    def __init__(
        self, model: str, server: str = "localhost:8500", label: str | None = None, timeout: float = 60.0
    ):
        super().__init__(model, server, label, timeout)
        try:
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise ValueError(f"the gRPC client needs {PACKAGE}: pip install {PACKAGE} ({error}).") from None
        limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._channel = grpc.insecure_channel(server, options=limits)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    @functools.cached_property
    def signatures(self) -> dict[str, dict[str, Tensors]]:
        from google.protobuf.message import DecodeError
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name_model(request.model_spec)
        response = self._call(self._stub.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        try:
            response.metadata["signature_def"].Unpack(found)
            signatures = {
                name: {"inputs": _described(signature.inputs), "outputs": _described(signature.outputs)}
                for name, signature in found.signature_def.items()
                if not name.startswith("__")
            }
        except (DecodeError, TypeError, ValueError):
            signatures = {}
        if not signatures:
            raise ValueError(f"server '{self.server}' answers with no signatures for {self.model}.")
        return signatures

    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name_model(request.model_spec)
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        response = self._call(self._stub.Predict, request)
        try:
            for tensor in response.outputs.values():
                _check_size(tensor)
            return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}
        except (TypeError, ValueError):
            raise ValueError(
                f"server '{self.server}' answers {signature!r} with tensors that cannot be read."
            ) from None

    def _name_model(self, spec):
        spec.name = self.model
        if self.label is not None:
            spec.version_label = self.label

    def _call(self, method, request):
        import grpc

        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            raise self._error(error.code(), error.details()) from None
        except ValueError as error:  # a closed channel
            raise ConnectionError(f"server '{self.server}' cannot be asked: {error}") from None

    def _error(self, code, details):
        import grpc

        details = one_line(details or code.name)
        refusal = f"server '{self.server}' refuses the request: {details}"
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return ConnectionError(f"server '{self.server}' does not answer: {details}")
        if is_too_large(details):
            return TooLarge(refusal)
        # Rows of different shapes in a batch fail its precondition.
        of_batch = code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)
        return Refused(refusal) if of_batch else ValueError(refusal)


def _check_size(tensor):
    """Raises ValueError if a tensor is too large: its proto may repeat a few numbers to fill any shape."""
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    if min(sizes, default=0) < 0 or math.prod(sizes) > LARGEST_ANSWER:
        raise ValueError(f"a tensor of shape {sizes}")


def _described(tensors):
    import tensorflow as tf

    return {
        name: (
            np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype),
            tuple(dim.size for dim in info.tensor_shape.dim),
        )
        for name, info in tensors.items()
    }
