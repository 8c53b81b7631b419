"""The first StyleGAN's networks against their equations, in float64 with NumPy; names, seeds, errors."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans.named_weights import named_weights
from latentzoo.zoo.gans.stylegan_discriminator import Discriminator
from latentzoo.zoo.gans.stylegan_generator import Generator

from .networks import arrays, numbers, shaken, tiny_discriminator, tiny_generator
from .stylegan_equations import discriminator, synthesis

RNG = np.random.default_rng(0)
LODS = [0.0, 0.25, 1.0, 1.75, 2.0]


@pytest.mark.parametrize("lod, noise", [*((lod, "given") for lod in LODS), (0.25, "const"), (0.25, "none")])
def test_the_synthesis_is_its_equation(generator, lod, noise):
    network = generator.synthesis
    network.lod.assign(lod)
    w, shapes = numbers(3, 6, 4), network.noise_shapes
    assert shapes == [(size, size, 1) for size in (4, 4, 8, 8, 16, 16)] and network.num_ws == 6
    maps = {
        "const": [np.asarray(conv.noise_const)[:, :, None] for conv in network.convs],
        "none": [0] * 6,
        "given": [RNG.standard_normal([3, *shape]) for shape in shapes],
    }[noise]
    found = network(tf.constant(w), noise=maps if noise == "given" else noise)
    np.testing.assert_allclose(found, synthesis(arrays(network), 16, w, maps, lod), rtol=0, atol=1e-12)


@pytest.mark.parametrize("lod, num_classes", [*((lod, 3) for lod in LODS), (0.25, 0)])
def test_the_discriminator_is_its_equation(critics, lod, num_classes):
    network = critics[num_classes]
    network.lod.assign(lod)
    images, labels = numbers(4, 16, 16, 2), tf.constant([0, 2, 1, 0]) if num_classes else None
    expected = discriminator(arrays(network), images, lod, 2, labels)
    np.testing.assert_allclose(network(tf.constant(images), labels), expected, rtol=1e-11)


def test_bfloat16_is_the_same_up_to_its_rounding():
    """Of 32x32, 4x4 is below the highest resolutions."""
    options = {"size": 32, "doublings": 3, "channels": (256, 8)}
    generators, critics = (
        [shaken(make(**options, dtype=dtype)) for dtype in ("float32", "mixed_bfloat16")]
        for make in (tiny_generator, tiny_discriminator)
    )
    for network in [*(generator.synthesis for generator in generators), *critics]:
        network.lod.assign(0.5)
    z = tf.constant(numbers(4, 5), tf.float32)
    images, rounded = (generator(z) for generator in generators)
    assert rounded.dtype == tf.float32
    # bfloat16 has 8 bits; errors of the layers add up.
    assert 0 < np.sqrt(np.mean((images - rounded) ** 2)) < 0.04 * np.std(images)
    logits, rounded = (critic(images) for critic in critics)
    assert rounded.dtype == tf.float32
    assert 0 < np.sqrt(np.mean((logits - rounded) ** 2)) < 0.04 * np.sqrt(np.mean(logits**2))
    assert generators[1].synthesis.blocks[0].compute_dtype == "float32"
    assert generators[1].synthesis.blocks[1].compute_dtype == "bfloat16"


def official_names(resolution, num_classes):
    """The variables of the official networks, "." for "/"."""
    layers = ["4x4.Const", "4x4.Conv"]
    sizes = [2**k for k in range(3, resolution.bit_length())]
    layers += [f"{size}x{size}.{name}" for size in sizes for name in ("Conv0_up", "Conv1")]
    generator = {"dlatent_avg", "synthesis.lod", "synthesis.4x4.Const.const"}
    generator |= {f"mapping.Dense{i}.{kind}" for i in range(2) for kind in ("weight", "bias")}
    generator |= {"mapping.LabelConcat.weight"} if num_classes else set()
    for i, name in enumerate(layers):
        kinds = ["bias", "Noise.weight", "StyleMod.weight", "StyleMod.bias"] + ["weight"] * (i > 0)
        generator |= {f"synthesis.{name}.{kind}" for kind in kinds} | {f"synthesis.noise{i}"}
    critic = {"4x4.Conv", "4x4.Dense0", "4x4.Dense1"}
    critic |= {f"{size}x{size}.{name}" for size in sizes for name in ("Conv0", "Conv1_down")}
    levels = range(len(sizes) + 1)
    critic |= {f"FromRGB_lod{i}" for i in levels}
    pairs = ("weight", "bias")
    generator |= {f"synthesis.ToRGB_lod{i}.{kind}" for i in levels for kind in pairs}
    return generator, {f"{name}.{kind}" for name in critic for kind in pairs} | {"lod"}


@pytest.mark.parametrize("num_classes", [0, 3])
def test_names_are_the_official_ones(num_classes):
    generator = tiny_generator(num_classes=num_classes)
    ours = set()
    for name in named_weights(generator):
        if name.endswith(".noise_const"):
            maps = [conv.noise_const.path for conv in generator.synthesis.convs]
            name = f"synthesis.noise{maps.index(named_weights(generator)[name].path)}"
        renamed = {"mapping.w_avg": "dlatent_avg", "mapping.LabelConcat": "mapping.LabelConcat.weight"}
        ours.add(renamed.get(name, name))
    of_generator, of_critic = official_names(16, num_classes)
    assert ours == of_generator
    assert set(named_weights(tiny_discriminator(num_classes=num_classes))) == of_critic


def test_a_seed_makes_the_network():
    for make in (tiny_generator, tiny_discriminator):
        first, again, other = (make(8, 1, seed=seed).get_weights() for seed in (3, 3, 4))
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
        assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Generator((8, 16, 3), 5, 4, 2, 0, 48, 4, seed=0), r"image_shape is \(8, 16, 3\), expected"),
        (lambda: Discriminator((12, 12, 3), 0, 48, 4, seed=0), r"image_shape is \(12, 12, 3\), expected"),
        (lambda: tiny_generator().synthesis(tf.zeros([2, 3, 4])), r"\(2, 3, 4\), expected \(N, 6, 4\)"),
        (lambda: tiny_generator()(tf.zeros([2, 5]), noise="loud"), 'noise is "loud", expected "const"'),
        (lambda: tiny_generator()(tf.zeros([2, 5]), noise=[None]), "noise has 1 tensors, expected 6"),
        (lambda: tiny_generator(num_classes=3)(tf.zeros([2, 5])), "labels are missing, expected integers"),
        (lambda: tiny_discriminator(num_classes=3)(tf.zeros([2, 16, 16, 2])), "labels are missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()
