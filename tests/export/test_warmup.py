"""The warm-up requests, as TF Serving reads them."""

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from latentzoo.export import warmup
from latentzoo.export.server_files import BATCH_SIZES
from latentzoo.zoo import signatures


@pytest.fixture(scope="module")
def requests(exported):
    """The `PredictRequest`s of the export's file."""
    records = tf.data.TFRecordDataset(str(exported / "assets.extra" / "tf_serving_warmup_requests"))
    logs = [prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in records]
    assert all(log.WhichOneof("log_type") == "predict_log" for log in logs)
    return [log.predict_log.request for log in logs]


def test_there_is_one_for_each_signature_at_each_batch_size(requests, session):
    found = sorted(
        (request.model_spec.signature_name, tensor.tensor_shape.dim[0].size)
        for request in requests
        for tensor in list(request.inputs.values())[:1]
    )
    names = set(session.signatures) - {"serving_default"}
    assert found == sorted((name, size) for name in names for size in BATCH_SIZES)
    assert len(found) <= 1000  # more are an error to TF Serving


def test_they_run(requests, session):
    for request in requests:
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        assert set(inputs) == set(session.signatures[request.model_spec.signature_name].inputs)
        outputs = session.run(request.model_spec.signature_name, inputs)
        size = len(next(iter(inputs.values())))
        assert all(len(values) == size for values in outputs.values())


def test_what_is_written_by_hand_is_what_the_protos_write():
    inputs = {**signatures.seeds(), **signatures.images((30, 30, 3))}
    name = "s" * 200  # its length takes two bytes
    written = warmup.prediction_log("glow", signatures.Signature(name, inputs, {}, lambda *_: {}), size=3)
    expected = prediction_log_pb2.PredictionLog()
    request = expected.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = "glow", name
    request.inputs["seed"].CopyFrom(tf.make_tensor_proto(0, tf.int32, [3, 2]))
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(127, tf.uint8, [3, 30, 30, 3]))
    assert prediction_log_pb2.PredictionLog.FromString(written) == expected
    assert len(written) == expected.ByteSize() < 500
