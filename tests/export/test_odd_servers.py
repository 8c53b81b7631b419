"""Servers that are none, or answer with something else than their signatures say."""

import contextlib
import json
import socket
import threading
import time
from concurrent import futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from latentzoo.export import client

from .fake_client import I4, IMAGES, SEED, U1, Fake

ROWS = {"seed": np.zeros([1, 2], "i4")}


def http(body, status="200 OK", length=None):
    return f"HTTP/1.1 {status}\r\nContent-Length: {length or len(body)}\r\n\r\n".encode() + body


def metadata(**outputs):
    inputs = {"seed": {"dtype": "DT_INT32", "tensor_shape": {"dim": [{"size": "-1"}, {"size": "2"}]}}}
    described = {"signature_def": {"sample": {"inputs": inputs, "outputs": outputs}}}
    return http(json.dumps({"metadata": {"signature_def": described}}).encode())


ODD = {
    "breaks off": http(b'{"outputs": [1,', length=10_000),
    "closes at once": b"",
    "speaks gRPC": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x7f\xff\xff\xff",
    "HTML": http(b"<html>"),
    "a list": http(b"[]"),
    "deep": http(b"[" * 100_000),
    "deep in an object": http(b'{"outputs": ' + b"[" * 500 + b"]" * 500 + b"}"),
    "no outputs": http(b"{}"),
    "no object": http(b'{"outputs": 3, "metadata": [1]}'),
    "no known type": metadata(images={"dtype": "DT_HALF", "tensor_shape": {}}),
    "huge numbers": http(b'{"outputs": [[[[' + b"9" * 400 + b"]]]]}"),
    "more digits than Python reads": http(b'{"outputs": ' + b"9" * 5000 + b"}"),
    "not UTF-8": http(b'{"outputs": "\xff\xfe"}'),
    "an endless line": b"HTTP/1.1 200 " + b"x" * 100_000,
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "an error without words": http(b"", "500 Internal Server Error"),
    "an error that breaks off": http(b'{"error":', "400 Bad Request", 9_999),
    "an odd error": http(b'{"error": ["a"]}', "404 Not Found"),
    "endless sizes": metadata(
        images={"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": float("inf")}]}}
    ),
    "beyond float32": http(b'{"outputs": [[[[1e39]]]]}'),
    "a long line without a status": b"\x1b[2J" + b"x" * 60_000 + b"\r\n",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n",
    "a redirect to nowhere": b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
    "a gateway": http(b"", "503 Service Unavailable"),
}


@pytest.fixture
def serve():
    """A function: the bytes that a server at the returned address answers to anything."""
    servers = []

    def start(reply):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def loop():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(reply)

        threading.Thread(target=loop, daemon=True).start()
        return f"localhost:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.mark.parametrize("reply", ODD)
def test_an_odd_answer_is_an_error_that_names_the_server(reply, serve):
    address = serve(ODD[reply])
    rest = client.Rest("m", address, timeout=5)
    for ask in (lambda: rest.predict("sample", ROWS), lambda: rest.signatures, lambda: rest.sample(1)):
        with pytest.raises((ValueError, ConnectionError), match=address) as error:
            ask()
        assert len(str(error.value)) < 500 and not isinstance(error.value, UnicodeError)
        assert str(error.value).isprintable()


def test_a_signature_of_other_outputs_is_an_error(serve):
    rest = client.Rest("m", serve(metadata(pixels={"dtype": "DT_UINT8", "tensor_shape": {}})), timeout=5)
    with pytest.raises(
        ValueError, match="'sample' of m on '.*' has the outputs pixels, expected images or v"
    ):
        rest.sample(1)
    with pytest.raises(ValueError, match="m on '.*' has neither images nor vectors"):
        _ = rest.event_shape


LONG = "[\n" * 5_000  # a name or, of sizes, a shape
LONG_SHAPE = (-1, *[1] * 5_000)
LONG_NAMES = {
    "has no signature 'sample': it has": {LONG: {"inputs": SEED, "outputs": IMAGES}},
    "takes": {"sample": {"inputs": {LONG: SEED["seed"]}, "outputs": IMAGES}},
    "must be given": {"sample": {"inputs": {**SEED, LONG: SEED["seed"]}, "outputs": IMAGES}},
    "has the outputs": {"sample": {"inputs": SEED, "outputs": {LONG: IMAGES["images"]}}},
    "wrong": {"sample": {"inputs": SEED, "outputs": {**IMAGES, LONG: IMAGES["images"]}}},
    "with a wrong images": {"sample": {"inputs": SEED, "outputs": {"images": (U1, LONG_SHAPE)}}},
    "seed has shape": {"sample": {"inputs": {"seed": (I4, LONG_SHAPE)}, "outputs": IMAGES}},
}


@pytest.mark.parametrize("message", LONG_NAMES)
def test_long_names_and_shapes_of_a_server_are_cut(message):
    fake = Fake()
    fake.signatures = LONG_NAMES[message]
    fake.predict = lambda *_: {"images": np.zeros([1, 2, 2, 1], "u1")}
    with pytest.raises(ValueError, match=message) as error:
        fake.sample(1)
    assert len(str(error.value)) < 1000 and str(error.value).isprintable()


def test_w_of_a_wrong_rank_is_an_error():
    fake = Fake()
    for shape in ((-1,), LONG_SHAPE):
        fake.signatures = {"synthesis": {"inputs": {"w": (np.dtype("f4"), shape)}, "outputs": IMAGES}}
        for ask in (fake.synthesis, lambda w: fake.style_mix(w, w, 1)):
            with pytest.raises(ValueError, match=r"w of fake on .* has rows of shape \(.*, expected 2 dim"):
                ask(np.zeros([1, 1], "f4"))


