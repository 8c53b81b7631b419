"""Clients and a stand-in for TF Serving: batches, malformed requests, both protocols."""

import base64
import functools
import io
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from latentzoo.export import client

from . import load
from .malformed import IMAGES, MALFORMED, NO_REQUESTS, PNGS, seeds
from .model_requests import answer_of_keras, assert_same, make, smooth_images
from .stand_in import StandIn
from .test_saved_model import SIGNATURES


@pytest.fixture(scope="module")
def server(models_folder):
    """The stand-in, with batching: (stand-in, gRPC address, REST address)."""
    stand_in = StandIn(models_folder)
    addresses = f"localhost:{stand_in.start_grpc()}", f"localhost:{stand_in.start_rest()}"
    yield stand_in, *addresses
    stand_in.stop()


@pytest.fixture(scope="module")
def unbatched(models_folder):
    """The gRPC address of a stand-in that takes each request by itself."""
    stand_in = StandIn(models_folder, batching=False)
    yield f"localhost:{stand_in.start_grpc()}"
    stand_in.stop()


@pytest.fixture(params=["gRPC", "REST"])
def connected(request, server):
    """A client of the tiny Glow."""
    _, address, rest_address = server
    kind, at = (client.Grpc, address) if request.param == "gRPC" else (client.Rest, rest_address)
    with kind("glow", at) as found:
        yield found


# Batches


def test_64_clients_at_once_get_what_each_would_get_alone(server, session, glow):
    stand_in, address, _ = server
    names = list(SIGNATURES)
    requests = [(name, make(glow, name, n, seed=n)) for name in names for n in (1, 2, 3, 7)]
    alone = [session.run(name, inputs) for name, inputs in requests]
    order = np.random.default_rng(0).integers(len(requests), size=640)
    own = threading.local()

    def ask(i):
        if not hasattr(own, "client"):
            own.client = client.Grpc("glow", address)
        name, inputs = requests[i]
        assert_same(own.client.predict(name, inputs), alone[i], 1e-6, step=0)

    with ThreadPoolExecutor(64) as clients:
        list(clients.map(ask, order))  # raises what a client raised
    batches = [batch for queue in stand_in.models["glow"][2].queues.values() for batch in queue.sizes]
    assert sum(requests for _, _, requests in batches) >= 640
    assert any(requests > 1 for _, _, requests in batches)
    assert any(padded > rows for rows, padded, _ in batches)


def test_malformed_requests_of_some_clients_do_no_harm_to_others(server, session, glow):
    _, address, rest_address = server
    counts = load.run(glow, session, "glow", address, rest_address, requests=640, malformed=0.1)
    assert counts["right"] > 400 and counts["refused"] > 30
    assert counts["right"] + counts["refused"] == 640, counts


# Malformed requests


# A batching TF Serving refuses these itself, in its own words.
BEFORE_THE_GRAPH = {"batches of 1 and 2", "scalar temperature"}


