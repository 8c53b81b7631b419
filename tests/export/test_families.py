"""A model of each family on a server: clients and the command answer as Keras does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from latentzoo.cli import main
from latentzoo.export import client
from latentzoo.zoo import pictures

from .model_requests import as_png, smooth_images
from .stand_in import StandIn

METHODS = {
    "flow": ("sample", "encode", "decode", "reconstruct", "log_prob", "bits_per_dim"),
    "vectors": ("sample", "encode", "decode", "reconstruct", "log_prob"),
    "vae": ("sample", "encode", "decode", "reconstruct", "elbo", "kl", "bits_per_dim"),
    "autoencoder": ("encode", "decode", "reconstruct"),
    "gan": ("sample", "decode"),
    "style": ("sample", "decode", "mapping", "synthesis", "style_mix"),
}
OF_ROWS = ("encode", "reconstruct", "log_prob", "bits_per_dim", "elbo", "kl")


@pytest.fixture(scope="module")
def addresses(exports):
    """Of a stand-in that serves all of them, by protocol."""
    stand_in = StandIn(exports)
    yield {"gRPC": f"localhost:{stand_in.start_grpc()}", "REST": f"localhost:{stand_in.start_rest()}"}
    stand_in.stop()


@pytest.fixture(scope="module", params=["gRPC", "REST"])
def connect(request, addresses):
    """A function: name of a family -> a client of its model."""
    kind = {"gRPC": client.Grpc, "REST": client.Rest}[request.param]
    return lambda name: kind(name, addresses[request.param])


# The methods


def arguments(model, method) -> dict:
    """Three rows for a method, under the names that Keras and the client share."""
    rng = np.random.default_rng(7)
    labels = {"labels": np.array([2, 0, 1])} if model.num_classes else {}
    if method == "sample":
        scale = {"StyleGAN2": {"truncation": 0.7}, "GAN": {}}.get(type(model).__name__, {"temperature": 0.5})
        return {"num_samples": 3, "seed": 2**31 - 1, **scale, **labels}
    if method in ("decode", "mapping"):
        scale = {"truncation": 0.7} if type(model).__name__ == "StyleGAN2" else {}
        return {"latents": rng.normal(size=[3, model.latent_dim]).astype("f"), **scale, **labels}
    if method in OF_ROWS:
        is_image = len(model.event_shape) == 3
        seed = {"seed": 5} if method in ("bits_per_dim", "elbo", "kl") else {}
        events = smooth_images(rng, 3, model.event_shape) if is_image else rng.normal(size=[3, 2]).astype("f")
        return {"images": events, **seed, **labels}
    w_a, w_b = rng.normal(size=[2, 3, model.num_ws, model.w_dim]).astype("f")
    if method == "synthesis":
        return {"w": w_a}
    return {"w_a": w_a, "w_b": w_b, "crossover": [0, 2, model.num_ws]}


@pytest.fixture(scope="module")
def answers(models):
    """(family, method) -> what Keras gives, images as the bins of 256."""
    tf.config.run_functions_eagerly(True)  # tracing takes longer than one call
    try:
        return {
            (family, method): binned(of_keras(models[family], method, arguments(models[family], method)))
            for family, methods in METHODS.items()
            for method in methods
        }
    finally:
        tf.config.run_functions_eagerly(False)


def of_keras(model, method, given):
    if method == "synthesis":
        return model.synthesis(given["w"], noise="const")
    if method == "style_mix":
        rows = zip(given["w_a"], given["w_b"], given["crossover"], strict=True)
        mixed = np.concatenate([model.style_mix(a[None], b[None], crossover) for a, b, crossover in rows])
        return model.synthesis(mixed, noise="const")
    if method in OF_ROWS:
        return getattr(model, method)(given.pop("images"), **given)
    if method == "sample":
        return model.sample(given.pop("num_samples"), **given)
    return getattr(model, method)(**given)


def binned(values):
    values = np.asarray(values)
    return np.floor(values * 256).clip(0, 255).astype(np.uint8) if values.ndim == 4 else values


@pytest.mark.parametrize("family, method", [(name, method) for name in METHODS for method in METHODS[name]])
def test_a_method_answers_as_keras_does(family, method, connect, models, answers):
    with connect(family) as asked:
        found = getattr(asked, method)(**arguments(models[family], method))
    expected = answers[family, method]
    assert found.dtype == expected.dtype and found.shape == expected.shape
    if found.dtype == np.uint8:
        assert np.abs(found.astype(int) - expected).max() <= 1
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_shapes_are_read_from_the_signatures(connect, models):
    for family, model in models.items():
        asked = connect(family)
        assert asked.event_shape == tuple(model.event_shape)
        assert asked.latent_dim == model.latent_dim


@pytest.mark.parametrize(
    "family, call, message",
    [
        ("gan", lambda m: m.sample(1, temperature=0.5, labels=0), "temperature must not be given: 'sample'"),
        ("style", lambda m: m.sample(1, temperature=1.0, labels=0), "takes labels, seed, truncation."),
        ("flow", lambda m: m.sample(1, truncation=0.5, labels=0), "truncation must not be given"),
        ("flow", lambda m: m.sample(1), "labels must be given: 'sample' of flow on '"),
        ("gan", lambda m: m.decode(np.zeros([1, 3]), labels=3), "labels must be at least 0 and below 3, got"),
        ("vae", lambda m: m.sample(1, labels=0), "labels must not be given"),
        (
            "vae",
            lambda m: m.log_prob(np.zeros([1, 8, 8, 1], "u1")),
            "vae on '.*' has no signature 'log_prob'",
        ),
        (
            "autoencoder",
            lambda m: m.sample(1),
            "has no signature 'sample': it has decode, decode_to_png, enc",
        ),
        (
            "gan",
            lambda m: m.mapping(np.zeros([1, 3])),
            "gan on '.*' has no signature 'mapping': it has decode, ",
        ),
        ("style", lambda m: m.synthesis(np.zeros([1, 7])), r"w has shape \(1, 7\), expected \[N, "),
        (
            "style",
            lambda m: m.style_mix(np.zeros([1, 6, 6]), np.zeros([2, 6, 6]), 1),
            "w_a and w_b must have",
        ),
        (
            "style",
            lambda m: m.style_mix(*np.zeros([2, 1, 6, 6]), 7),
            "crossover is 7, expected at least 0 and",
        ),
        ("gan", lambda m: m.decode(np.full([1, 3], 2e6), labels=0), "latents holds values from 2e.06 to 2e"),
        (
            "vae",
            lambda m: m.sample(1, temperature=2e6),
            "temperature is 2000000.0, expected at least 0 and at",
        ),
        ("vectors", lambda m: m.bits_per_dim(np.zeros([1, 2])), "has no signature 'bits_per_dim'"),
        (
            "vectors",
            lambda m: m.log_prob(np.zeros([1, 3])),
            r"vectors has shape \(1, 3\), expected \[N, 2\].",
        ),
    ],
)
def test_what_a_model_does_not_take_is_refused(family, call, message, connect):
    with connect(family) as asked, pytest.raises(ValueError, match=message):
        call(asked)


# The command


@pytest.fixture(params=["gRPC", "REST"])
def request_of(request, addresses, tmp_path, monkeypatch, capsys):
    """A function: signature, model, options -> what the command prints."""
    monkeypatch.chdir(tmp_path)
    server = ["--server", addresses[request.param], *(["--rest"] if request.param == "REST" else [])]

    def ask(signature, model, *options) -> str:
        main.main(main.parse(["latentzoo", "request", signature, "--model", model, *server, *options]))
        return capsys.readouterr().out

    return ask


def test_the_command_scores_and_encodes_pictures(request_of, models, tmp_path):
    images = smooth_images(np.random.default_rng(3), 2, (8, 8, 1))
    for i, png in enumerate(as_png(images)):
        (tmp_path / f"{i}.png").write_bytes(png)
    files, vae = ["--images", "0.png", "1.png"], models["vae"]
    printed = request_of("elbo", "vae", *files, "--seed", "4").splitlines()
    elbo = np.asarray(vae.elbo(images, seed=4))
    assert [line.split(", ")[0] for line in printed] == [f"{i}.png: elbo {elbo[i]:.2f} nats" for i in (0, 1)]
    encoded = request_of("encode", "vae", *files)
    np.testing.assert_allclose(json.loads(encoded)["latents"], vae.encode(images), rtol=1e-5, atol=1e-6)
    # What encode prints is what decode reads.
    (tmp_path / "z.json").write_text(encoded)
    decoded = json.loads(request_of("decode", "vae", "--latents", "z.json", "--json"))["images"]
    assert np.abs(np.array(decoded) - binned(vae.reconstruct(images)).astype(int)).max() <= 1
    scores = json.loads(request_of("log_prob", "flow", *files, "--labels", "1", "--json"))
    np.testing.assert_allclose(scores["log_prob"], models["flow"].log_prob(images, [1, 1]), rtol=1e-5)


def test_the_command_draws_and_mixes_styles(request_of, models, tmp_path):
    style = models["style"]
    request_of("sample", "style", "--num", "2", "--truncation", "0.5", "--labels", "0,2", "--seed", "3")
    samples = binned(style.sample(2, seed=3, truncation=0.5, labels=[0, 2]))
    expected = pictures.grid(samples, zoom=4)[..., 0].astype(int)
    assert np.abs(np.asarray(Image.open("grid.png"), int) - expected).max() <= 1
    latents = np.random.default_rng(0).normal(size=[4, 8]).astype("f")
    np.save("z.npy", latents)
    mapped = json.loads(request_of("mapping", "style", "--latents", "z.npy", "--labels", "0,1"))
    w = np.array(mapped["w"])
    np.testing.assert_allclose(w, style.mapping(latents, [0, 1, 0, 1]), rtol=1e-4, atol=1e-5)
    np.save("a.npy", w[:2])
    (tmp_path / "b.json").write_text(json.dumps({"w": mapped["w"][2:]}))
    plain, mixed = (
        np.array(json.loads(request_of(*asked, "--json"))["images"])
        for asked in (
            ("synthesis", "style", "--w", "a.npy"),
            ("style_mix", "style", "--w_a", "a.npy", "--w_b", "b.json", "--crossover", "0"),
        )
    )
    decoded = json.loads(request_of("decode", "style", "--latents", "z.npy", "--labels", "0,1", "--json"))
    np.testing.assert_array_equal(np.concatenate([plain, mixed]), decoded["images"])
    # Without files, w is that of drawn latents.
    assert request_of("style_mix", "style", "--num", "2", "--labels", "1") == "2 images in grid.png\n"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # others than the one that a line is about
def test_old_names_of_the_command_warn(request_of, models):
    np.save("z.npy", np.random.default_rng(0).normal(size=[2, 8]).astype("f"))
    asked = ("style", "--latents", "z.npy", "--labels", "0")
    Path("w.json").write_text(request_of("mapping", *asked))
    new = request_of("synthesis", "style", "--w", "w.json", "--json")
    with pytest.warns(DeprecationWarning, match="request map is request mapping now"):
        flat = request_of("map", *asked)
    (styles,) = json.loads(flat).values()
    assert np.shape(styles) == (2, models["style"].num_ws * 6)
    Path("styles.json").write_text(flat)
    with pytest.warns(DeprecationWarning, match="--styles is --w now"):
        assert request_of("synthesize", "style", "--styles", "styles.json", "--json") == new
    mixed = ("style_mix", "style", "--crossover", "2", "--json")
    with pytest.warns(DeprecationWarning, match="--other_styles is --w_b now"):
        old = request_of(*mixed, "--styles", "styles.json", "--other_styles", "styles.json")
    assert old == new


def test_the_command_writes_points(request_of, models):
    points = json.loads(request_of("sample", "vectors", "--num", "3", "--seed", "1", "--json"))["vectors"]
    np.testing.assert_allclose(points, models["vectors"].sample(3, seed=1), rtol=1e-4, atol=1e-5)
    with open("points.json", "w") as file:
        json.dump(points, file)
    printed = request_of("log_prob", "vectors", "--vectors", "points.json").splitlines()
    scores = np.asarray(models["vectors"].log_prob(np.array(points, np.float32)))
    assert printed == [f"{i}: {score:.2f} nats" for i, score in enumerate(scores)]
    assert request_of("decode", "vectors", "--num", "5") == "5 points in grid.png\n"


def test_class_names_are_those_of_the_preset(request_of, monkeypatch):
    from latentzoo.zoo import registry

    monkeypatch.setattr(registry, "info", lambda name: {"classes": ["boot", "coat", "T-shirt/top"]})
    named, numbered = (
        request_of("sample", "gan", "--num", "2", "--labels", labels, "--json")
        for labels in ("t-shirt, Boot", "2,0")
    )
    assert named == numbered


@pytest.mark.parametrize(
    "options, message",
    [
        (("sample", "gan", "--temperature", "0.5"), "temperature must not be given: 'sample' of gan on '"),
        (("sample", "gan"), "labels must be given: 'sample' of gan on '"),
        (("sample", "gan", "--labels", "boot"), "got 'boot': 'gan' records no names."),
        (("sample", "autoencoder"), "has no signature 'sample': it has decode, "),
        (("sample", "gan", "--images", "a.png"), "images must not be given for sample."),
        (("decode", "gan", "--latents", "z.txt", "--num", "3"), "num must not be given with latents."),
        (("decode", "gan", "--latents", "no.json"), "latents file 'no.json' cannot be read: No such file"),
        (("decode", "gan", "--latents", "bad.json"), "latents file 'bad.json' must hold rows of numbers"),
        (("style_mix", "style", "--w_a", "a.npy"), "w_a and w_b must be given together."),
        (("mapping", "style", "--styles", "a.npy"), "styles must not be given for mapping."),
        (("encode", "vae", "--images", "no.png"), "image file 'no.png' does not exist."),
        (("encode", "vae"), "images must be given for encode."),
        (("log_prob", "vectors", "--images", "bad.json"), "model must be a model of images, got 'vectors'"),
        (("sample", "style", "--labels", "7"), "labels must be at least 0 and below 3"),
        (("mapping", "style", "--out", "a.png"), "out must not be given for mapping."),
        (("sample", "gan", "--json", "--out", "a.png"), "out must not be given with json"),
    ],
)
def test_the_command_refuses_in_one_line(options, message, request_of, tmp_path, capsys):
    (tmp_path / "bad.json").write_text('{"latents": [[1, 2], [3]]}')
    with pytest.raises(SystemExit) as stop:
        request_of(*options)
    printed = capsys.readouterr()
    assert (stop.value.code, printed.out, printed.err.count("\n")) == (2, "", 1)
    assert message in printed.err


def test_over_rest_no_tensorflow_is_imported(addresses, tmp_path):
    script = (
        "import sys; from latentzoo.cli import main\n"
        "for signature, model, out in [('sample', 'gan', 'a.png'), ('style_mix', 'style', 'b.png')]:\n"
        "    asked = ['request', signature, '--model', model, '--out', out, *sys.argv[1:]]\n"
        "    main.main(main.parse(['latentzoo', *asked]))\n"
        "assert 'tensorflow' not in sys.modules"
    )
    options = ["--rest", "--server", addresses["REST"], "--num", "2", "--labels", "1"]
    subprocess.run([sys.executable, "-c", script, *options], cwd=tmp_path, check=True)
    assert (tmp_path / "a.png").exists() and (tmp_path / "b.png").exists()
