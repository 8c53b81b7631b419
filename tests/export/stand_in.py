"""A stand-in for TensorFlow Serving, for tests: its gRPC service, its REST paths, its batches.

    python tests/export/stand_in.py models     # a folder written by `latentzoo export`

It reads the same files, loads models by the same loader, and puts requests into batches by the rules of
TF Serving's batching session: one queue for each signature, a request is never split, the batch is
padded to an allowed size with the first row of its last request, and an error is that of the whole batch.
It is slow, serves whoever asks, and is part of no release.
"""

import argparse
import base64
import http.server
import json
import queue
import re
import threading
import time
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format, text_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

if __package__:
    from .session import Session
else:
    from session import Session

MOUNT = "/models/"  # the server's name of the folder
STATUS = {code.value[0]: code for code in grpc.StatusCode}


class Refusal(Exception):
    """A status and a message."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code, self.message = code, message


class Batching:
    """What `batching_parameters.txt` says."""

    def __init__(self, text: str):
        self.sizes = [int(size) for size in re.findall(r"^allowed_batch_sizes: (\d+)$", text, re.M)]
        self.maximum = int(re.search(r"max_batch_size { value: (\d+) }", text)[1])
        self.timeout = int(re.search(r"batch_timeout_micros { value: (\d+) }", text)[1]) / 1e6
        assert self.sizes == sorted(set(self.sizes)) and self.sizes[-1] == self.maximum

    def padded(self, size: int) -> int:
        return next(allowed for allowed in self.sizes if allowed >= size)


class Task:
    """A request in a queue, and its answer."""

    def __init__(self, inputs, size):
        self.inputs, self.size = inputs, size
        self.answer = futures.Future()


class Queue:
    """The batches of one signature, made and run by a thread."""

    def __init__(self, run, batching: Batching):
        self._run, self._batching = run, batching
        self._tasks = queue.Queue()
        self.sizes = []  # (rows, rows with padding, requests) of each batch
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, inputs):
        if any(array.ndim == 0 for array in inputs.values()):
            raise Refusal(STATUS[3], "Batching Run() input tensors must have at least one dimension")
        sizes = {len(array) for array in inputs.values()}
        if len(sizes) > 1:
            raise Refusal(STATUS[3], "Batching Run() input tensors must have equal 0th-dimension size")
        task = Task(inputs, sizes.pop())
        if not task.size:
            raise Refusal(STATUS[3], "Batching Run() input tensors must have at least one row")
        if task.size > self._batching.maximum:
            raise Refusal(STATUS[3], f"Task size {task.size} is larger than {self._batching.maximum}")
        self._tasks.put(task)
        return task.answer.result()

    def _work(self):
        waiting = None
        while True:
            batch, waiting = self._collect(waiting or self._tasks.get())
            try:
                answers = self._process(batch)
            except Exception as error:  # all of the batch fails
                for task in batch:
                    task.answer.set_exception(error)
            else:
                for task, answer in zip(batch, answers, strict=True):
                    task.answer.set_result(answer)

    def _collect(self, first):
        """A batch, and the task that did not fit into it."""
        batch, deadline = [first], time.monotonic() + self._batching.timeout
        while True:
            try:
                task = self._tasks.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return batch, None
            if sum(task.size for task in batch) + task.size > self._batching.maximum:
                return batch, task
            batch.append(task)

    def _process(self, batch):
        for name, array in batch[0].inputs.items():
            if any(task.inputs[name].shape[1:] != array.shape[1:] for task in batch):
                raise Refusal(STATUS[9], f"Tensors with name '{name}' have different shapes")
        size = sum(task.size for task in batch)
        padded = self._batching.padded(size)
        self.sizes.append((size, padded, len(batch)))
        merged = {
            name: np.concatenate([task.inputs[name] for task in batch] + [last[:1]] * (padded - size))
            for name, last in batch[-1].inputs.items()
        }
        outputs = self._run(merged)
        for array in outputs.values():
            assert len(array) == padded, "an output's dimension 0 is not the batch"
        ends = np.cumsum([task.size for task in batch])[:-1]
        parts = {name: np.split(array[:size], ends) for name, array in outputs.items()}
        return [{name: part[i] for name, part in parts.items()} for i in range(len(batch))]


class Version:
    """A loaded version of a model, with a queue for each signature if there is batching."""

    def __init__(self, path: Path, batching: Batching | None):
        self.number = int(path.name)
        self.session = Session(path)
        self.queues = {}
        if batching:
            self.queues = {name: self._queue(name, batching) for name in self.session.signatures}

    def _queue(self, name, batching):
        return Queue(lambda inputs: self.session.run(name, inputs), batching)

    def signature(self, name: str):
        name = name or "serving_default"
        if name not in self.session.signatures:
            raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return name, self.session.signatures[name]

    def predict(self, name, inputs, outputs):
        name, definition = self.signature(name)
        if set(inputs) != set(definition.inputs):
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"input size does not match signature: {sorted(inputs)} against {sorted(definition.inputs)}",
            )
        for key, info in definition.inputs.items():
            found = tf.as_dtype(inputs[key].dtype)
            if found != info.dtype:
                raise Refusal(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"input {key} expects {tf.as_dtype(info.dtype).name}, got {found.name}",
                )
        try:
            if name in self.queues and set(outputs or definition.outputs) == set(definition.outputs):
                return self.queues[name].ask(inputs)
            return self.session.run(name, inputs, tuple(outputs))
        except tf.errors.OpError as error:
            raise Refusal(STATUS[error.error_code], error.message) from None


class StandIn:
    """The models of a folder, served by what its `models.config` says.

    Args:
      folder: written by `latentzoo export`.
      batching: whether requests are batched as `batching_parameters.txt` says.
    """

    def __init__(self, folder: Path, batching: bool = True):
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse((folder / "models.config").read_text(), config)
        parameters = Batching((folder / "batching_parameters.txt").read_text()) if batching else None
        self.models, self.labels = {}, {}
        for model in config.model_config_list.config:
            base_path = folder / model.base_path.removeprefix(MOUNT)
            numbers = sorted(int(path.name) for path in base_path.iterdir() if path.name.isdecimal())
            served = numbers[-model.model_version_policy.latest.num_versions :]
            self.models[model.name] = {
                number: Version(base_path / str(number), parameters) for number in served
            }
            self.labels[model.name] = dict(model.version_labels)

    def version(self, name: str, number: int | None = None, label: str | None = None) -> Version:
        versions = self.models.get(name, {})
        if label:
            number = self.labels.get(name, {}).get(label, -1)
        if number is None and versions:
            number = max(versions)
        if number not in versions:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {name}")
        return versions[number]

    def start_grpc(self, port: int = 0, threads: int = 64) -> int:
        """Serves at a port of this machine alone; returns it."""
        limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.grpc_server = grpc.server(futures.ThreadPoolExecutor(threads), options=limits)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(self), self.grpc_server)
        port = self.grpc_server.add_insecure_port(f"localhost:{port}")
        self.grpc_server.start()
        return port

    def start_rest(self, port: int = 0) -> int:
        handler = type("Handler", (RestHandler,), {"models": self})
        server = type("Server", (http.server.ThreadingHTTPServer,), {"request_queue_size": 128})
        self.rest_server = server(("localhost", port), handler)
        threading.Thread(target=self.rest_server.serve_forever, daemon=True).start()
        return self.rest_server.server_port

    def stop(self) -> None:
        if hasattr(self, "grpc_server"):
            self.grpc_server.stop(None).wait()
        if hasattr(self, "rest_server"):
            self.rest_server.shutdown()
            self.rest_server.server_close()


def metadata(model: str, version: Version):
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = model
    response.model_spec.version.value = version.number
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, definition in version.session.signatures.items():
        signatures.signature_def[name].CopyFrom(definition)
    response.metadata["signature_def"].Pack(signatures)
    return response


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """The real stubs of TF Serving's gRPC service."""

    def __init__(self, models: StandIn):
        self._models = models

    def Predict(self, request, context):
        try:
            version = self._version(request.model_spec)
            inputs = {name: _array(name, tensor) for name, tensor in request.inputs.items()}
            name = request.model_spec.signature_name
            answer = version.predict(name, inputs, tuple(request.output_filter))
        except Refusal as refusal:
            context.abort(refusal.code, refusal.message)
        response = predict_pb2.PredictResponse()
        for name, array in answer.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(array))
        return response

    def GetModelMetadata(self, request, context):
        try:
            return metadata(request.model_spec.name, self._version(request.model_spec))
        except Refusal as refusal:
            context.abort(refusal.code, refusal.message)

    def _version(self, spec):
        number = spec.version.value if spec.HasField("version") else None
        return self._models.version(spec.name, number, spec.version_label or None)


