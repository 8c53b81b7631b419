"""Warm-up requests, which TF Serving runs after it has loaded a model and before it serves it.

TF Serving reads them from `assets.extra/tf_serving_warmup_requests`, a TFRecord file of at most 1000
`PredictionLog` protos.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf

from ..zoo.signatures import Signature

PLACE = Path("assets.extra") / "tf_serving_warmup_requests"


def write_requests(
    folder: Path, model: str, signatures: Iterable[Signature], batch_sizes: Sequence[int]
) -> None:
    """Writes a request for each signature at each batch size into the SavedModel in `folder`.

    Deprecated signatures get none: they share their graphs with the ones that replace them.

    Args:
      folder: the SavedModel.
      model: the model's name on the server.
      signatures: the signatures of the SavedModel.
      batch_sizes: the numbers of rows of the requests.
    """
    path = folder / PLACE
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in signatures:
            for size in () if signature.replaced_by else batch_sizes:
                writer.write(prediction_log(model, signature, size))


def prediction_log(model: str, signature: Signature, size: int) -> bytes:
    """Returns a serialized `PredictionLog`: a request of `size` rows, filled with the inputs' examples."""
    inputs = b""
    for name, info in signature.inputs.items():
        # TensorFlow fills the tensor with the one value.
        tensor = tf.make_tensor_proto(info.example, info.dtype, [size, *info.shape])
        inputs += _field(2, _field(1, name.encode()) + _field(2, tensor.SerializeToString()))
    model_spec = _field(1, model.encode()) + _field(3, signature.name.encode())
    return _field(6, _field(1, _field(1, model_spec) + inputs))


# TF Serving's protos are in an optional package, which an export must not require. So these few fields are
# encoded here in protobuf's wire format, which never changes:
#   PredictionLog.predict_log = 6; PredictLog.request = 1;
#   PredictRequest.model_spec = 1, inputs = 2 (a map: key = 1, value = 2);
#   ModelSpec.name = 1, signature_name = 3.


def _field(number: int, content: bytes) -> bytes:
    """Encodes a field of bytes, a string or a message: tag, length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    return bytes([*encoded, value])
