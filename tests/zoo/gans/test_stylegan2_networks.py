"""The networks of StyleGAN2 against the official code."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans.mapping import MappingNetwork
from latentzoo.zoo.gans.named_weights import named_weights
from latentzoo.zoo.gans.stylegan2_discriminator import Discriminator
from latentzoo.zoo.gans.stylegan2_generator import Generator

from .networks import numbers, r1, shaken, tiny_discriminator2, tiny_generator2

# See the README there.
OFFICIAL = Path(__file__).parents[2] / "assets" / "stylegan2"
NAMES = ("rgb_skip_resnet", "conditional_grey_resnet_skip", "cifar", "rgba_orig_clamped")


def official_networks(name, dtype):
    settings = json.loads((OFFICIAL / "settings.json").read_text())[name]
    of_generator, of_discriminator = settings["generator"], settings["discriminator"]
    of_synthesis = of_generator["synthesis_kwargs"]
    size, colors = of_generator["img_resolution"], of_generator["img_channels"]
    generator = Generator(
        (size, size, colors),
        of_generator["z_dim"],
        of_generator["w_dim"],
        of_generator["mapping_kwargs"]["num_layers"],
        of_generator["c_dim"],
        of_synthesis["channel_base"],
        of_synthesis["channel_max"],
        of_synthesis["architecture"],
        activation_clamp=of_synthesis.get("conv_clamp"),
        seed=0,
        dtype=dtype,
    )
    discriminator = Discriminator(
        (size, size, colors),
        of_discriminator["c_dim"],
        of_discriminator["channel_base"],
        of_discriminator["channel_max"],
        of_discriminator["architecture"],
        mapping_depth=of_discriminator.get("mapping_kwargs", {}).get("num_layers", 8),
        minibatch_group=of_discriminator["epilogue_kwargs"]["mbstd_group_size"],
        activation_clamp=of_discriminator.get("conv_clamp"),
        seed=0,
        dtype=dtype,
    )
    return generator, discriminator


def put_weights(network, prefix, arrays):
    """Official weights into ours: the same names, other layouts."""
    weights = named_weights(network)
    assert set(weights) == {name.removeprefix(prefix) for name in arrays if name.startswith(prefix)}
    for name, weight in weights.items():
        array = arrays[prefix + name]
        if name == "b4.fc.weight":  # of flat NCHW
            array = array.reshape(len(array), -1, 4, 4).transpose(0, 2, 3, 1).reshape(len(array), -1)
        order = {4: (2, 3, 1, 0), 3: (1, 2, 0)}.get(array.ndim, range(array.ndim))
        array = array.T if array.ndim == 2 and name.endswith("weight") else array.transpose(order)
        if name == "mapping.w_avg":  # of all classes
            array = np.broadcast_to(array, weight.shape)
        assert array.shape == tuple(weight.shape), name
        weight.assign(array)


@pytest.mark.parametrize("name, dtype", [*((name, "float32") for name in NAMES), (NAMES[1], "float64")])
def test_the_official_code_computes_the_same(name, dtype):
    with np.load(OFFICIAL / f"{name}.npz", allow_pickle=False) as file:
        arrays = dict(file)
    generator, discriminator = official_networks(name, dtype)
    put_weights(generator, "generator.", arrays)
    put_weights(discriminator, "discriminator.", arrays)
    z, labels = arrays["z"], arrays.get("labels")
    images = arrays["pixels"].transpose(0, 2, 3, 1) / np.float32(127.5) - 1
    w = generator.mapping(z, labels)
    found = {
        "w": w,
        "w_truncated": generator.mapping(z, labels, truncation=0.7),
        "w_cutoff": generator.mapping(z, labels, truncation=0.5, cutoff=3),
        "images_const": generator.synthesis(w),
        "images_none": generator.synthesis(w, noise="none"),
        "images_cutoff": generator(z, labels, truncation=0.5, cutoff=3),
        "logits": discriminator(images, arrays.get("image_labels")),
    }
    for key, value in found.items():
        value = np.transpose(value, (0, 3, 1, 2)) if key.startswith("images") else value
        # The official code's own rounding, in float32, is about 1e-6 of the largest number.
        atol = 2e-6 * np.abs(arrays[key]).max()
        np.testing.assert_allclose(value, arrays[key], rtol=0, atol=atol, err_msg=key)


def test_graphs_and_xla_compute_what_eager_does():
    generator = shaken(tiny_generator2(num_classes=2, dtype="float64"))
    discriminator = shaken(tiny_discriminator2(num_classes=2, dtype="float64"))
    labels = tf.constant([0, 1, 1, 0])

    def everything(z):
        images = generator(z, labels, truncation=0.5, cutoff=1)
        with tf.GradientTape() as tape:
            penalty = r1(discriminator, images, labels)
        weights = [weight.value for weight in discriminator.trainable_variables]
        gradients = tape.gradient(penalty, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return images, discriminator(images, labels), gradients

    z = tf.constant(numbers(4, 5))
    expected = tf.nest.flatten(everything(z))
    for jit_compile in (False, True):
        compiled = tf.function(everything, jit_compile=jit_compile, autograph=False)
        for a, b in zip(tf.nest.flatten(compiled(z)), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_a_graph_for_every_batch_size():
    generator, discriminator = shaken(tiny_generator2()), shaken(tiny_discriminator2())

    @tf.function(input_signature=[tf.TensorSpec([None, 5])], autograph=False)
    def both(z):
        images = generator(z)
        return images, discriminator(images)

    for count in (1, 3, 8):
        z = tf.constant(np.random.default_rng(count).standard_normal([count, 5]), tf.float32)
        images, logits = both(z)
        np.testing.assert_allclose(images, generator(z), rtol=0, atol=1e-5)
        np.testing.assert_allclose(logits, discriminator(images), rtol=0, atol=1e-5)


def test_bfloat16_is_the_same_up_to_its_rounding():
    generators = [shaken(tiny_generator2(dtype=dtype)) for dtype in ("float32", "mixed_bfloat16")]
    discriminators = [shaken(tiny_discriminator2(dtype=dtype)) for dtype in ("float32", "mixed_bfloat16")]
    z = tf.cast(numbers(8, 5), tf.float32)
    images, rounded = [generator(z) for generator in generators]
    assert rounded.dtype == tf.float32
    # bfloat16 has 8 bits; errors of the layers add up.
    assert 0 < np.sqrt(np.mean((images - rounded) ** 2)) < 0.02 * np.std(images)
    logits, rounded = [discriminator(images) for discriminator in discriminators]
    assert rounded.dtype == tf.float32
    assert 0 < np.sqrt(np.mean((logits - rounded) ** 2)) < 0.05 * np.std(logits)


def test_styles_are_float32_whatever_images_are():
    z = tf.cast(numbers(8, 5), tf.float32)
    options = {"num_classes": 2, "image_shape": (16, 16, 1)}
    w, same_w = [
        shaken(tiny_generator2(dtype=dtype, **options)).mapping(z, tf.zeros(8, tf.int32), truncation=0.7)
        for dtype in ("float32", "mixed_bfloat16")
    ]
    np.testing.assert_array_equal(w, same_w)
    layer = shaken(tiny_generator2(dtype="mixed_bfloat16")).synthesis.convs[1]
    affine = layer.affine.weight.numpy() / 2, layer.affine.bias.numpy()
    w = same_w[:, 0]
    # Inside the layer, where Keras's autocasting is on.
    inside = []
    layer.affine, kept = (lambda w: inside.append(kept(w)) or inside[0]), layer.affine
    layer(tf.zeros([8, 4, 4, 6], tf.bfloat16), w)
    np.testing.assert_allclose(inside[0], w @ affine[0] + affine[1], rtol=1e-5, atol=1e-5)


def test_bfloat16_is_for_the_four_highest_resolutions():
    """What is below is exact: 1001 is no bfloat16."""
    images = {}
    for dtype in ("float32", "mixed_bfloat16"):
        generator = tiny_generator2(image_shape=(128, 128, 1), channel_base=128, dtype=dtype)
        for name, weight in named_weights(generator).items():
            # All images but that of 8x8 are black.
            if "torgb" in name:
                weight.assign(
                    tf.fill(weight.shape, 1001.0) if name == "synthesis.b8.torgb.bias" else 0 * weight
                )
        images[dtype] = generator(tf.ones([1, 5]))
    np.testing.assert_array_equal(images["float32"][0, 64, 64], [1001.0])
    np.testing.assert_array_equal(images["mixed_bfloat16"], images["float32"])


@pytest.mark.parametrize(
    "dtype, clamp, largest",
    [("float32", None, 1000.0), ("float32", 30.0, 30.0), ("mixed_bfloat16", 30.0, 30.0)],
)
def test_activations_are_clamped(dtype, clamp, largest):
    generator = tiny_generator2(architecture="orig", activation_clamp=clamp, dtype=dtype)
    named_weights(generator)["synthesis.b8.torgb.bias"].assign([1000.0, -1000.0])
    images = generator(tf.zeros([1, 5]))
    np.testing.assert_allclose(np.abs(images), np.full(images.shape, largest), rtol=0.05)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_images_and_logits_of_every_kind(channels, architecture):
    options = {"image_shape": (16, 16, channels), "architecture": architecture}
    generator, numbers_of_channels = tiny_generator2(**options), np.arange(1.0, channels + 1)
    for name, weight in named_weights(generator).items():
        if "torgb" in name:  # images of resolution r are r, 2 r, ... all over
            size = int(name.split(".b")[1].split(".")[0])
            weight.assign(size * numbers_of_channels if name.endswith("torgb.bias") else 0 * weight)
    images = generator(tf.ones([2, 5]))
    total = 4 + 8 + 16 if architecture == "skip" else 16
    np.testing.assert_allclose(images[:, 8, 8], np.tile(total * numbers_of_channels, [2, 1]), rtol=1e-6)
    # Black, and white in one channel each.
    images = np.zeros([channels + 1, 16, 16, channels], np.float32)
    images[np.arange(channels) + 1, :, :, np.arange(channels)] = 1
    discriminator = shaken(tiny_discriminator2(**options, minibatch_channels=0))
    logits = discriminator(images).numpy()
    alone = [discriminator(image[np.newaxis]).numpy().item() for image in images]
    np.testing.assert_allclose(logits, alone, rtol=1e-4, atol=1e-5)
    assert np.abs(np.subtract.outer(logits, logits))[~np.eye(channels + 1, dtype=bool)].min() > 1e-4


def test_a_seed_makes_the_network():
    first, again, other = [tiny_generator2(seed=seed).get_weights() for seed in (3, 3, 4)]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_noise_is_the_layers_own_none_or_what_is_given():
    synthesis = shaken(tiny_generator2()).synthesis
    w = tf.cast(numbers(2, synthesis.num_ws, 4), tf.float32)
    assert synthesis.noise_shapes == [(4, 4, 1), (8, 8, 1), (8, 8, 1)]
    own = [np.tile(conv.noise_const[None, :, :, None], [2, 1, 1, 1]) for conv in synthesis.convs]
    np.testing.assert_allclose(synthesis(w), synthesis(w, noise=own), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(synthesis(w, noise="none"), synthesis(w, noise=[None] * 3))
    fine = synthesis(w, noise=[None, None, own[2]])
    assert not np.allclose(fine, synthesis(w)) and not np.allclose(fine, synthesis(w, noise="none"))


def test_each_block_is_styled_by_its_own_w():
    """ToRGB of a block shares the next block's first w: with 7 w at 32x32 and one more at the end."""
    generator = shaken(tiny_generator2(image_shape=(32, 32, 1)))
    assert generator.synthesis.num_ws == 8
    w = generator.mapping(tf.ones([1, 5])).numpy()
    usual = generator.synthesis(w)
    w[:, 7] += 1
    # Only the last ToRGB, which is linear, sees the last w.
    w_far = w.copy()
    w_far[:, 7] += 1
    step, two = generator.synthesis(w) - usual, generator.synthesis(w_far) - usual
    assert np.abs(step).max() > 1e-2
    np.testing.assert_allclose(2 * step, two, rtol=0, atol=1e-4)


