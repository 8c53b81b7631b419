"""Exported GANs give what the models give."""

import numpy as np
import pytest

from latentzoo.zoo.images import to_uint8

from .session import Session


def assert_same_bytes(served, expected):
    """Bytes of two graphs differ by rounding: by one, and rarely."""
    differences = np.abs(served.astype(int) - to_uint8(expected).numpy().astype(int))
    assert differences.max() <= 1 and (differences > 0).mean() < 0.01


@pytest.fixture(scope="module")
def style(exports):
    session = Session(exports / "style" / "1")
    yield session
    session.close()


def test_a_style_model_is_served_as_it_is(models, style):
    pairs = np.array([[7, 0], [7, 1], [3, 2]], np.int32)
    labels, truncation = np.array([2, 1, 0], np.int32), np.full([3], 0.5, np.float32)
    served = style.run("sample", {"seed": pairs, "truncation": truncation, "labels": labels})["images"]
    expected = models["style"].sample(3, seed=pairs, truncation=0.5, labels=labels)
    assert_same_bytes(served, expected)
    one = {"seed": pairs[1:2], "truncation": truncation[:1], "labels": labels[1:2]}
    assert_same_bytes(style.run("sample", one)["images"], expected[1:2])


def test_each_row_has_its_own_truncation_and_crossover(models, style):
    model, labels = models["style"], np.array([1, 2], np.int32)
    z = np.random.default_rng(0).standard_normal([2, 8]).astype(np.float32)
    asked = {"latents": z, "truncation": np.array([0.3, 1.0], np.float32), "labels": labels}
    found = style.run("mapping", asked)["w"]
    w = np.stack(
        [model.mapping(z[i : i + 1], labels[i], truncation=psi)[0] for i, psi in enumerate((0.3, 1.0))]
    )
    np.testing.assert_allclose(found, w, rtol=1e-5, atol=1e-5)
    assert_same_bytes(style.run("synthesis", {"w": found})["images"], model.synthesis(w, noise="const"))
    # By the old names w is flat.
    styles = style.run("map", asked)["styles"]
    np.testing.assert_array_equal(styles, found.reshape(2, -1))
    images = style.run("synthesize", {"styles": styles})["images"]
    assert_same_bytes(images, model.synthesis(w, noise="const"))
    crossover = np.array([2, 6], np.int32)
    asked = {"styles": styles, "other_styles": styles[::-1], "crossover": crossover}
    expected = [model.style_mix(w[i : i + 1], w[1 - i : 2 - i], at)[0] for i, at in enumerate((2, 6))]
    mixed = style.run("style_mix", asked)["images"]
    assert_same_bytes(mixed, model.synthesis(np.stack(expected), noise="const"))


def test_a_conditional_gan_is_served_as_it_is(models, exports):
    model, session = models["gan"], Session(exports / "gan" / "1")
    pairs, labels = np.array([[0, 0], [0, 1]], np.int32), np.array([2, 1], np.int32)
    images = session.run("sample", {"seed": pairs, "labels": labels})["images"]
    assert_same_bytes(images, model.sample(2, seed=0, labels=labels))
    z = np.ones([2, model.latent_dim], np.float32)
    images = session.run("decode", {"latents": z, "labels": labels})["images"]
    assert_same_bytes(images, model.decode(z, labels))