def test_an_answer_of_wrong_numbers_is_an_error():
    signatures = {"sample": {"inputs": SEED, "outputs": IMAGES}}
    good = np.zeros([2, 2, 2, 1], "u1")
    for images in (good[:1], good[:, :1], good.astype("f4"), None):
        fake = Fake()
        fake.signatures = signatures
        fake.predict = lambda *_, images=images: {} if images is None else {"images": images}
        with pytest.raises(ValueError, match="server 'here:1' answers 'sample' with a wrong images: got "):
            fake.sample(2)


def test_nan_in_an_answer_is_not_passed_on():
    fake = Fake()
    fake.predict = lambda *_: {"latents": np.array([[0, 1, np.nan, 2]], "f4")}
    with pytest.raises(ValueError, match="server 'here:1' answers 'encode' with NaN in its latents"):
        fake.encode(np.zeros([1, 2, 2, 1], "u1"))


@pytest.mark.parametrize(
    "values",
    ["[[[[256]]]]", "[[[[-1]]]]", "[[[[0.5]]]]", '[[[["1"]]]]', "[[[[null]]]]", "[[[[true]]]]", "[[1], 2]"],
)
def test_json_that_is_no_bytes_is_no_image(values, serve):
    rest = client.Rest("m", serve(http(b'{"outputs": ' + values.encode() + b"}")), timeout=5)
    rest.__dict__["signatures"] = {"sample": {"inputs": SEED, "outputs": {"images": (U1, (-1, 1, 1, 1))}}}
    with pytest.raises(ValueError, match="answers 'sample' with JSON that is not its outputs"):
        rest.sample(1)


class OddService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers with nothing that a server of models would say."""

    def GetModelMetadata(self, request, context):
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        if request.model_spec.name == "broken":
            response.metadata["signature_def"].Pack(response)
            response.metadata["signature_def"].value = b"\xff\xff"
        return response

    def Predict(self, request, context):
        response = predict_pb2.PredictResponse()
        response.outputs["images"].dtype = 4
        response.outputs["images"].tensor_shape.dim.add(size=3)
        response.outputs["images"].tensor_content = b"too many bytes"
        if request.model_spec.name == "broken":  # one number for all of a shape
            response.outputs["images"].CopyFrom(tf.make_tensor_proto(np.zeros([1], "f4")))
            response.outputs["images"].tensor_shape.dim[0].size = 2**40
        return response


def test_odd_grpc_answers_name_the_server():
    server = grpc.server(futures.ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(OddService(), server)
    address = f"localhost:{server.add_insecure_port('localhost:0')}"
    server.start()
    for model in ("empty", "broken"):
        with client.Grpc(model, address) as asked:
            with pytest.raises(ValueError, match=f"'{address}' answers with no signatures for {model}"):
                asked.sample(1)
            with pytest.raises(ValueError, match=f"'{address}' answers 'sample' with tensors that cannot"):
                asked.predict("sample", ROWS)
    server.stop(None)
    with pytest.raises(ConnectionError, match=f"'{address}' cannot be asked"):  # closed
        asked.predict("sample", ROWS)


@pytest.mark.parametrize("kind", [client.Rest, client.Grpc])
def test_arguments_of_a_client_are_checked(kind, serve):
    for server in (
        "",
        "local host:1",
        "localhost:port",
        "localhost:0",
        "localhost:99999",
        "http://localhost:1",
    ):
        with pytest.raises(ValueError, match=f"server is '{server}', expected host:port"):
            kind("m", server)
    for server in (None, 8500, "localhost:1\n", "a@b:1", "\udc80:1", f"localhost:{'9' * 5000}"):
        with pytest.raises(ValueError, match="^server is .*, expected host:port"):
            kind("m", server)
    for options in ({"model": ""}, {"model": None}, {"model": "a\n"}, {"label": "\udc80"}, {"timeout": 0}):
        with pytest.raises(ValueError, match=f"^{next(iter(options))} is "):
            kind(**{"model": "m", **options})
    for server in ("no-such-host.invalid:8500", f"{'a' * 70}.invalid:1", "[::1]:1"):
        with kind("m", server, timeout=2) as asked, pytest.raises(ConnectionError, match="does not answer"):
            _ = asked.signatures


def test_names_are_one_part_of_the_path(serve):
    rest = client.Rest("a/b:c?d", "localhost:1", label="x/y")
    assert rest._url == "http://localhost:1/v1/models/a%2Fb%3Ac%3Fd/labels/x%2Fy"


DRIPPED = {
    "headers": (b"", b"X"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b" "),
    "sizes of chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "error": (b"HTTP/1.1 503 Busy\r\nContent-Length: 10000\r\n\r\n", b" "),
}


@pytest.mark.parametrize("part", DRIPPED)
def test_an_answer_that_comes_byte_by_byte_ends_at_the_timeout(part):
    start, byte = DRIPPED[part]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(start)
                for _ in range(200):
                    connection.sendall(byte)
                    time.sleep(0.02)

        threading.Thread(target=drip, daemon=True).start()
        rest = client.Rest("m", f"localhost:{server.getsockname()[1]}", timeout=0.3)
        began = time.monotonic()
        with pytest.raises(ConnectionError, match="does not answer"):
            rest.predict("sample", ROWS)
        assert time.monotonic() - began < 2