WRONG = {
    r"image_shape is \(8, 16, 3\), expected \(R, R, C\)": lambda: tiny_generator2(image_shape=(8, 16, 3)),
    r"image_shape is \(12, 12, 3\), expected": lambda: tiny_discriminator2(image_shape=(12, 12, 3)),
    "channel_base is 7, expected at least the resolution, 8": lambda: tiny_discriminator2(channel_base=7),
    "architecture is 'residual', expected one of skip": lambda: tiny_generator2(architecture="residual"),
    "architecture is 'big', expected one of skip": lambda: tiny_discriminator2(architecture="big"),
    r"w has shape \(2, 3, 4\), expected \(N, 4, 4\)": lambda: tiny_generator2().synthesis(
        tf.zeros([2, 3, 4])
    ),
    'noise is "loud", expected "const", "none"': lambda: tiny_generator2()(tf.zeros([2, 5]), noise="loud"),
    "noise has 1 tensors, expected 3": lambda: tiny_generator2()(tf.zeros([2, 5]), noise=[None]),
    "labels are missing, expected integers below 3": lambda: tiny_generator2(num_classes=3)(tf.zeros([2, 5])),
    "truncation is 0.5, expected 1": lambda: MappingNetwork(5, 4, None, seed=0)(
        tf.constant(numbers(2, 5)), truncation=0.5
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_does_not_fit_is_said(message):
    with pytest.raises(ValueError, match=message):
        WRONG[message]()
