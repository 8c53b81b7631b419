"""What the clients check before they ask, how they share rows among requests, and servers that are none."""

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
from latentzoo.export.client.asking import MESSAGE_BYTES
from latentzoo.export.client.errors import Refused, TooLarge

I4, F4, U1 = np.dtype("i4"), np.dtype("f4"), np.dtype("u1")
IMAGES = {"images": (U1, (-1, 2, 2, 1))}
LATENTS = {"latents": (F4, (-1, 4))}
SEED = {"seed": (I4, (-1, 2))}
TEMPERATURE = {"temperature": (F4, (-1,))}
SIGNATURES = {
    "sample": {"inputs": {**SEED, **TEMPERATURE, "labels": (I4, (-1,))}, "outputs": IMAGES},
    "encode": {"inputs": IMAGES, "outputs": LATENTS},
    "decode": {"inputs": LATENTS, "outputs": IMAGES},
    "style_mix": {
        "inputs": {"styles": (F4, (-1, 6)), "other_styles": (F4, (-1, 6)), "crossover": (I4, (-1,))},
        "outputs": IMAGES,
    },
}
W = {"w": (F4, (-1, 3, 2))}
OF_STYLES = {
    "mapping": {"inputs": {**LATENTS, "truncation": (F4, (-1,))}, "outputs": W},
    "synthesis": {"inputs": W, "outputs": IMAGES},
}


class Fake(client.Client):
    """A server in the client itself, whose images are the low byte of each row's second seed."""

    signatures = SIGNATURES

    def __init__(self, largest=64, bad_neighbours=False):
        super().__init__("fake", "here:1")
        self.largest, self.bad_neighbours = largest, bad_neighbours
        self.asked = []

    def close(self):
        pass

    def predict(self, signature, inputs):
        n = len(next(iter(inputs.values())))
        self.asked.append((signature, n, inputs))
        if n > self.largest:
            raise TooLarge(f"Task size {n} is larger than {self.largest}")
        if self.bad_neighbours and n < self.largest:
            raise Refused("temperature must be finite and at least 0, got nan")
        if signature == "encode":
            return {"latents": inputs["images"].reshape(n, 4).astype("f4")}
        rows = inputs["seed"][:, 1] if signature == "sample" else np.arange(n)
        return {"images": np.broadcast_to(rows[:, None, None, None], [n, 2, 2, 1]).astype("u1")}