def _array(name, tensor):
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise Refusal(STATUS[3], f"input {name} is no tensor: {error}") from None


class RestHandler(http.server.BaseHTTPRequestHandler):
    """TF Serving's REST paths: metadata and predict, in rows and in columns."""

    PATH = re.compile(
        r"/v1/models/(?P<model>[^/:]+)(?:/versions/(?P<number>\d+)|/labels/(?P<label>[^/:]+))?"
        r"(?P<verb>/metadata|:predict)"
    )

    def do_GET(self):
        self._reply("/metadata", lambda model, version: as_json(metadata(model, version)))

    def do_POST(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._reply(":predict", lambda model, version: predict_json(version, _request(content)))

    def _reply(self, verb, answer):
        match = self.PATH.fullmatch(self.path)
        try:
            if not match or match["verb"] != verb:
                raise Refusal(grpc.StatusCode.NOT_FOUND, f"Malformed request: {self.path}")
            number = match["number"] and int(match["number"])
            version = self.models.version(match["model"], number, match["label"])
            status, reply = 200, answer(match["model"], version)
        except Refusal as refusal:
            status = 404 if refusal.code is grpc.StatusCode.NOT_FOUND else 400
            reply = {"error": refusal.message}
        content = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Nothing is logged."""


def as_json(message) -> dict:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def _request(content: bytes) -> dict:
    """The JSON object of a request to predict."""
    try:
        request = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refusal(STATUS[3], f"JSON Parse error: {error}") from None
    if not isinstance(request, dict) or ("instances" in request) == ("inputs" in request):
        raise Refusal(STATUS[3], "JSON must be an object with either 'instances' or 'inputs'")
    if not isinstance(request.get("signature_name", ""), str):
        raise Refusal(STATUS[3], "'signature_name' must be a string")
    return request


def predict_json(version: Version, request: dict) -> dict:
    name, definition = version.signature(request.get("signature_name", ""))
    given = _columns(request["instances"]) if "instances" in request else request["inputs"]
    if not isinstance(given, dict) or set(given) == {"b64"}:
        given = {next(iter(definition.inputs)): given}
    inputs = {}
    for key, values in given.items():
        # Asked for an unknown key, a map of protobuf makes an entry of it, and all later requests fail.
        if key not in definition.inputs:
            raise Refusal(STATUS[3], f"input {key} is none of {sorted(definition.inputs)}")
        inputs[key] = _from_json(key, values, tf.as_dtype(definition.inputs[key].dtype))
    answer = {key: _to_json(key, array) for key, array in version.predict(name, inputs, ()).items()}
    if "inputs" in request:
        return {"outputs": answer if len(answer) > 1 else next(iter(answer.values()))}
    if len(answer) == 1:
        return {"predictions": next(iter(answer.values()))}
    rows = zip(*answer.values(), strict=True)
    return {"predictions": [dict(zip(answer, row, strict=True)) for row in rows]}


def _columns(rows):
    """Rows as columns by name, or as they are if they are the values of a single input."""
    if not isinstance(rows, list) or not rows:
        raise Refusal(STATUS[3], "'instances' must be a list of rows")
    first = rows[0]
    if not isinstance(first, dict) or set(first) == {"b64"}:
        return rows
    if not all(isinstance(row, dict) and set(row) == set(first) for row in rows):
        raise Refusal(STATUS[3], "'instances' must all have the same keys")
    return {key: [row[key] for row in rows] for key in first}


def _from_json(key, values, dtype):
    try:
        if dtype == tf.string:
            return np.array([base64.b64decode(value["b64"]) for value in values], object)
        array = np.array(values)
        if array.size and array.dtype.kind not in ("iu" if dtype.is_integer else "iuf"):
            raise TypeError(f"{array.dtype} is not of expected type {dtype.name}")
        return np.array(values, dtype.as_numpy_dtype)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise Refusal(STATUS[3], f"Invalid JSON values of {key}: {error}") from None


def _to_json(name, array):
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(value).decode()} for value in array]
    return array.tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for TensorFlow Serving, for tests.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8500)
    parser.add_argument("--rest_port", type=int, default=8501)
    arguments = parser.parse_args()
    models = StandIn(arguments.folder)
    port, rest_port = models.start_grpc(arguments.port), models.start_rest(arguments.rest_port)
    print(f"stand-in for TensorFlow Serving: gRPC at {port}, REST at {rest_port}", flush=True)
    models.grpc_server.wait_for_termination()


if __name__ == "__main__":
    main()