def refusal(address, signature, inputs):
    """The status of a request that must fail, of the bare service."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "glow", signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as error:
        prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=60)
    return error.value


@pytest.mark.parametrize("batching", [True, False])
@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_told_which_input_and_the_next_one_works(
    case, batching, server, unbatched, session, glow
):
    signature, inputs, message = MALFORMED[case]
    address = server[1] if batching else unbatched
    error = refusal(address, signature, inputs)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    if not (batching and case in BEFORE_THE_GRAPH):
        assert message in error.details()
    good = make(glow, signature, 2)
    with client.Grpc("glow", address) as connected:
        assert_same(connected.predict(signature, good), session.run(signature, good), 1e-6, step=0)


@pytest.mark.parametrize("content", NO_REQUESTS, ids=range(len(NO_REQUESTS)))
def test_json_that_is_no_request_is_refused_and_the_next_one_works(content, server, glow):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"http://{server[2]}/v1/models/glow:predict", body, timeout=60)
    assert error.value.code == 400 and json.load(error.value)["error"]
    good = {"signature_name": "sample", "inputs": {"seed": [[3, 0]], "temperature": [1.0]}}
    answer = post(server[2], "/v1/models/glow:predict", good)["outputs"]
    assert_same({"images": np.array(answer, np.uint8)}, {"images": first_of_seed_3(glow)})


@functools.cache
def first_of_seed_3(glow):
    return np.floor(np.asarray(glow.sample(1, seed=3)) * 256).clip(0, 255).astype(np.uint8)


# Clients


def test_the_methods_are_those_of_the_model(connected, glow):
    assert connected.event_shape == (8, 8, 1)
    samples = connected.sample(70, seed=3, temperature=0.5)  # more than the largest batch
    expected = np.floor(np.asarray(glow.sample(70, seed=3, temperature=0.5)) * 256).clip(0, 255)
    assert_same({"images": samples}, {"images": expected.astype(np.uint8)})
    images = smooth_images(np.random.default_rng(5), 3, (8, 8, 1))
    for method in ("log_prob", "encode"):
        expected = np.asarray(getattr(glow, method)(images))
        assert_same({"x": getattr(connected, method)(images)}, {"x": expected})
    bits = np.asarray(glow.bits_per_dim(images, seed=2))
    assert_same({"x": connected.bits_per_dim(images, seed=2)}, {"x": bits})
    fixed = np.asarray(glow.bits_per_dim(images, np.zeros([3, 2], np.int32)))
    assert_same({"x": connected.scores(images)["bits_per_dim"]}, {"x": fixed})
    latents = connected.encode(images)
    np.testing.assert_array_equal(connected.decode(latents), images)
    np.testing.assert_array_equal(connected.reconstruct(images), images)


def test_encoded_images_pass_both_protocols(connected, glow):
    inputs = make(glow, "reconstruct_from_png", 3)
    answer = connected.predict("reconstruct_from_png", inputs)
    assert_same(answer, answer_of_keras(glow, "reconstruct_from_png", inputs))


def test_a_label_chooses_the_version(server, glow):
    newest, previous = (
        client.Grpc("glow", server[1], label=label).sample(2) for label in ("newest", "previous")
    )
    rest = client.Rest("glow", server[2], label="previous").sample(2)
    np.testing.assert_array_equal(previous, rest)
    assert np.abs(newest.astype(int) - previous).max() > 5


def test_vectors_are_floats(server, moons):
    for connected in (client.Grpc("moons", server[1]), client.Rest("moons", server[2])):
        assert_same({"x": connected.sample(5, seed=1)}, {"x": np.asarray(moons.sample(5, seed=1))})
        with pytest.raises(ValueError, match="moons on '.*' has no signature 'bits_per_dim': it has decode"):
            connected.bits_per_dim(np.zeros([1, 2], np.float32))


def test_what_a_client_raises(connected, server):
    with pytest.raises(ValueError, match="refuses the request: .*temperature must be finite.*[]]$") as error:
        connected.predict("sample", {"seed": seeds(1), "temperature": np.full(1, np.nan, "f")})
    assert "node" not in str(error.value)  # of TensorFlow's graph
    with pytest.raises(ValueError, match="has no signature 'paint': it has bits_per_dim, "):
        connected._signature("paint")
    with pytest.raises(ValueError, match="refuses the request: Servable not found for request: clouds"):
        type(connected)("clouds", connected.server).sample(1)
    with pytest.raises(ConnectionError, match="server 'localhost:1' does not answer: "):
        type(connected)("glow", "localhost:1", timeout=5).sample(1)


def test_grpc_needs_its_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_serving.apis", None)
    with pytest.raises(ValueError, match="needs tensorflow-serving-api: pip install tensorflow-serving-api "):
        client.Grpc("glow")


# REST as curl speaks it


def post(address, path, content):
    request = urllib.request.Request(f"http://{address}{path}", json.dumps(content).encode())
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def test_rows_and_base64(server, glow):
    rows = [{"seed": [4, i], "temperature": 0.7} for i in range(2)]
    path = "/v1/models/glow:predict"
    answer = post(server[2], path, {"signature_name": "sample_to_png", "instances": rows})
    drawn = [Image.open(io.BytesIO(base64.b64decode(row["b64"]))) for row in answer["predictions"]]
    expected = np.floor(np.asarray(glow.sample(2, seed=4, temperature=0.7))[..., 0] * 256).clip(0, 255)
    assert np.abs(np.stack(drawn) - expected).max() <= 1
    png = {"b64": base64.b64encode(PNGS[0]).decode()}
    answer = post(
        server[2],
        "/v1/models/glow/labels/newest:predict",
        {"signature_name": "log_prob_from_png", "instances": [{"image_bytes": png}]},
    )
    (score,) = answer["predictions"]
    assert score["log_prob"] == pytest.approx(float(glow.log_prob(IMAGES[:1])[0]), rel=1e-5)


def test_a_refused_post_says_why(server):
    content = {"instances": [{"seed": [0, 0], "temperature": -1}]}
    with pytest.raises(urllib.error.HTTPError) as error:
        post(server[2], "/v1/models/glow:predict", content)
    assert error.value.code == 400
    assert "temperature must be finite and at least 0" in json.load(error.value)["error"]