REFUSED = {
    "n is 0, expected an integer of at least 1": lambda m: m.sample(0),
    "n is -1, ": lambda m: m.sample(-1),
    "n is 1.5, ": lambda m: m.sample(1.5),
    "n is True, ": lambda m: m.sample(True),
    "n is 2147483648, ": lambda m: m.sample(2**31),
    r"seed is 2147483648, expected integers in \[-2\^31, 2\^31\), one or \[2, 2\]": lambda m: m.sample(
        2, seed=2**31
    ),
    "seed is -2147483649, ": lambda m: m.sample(2, seed=-(2**31) - 1),
    "seed is 1.5, ": lambda m: m.sample(2, seed=1.5),
    "seed is nan, ": lambda m: m.sample(2, seed=float("nan")),
    "seed is True, ": lambda m: m.sample(2, seed=True),
    "seed is None, ": lambda m: m.sample(2, seed=None),
    "seed is 1000.*[.][.][.], ": lambda m: m.sample(2, seed=10**400),
    "seed is a very large int, ": lambda m: m.sample(2, seed=10**5000),
    "seed .* makes no array": lambda m: m.sample(2, seed=[[1, 2], [3]]),
    r"seed is \[1, 2\], ": lambda m: m.sample(2, seed=[1, 2]),
    "labels must be given": lambda m: m.sample(2),
    "labels has dtype float64, expected int32": lambda m: m.sample(2, labels=[0.5, 1.5]),
    "labels holds values from 0 to 4294967296, expected int32": lambda m: m.sample(2, labels=[0, 2**32]),
    "labels is -1, expected at least 0": lambda m: m.sample(2, labels=-1),
    r"labels has shape \(3,\), expected one number or \[2\]": lambda m: m.sample(2, labels=[0, 1, 2]),
    "labels has dtype bool": lambda m: m.sample(2, labels=True),
    "temperature holds NaN": lambda m: m.sample(2, temperature=float("nan"), labels=0),
    "temperature holds NaN, infinity or numbers beyond float32": lambda m: m.sample(
        2, temperature=1e39, labels=0
    ),
    "temperature is -0.5, expected at least 0": lambda m: m.sample(2, temperature=-0.5, labels=0),
    "temperature has dtype <U1, expected float32": lambda m: m.sample(2, temperature="1", labels=0),
    r"images is empty \(N = 0\), expected \[N, 2, 2, 1\]": lambda m: m.encode(np.zeros([0, 2, 2, 1], "u1")),
    r"images is empty": lambda m: m.encode([]),
    r"images has shape \(2, 2, 1\), expected \[N, 2, 2, 1\]": lambda m: m.encode(np.zeros([2, 2, 1], "u1")),
    "images has dtype float64, expected uint8": lambda m: m.encode(np.zeros([1, 2, 2, 1])),
    "images has dtype bool, expected uint8": lambda m: m.encode(np.ones([1, 2, 2, 1], bool)),
    "images holds values from -1 to 300, expected uint8 from 0 to 255": lambda m: m.encode(
        np.array([-1, 0, 300, 1]).reshape(1, 2, 2, 1)
    ),
    "latents holds NaN": lambda m: m.decode(np.array([[0, 0, np.nan, 0]])),
    "latents holds .* beyond float32": lambda m: m.decode(np.full([1, 4], 1e39)),
    "latents is of type list and makes no array": lambda m: m.decode([[1, 2, 3, 4], [1]]),
    r"latents has shape \(1, 3\), expected \[N, 4\]": lambda m: m.decode(np.zeros([1, 3])),
    "latents holds values from -2e.06 to 0, expected at least -1e.06 and at most 1e.06": lambda m: m.decode(
        [[0, 0, -2e6, 0]]
    ),
    "temperature is 2000000.0, expected at least 0 and at most 1e.06": lambda m: m.sample(
        2, temperature=2e6, labels=0
    ),
    "styles and other_styles must have one batch size": lambda m: m.style_mix(
        np.zeros([2, 6]), np.zeros([3, 6]), 1
    ),
    "crossover has dtype float64": lambda m: m.style_mix(np.zeros([1, 6]), np.zeros([1, 6]), 1.5),
    "truncation must not be given": lambda m: m.sample(2, labels=0, truncation=1.0),
    "has no signature 'elbo': it has decode, encode, sample, style_mix": lambda m: m.elbo(
        np.zeros([1, 2, 2, 1], "u1")
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_request_that_cannot_be_right_is_not_sent(message):
    fake = Fake()
    with pytest.raises(ValueError, match=message):
        REFUSED[message](fake)
    assert not fake.asked


@pytest.mark.parametrize("seed", [-(2**31), 2**31 - 1, np.int64(7), np.array([[5, 1], [-6, 0]])])
def test_a_seed_is_sent_as_it_is(seed):
    fake = Fake()
    fake.sample(2, seed=seed, labels=0)
    ((_, _, inputs),) = fake.asked
    expected = seed if np.ndim(seed) else [[seed, 0], [seed, 1]]
    np.testing.assert_array_equal(inputs["seed"], expected)
    assert inputs["seed"].dtype == np.int32


def test_an_older_export_gets_flat_styles():
    fake = Fake()
    w = np.arange(12.0).reshape(2, 3, 2)
    fake.style_mix(w, 1 - w, [0, 3])
    ((_, _, inputs),) = fake.asked
    np.testing.assert_array_equal(inputs["styles"], w.reshape(2, 6))
    np.testing.assert_array_equal(inputs["crossover"], [0, 3])


def test_w_is_mixed_before_it_is_sent():
    fake = Fake()
    fake.signatures = OF_STYLES
    w = np.arange(12.0).reshape(2, 3, 2)
    fake.style_mix(w, -w, [0, 2])
    with pytest.warns(DeprecationWarning, match=r"flat w_a is \[N, 3, 2\] now"):
        fake.style_mix(w.reshape(2, 6).tolist(), -w, [0, 2])
    (_, _, inputs), (_, _, of_flat) = fake.asked
    np.testing.assert_array_equal(inputs["w"], [-w[0], [*w[1, :2], -w[1, 2]]])
    np.testing.assert_array_equal(of_flat["w"], inputs["w"])


def test_old_names_of_the_methods_warn():
    w = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
    answers = {"mapping": {"w": w}, "map": {"styles": w.reshape(2, 6)}}
    older = {"map": {**OF_STYLES["mapping"], "outputs": {"styles": (F4, (-1, 6))}}}
    for signatures in (OF_STYLES, older):
        fake = Fake()
        fake.signatures = signatures
        fake.predict = lambda signature, _: answers[signature]
        assert fake.latent_size == 4
        with pytest.warns(DeprecationWarning, match="map is mapping now"):
            np.testing.assert_array_equal(fake.map(np.zeros([2, 4])), w.reshape(2, 6))
    fake = Fake()
    fake.signatures = OF_STYLES
    with pytest.warns(DeprecationWarning, match="synthesize is synthesis now"):
        fake.synthesize(w)
    with pytest.warns(DeprecationWarning, match="styles is w_a now"):
        fake.style_mix(styles=w, w_b=w, crossover=1)
    for _, _, inputs in fake.asked:
        np.testing.assert_array_equal(inputs["w"], w)


# Requests of many rows


def test_rows_are_sent_in_batches_that_the_server_takes():
    fake = Fake()
    np.testing.assert_array_equal(fake.sample(130, labels=0)[:, 0, 0, 0], np.arange(130))
    assert [n for _, n, _ in fake.asked] == [64, 64, 2]


def test_a_server_with_smaller_batches_gets_smaller_ones():
    fake = Fake(largest=20)
    for _ in range(2):
        np.testing.assert_array_equal(fake.sample(40, labels=0)[:, 0, 0, 0], np.arange(40))
    assert [n for _, n, _ in fake.asked] == [40, 32, 16, 16, 8, 16, 16, 8]  # it remembers


def test_a_row_that_is_too_large_ends_in_an_error():
    with pytest.raises(ValueError, match="Task size 1 is larger than 0"):
        Fake(largest=0).sample(3, labels=0)


def test_large_rows_are_sent_in_parts_of_a_message():
    fake = Fake()
    pixels = MESSAGE_BYTES // 4
    fake.signatures = {"encode": {"inputs": {"images": (U1, (-1, pixels, 1, 1))}, "outputs": LATENTS}}
    sizes = []
    fake.predict = lambda _, inputs: (
        sizes.append(len(inputs["images"])) or {"latents": np.zeros([len(inputs["images"]), 4], "f4")}
    )
    assert fake.encode(np.broadcast_to(np.uint8(0), [9, pixels, 1, 1])).shape == (9, 4)
    assert sizes == [4, 4, 1]


def test_the_mistakes_of_others_are_not_ours():
    fake = Fake(bad_neighbours=True)
    np.testing.assert_array_equal(fake.sample(3, labels=[0, 1, 2])[:, 0, 0, 0], [0, 1, 2])
    assert [n for _, n, _ in fake.asked] == [3, 3, 64]  # the last one fills a batch
    full = fake.asked[-1][2]
    np.testing.assert_array_equal(full["labels"], [0, 1, 2] + [0] * 61)


# Servers that are none

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


def test_a_signature_of_other_outputs_is_an_error(serve):
    rest = client.Rest("m", serve(metadata(pixels={"dtype": "DT_UINT8", "tensor_shape": {}})), timeout=5)
    with pytest.raises(
        ValueError, match="'sample' of m on '.*' has the outputs pixels, expected images or v"
    ):
        rest.sample(1)
    with pytest.raises(ValueError, match="m on '.*' has neither images nor vectors"):
        _ = rest.event_shape


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
