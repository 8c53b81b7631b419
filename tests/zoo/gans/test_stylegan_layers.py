"""Layers of the first StyleGAN against their equations, in float64 with NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans import box_resampling
from latentzoo.zoo.gans.stylegan_generator import Mapping, SynthesisLayer
from latentzoo.zoo.gans.stylegan_layers import HeConv2D, HeDense, adain

from .networks import arrays, numbers, shaken, tiny_generator
from .stylegan_equations import blur, conv, doubled, halved, layer, lrelu

RNG = np.random.default_rng(0)
LAYER = {"draw": keras.random.SeedGenerator(0), "dtype": "float64"}


def test_resampled_convolutions():
    x, kernel = RNG.standard_normal([2, 4, 6, 3]), RNG.standard_normal([3, 3, 3, 5])
    up, down = (f(tf.constant(x), tf.constant(kernel)) for f in (
        box_resampling.conv2d_up, box_resampling.conv2d_down
    ))  # fmt: skip
    np.testing.assert_allclose(up, blur(conv(doubled(x), kernel)), rtol=0, atol=1e-13)
    np.testing.assert_allclose(down, halved(conv(blur(x), kernel)), rtol=0, atol=1e-13)


def test_the_official_fused_upscaling_is_ours_with_the_kernel_turned_around():
    """From 128x128 on: a transposed convolution, stride 2, whose kernel is the sum of four shifted ones."""
    x, kernel = RNG.standard_normal([2, 5, 3]), RNG.standard_normal([3, 3, 3, 4])
    wide = np.zeros([4, 4, 3, 4])
    for i in range(2):
        for j in range(2):
            wide[i : i + 3, j : j + 3] += kernel
    y = np.zeros([2 * 2 + 2, 2 * 5 + 2, 4])
    for i in range(2):
        for j in range(5):
            y[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += np.einsum("c,klcd->kld", x[i, j], wide)
    y = blur(y[None, 1:-1, 1:-1])
    turned = tf.constant(kernel[::-1, ::-1].copy())
    np.testing.assert_allclose(box_resampling.conv2d_up(tf.constant(x[None]), turned), y, atol=1e-13)


def test_images_are_scaled_by_blocks():
    x = RNG.standard_normal([2, 8, 8, 3])
    np.testing.assert_array_equal(box_resampling.upscale2d(tf.constant(x), 4), doubled(doubled(x)))
    np.testing.assert_allclose(
        box_resampling.downscale2d(tf.constant(x), 4), halved(halved(x)), rtol=0, atol=1e-15
    )


def test_hes_gain_is_in_the_weights_alone():
    dense = shaken(HeDense(5, 4, lr_multiplier=0.01, **LAYER))
    x = RNG.standard_normal([3, 5])
    y = x @ np.asarray(dense.weight) * 0.01 * np.sqrt(2 / 5) + 0.01 * np.asarray(dense.bias)
    np.testing.assert_allclose(dense(tf.constant(x)), lrelu(y), rtol=1e-12)
    convolution = shaken(HeConv2D(5, 4, 3, **LAYER))
    x = RNG.standard_normal([2, 4, 4, 5])
    y = conv(x, np.asarray(convolution.weight) * np.sqrt(2 / 45)) + np.asarray(convolution.bias)
    np.testing.assert_allclose(convolution(tf.constant(x)), lrelu(y), rtol=0, atol=1e-13)


def test_adain_gives_each_channel_mean_and_deviation_of_the_style():
    x, scale, shift = 5 + 3 * RNG.standard_normal([2, 8, 8, 3]), *RNG.standard_normal([2, 2, 3])
    y = adain(tf.constant(x), tf.constant(scale), tf.constant(shift)).numpy()
    np.testing.assert_allclose(y.mean(axis=(1, 2)), shift, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(1, 2)), np.abs(1 + scale), rtol=1e-8)


@pytest.mark.parametrize("kind", ["Const", "Conv", "Conv0_up"])
@pytest.mark.parametrize("noise_of", ["nothing", "layer", "image"])
def test_a_synthesis_layer_is_its_equation(kind, noise_of):
    resolution = 8 if kind == "Conv0_up" else 4
    channels_in = 0 if kind == "Const" else 5
    network = shaken(SynthesisLayer(channels_in, 7, 6, resolution, up=resolution == 8, name=kind, **LAYER))
    x, w = RNG.standard_normal([3, 4, 4, 5]), RNG.standard_normal([3, 6])
    noise = {
        "nothing": None,
        "layer": np.asarray(network.noise_const)[:, :, None],
        "image": RNG.standard_normal([3, resolution, resolution, 1]),
    }[noise_of]
    given = None if kind == "Const" else tf.constant(x)
    found = network(given, tf.constant(w), noise=noise)
    weights = {f"{kind}.{name}": value for name, value in arrays(network).items()}
    expected = layer(weights, kind, x, w, 0 if noise is None else noise)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_classes", [0, 3])
def test_the_mapping_is_its_equation(num_classes):
    mapping = shaken(Mapping(5, 4, 6, depth=3, num_classes=num_classes, seed=0, dtype="float64"))
    weights, z, labels = arrays(mapping), numbers(3, 5), [2, 0, 1]
    w = z
    if num_classes:
        w = np.concatenate([z, weights["LabelConcat"][labels]], axis=1)
    w = w / np.sqrt((w**2).mean(axis=1, keepdims=True) + 1e-8)
    for i in range(3):
        weight, bias = weights[f"Dense{i}.weight"], weights[f"Dense{i}.bias"]
        w = lrelu(w @ weight * 0.01 * np.sqrt(2 / len(weight)) + 0.01 * bias)
    mean = weights["w_avg"][labels][:, None] if num_classes else weights["w_avg"]
    labels = tf.constant(labels) if num_classes else None
    found = mapping(tf.constant(z), labels).numpy()
    np.testing.assert_allclose(found, np.tile(w[:, None], [1, 6, 1]), rtol=1e-12)
    cut = mapping(tf.constant(z), labels, truncation=0.5, cutoff=4).numpy()
    np.testing.assert_allclose(cut[:, :4], mean + 0.5 * (found[:, :4] - mean), rtol=1e-12)
    np.testing.assert_array_equal(cut[:, 4:], found[:, 4:])


def test_layers_start_as_the_paper_says():
    weights = arrays(tiny_generator(8))
    for name, value in weights.items():
        if name.endswith(("const", "bias", "Noise.weight", "w_avg")) and "noise_const" not in name:
            np.testing.assert_array_equal(value, np.full(value.shape, name.endswith(".const")), err_msg=name)
    assert weights["synthesis.lod"] == 2
