"""The first StyleGAN's networks against their equations, in float64 with NumPy; growing; derivatives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans import box_resampling, growing
from latentzoo.zoo.gans.named_weights import named_weights
from latentzoo.zoo.gans.stylegan_discriminator import Discriminator
from latentzoo.zoo.gans.stylegan_generator import Generator, Mapping, SynthesisLayer
from latentzoo.zoo.gans.stylegan_layers import HeConv2D, HeDense, adain

RNG = np.random.default_rng(0)
LAYER = {"draw": keras.random.SeedGenerator(0), "dtype": "float64"}


# The equations.


def lrelu(x):
    # TensorFlow keeps the slope in float32.
    return np.where(x > 0, x, np.float32(0.2) * x)


def conv(x, kernel):
    """What TensorFlow calls a convolution, of the same size."""
    size, height, width = len(kernel), *x.shape[1:3]
    padded = np.pad(x, [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)])
    return sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(size) for j in range(size)
    )


def blur(x):
    for axis in (1, 2):
        padding = [(1, 1) if k == axis else (0, 0) for k in range(4)]
        padded, length = np.pad(x, padding), x.shape[axis]
        parts = [np.take(padded, range(k, k + length), axis) for k in range(3)]
        x = (parts[0] + 2 * parts[1] + parts[2]) / 4
    return x


def doubled(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def halved(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def he(kernel):
    return kernel * np.sqrt(2 / np.prod(kernel.shape[:-1]))


def layer(weights, name, x, w, noise):
    """A layer of the synthesis: convolution, blur, noise, bias, leaky ReLU, instance norm, style."""
    if name.endswith("Const"):
        y = np.tile(weights[f"{name}.const"], [len(w), 1, 1, 1])
    elif name.endswith("Conv0_up"):
        y = blur(conv(doubled(x), he(weights[f"{name}.weight"])))
    else:
        y = conv(x, he(weights[f"{name}.weight"]))
    y = lrelu(y + noise * weights[f"{name}.Noise.weight"] + weights[f"{name}.bias"])
    y -= y.mean(axis=(1, 2), keepdims=True)
    y /= np.sqrt((y**2).mean(axis=(1, 2), keepdims=True) + 1e-8)
    style = w @ weights[f"{name}.StyleMod.weight"] / np.sqrt(w.shape[1]) + weights[f"{name}.StyleMod.bias"]
    scale, shift = np.split(style[:, None, None], 2, axis=3)
    return y * (1 + scale) + shift


def synthesis(weights, resolution, w, noise, lod):
    """The "linear structure": all resolutions, each image faded into the next."""
    x = image = None
    for i, size in enumerate(2**k for k in range(2, resolution.bit_length())):
        level = int(np.log2(resolution // size))
        for j, name in enumerate(("Conv0_up", "Conv1") if i else ("Const", "Conv")):
            x = layer(weights, f"{size}x{size}.{name}", x, w[:, 2 * i + j], noise[2 * i + j])
        kernel, bias = (weights[f"ToRGB_lod{level}.{kind}"] for kind in ("weight", "bias"))
        rgb = x @ kernel[0, 0] / np.sqrt(len(kernel[0, 0])) + bias
        image = rgb if image is None else rgb + (doubled(image) - rgb) * np.clip(lod - level, 0, 1)
    return image


def discriminator(weights, images, lod, group, labels=None):
    def conv_of(name, x, before=lambda x: x, after=lambda x: x):
        return lrelu(after(conv(before(x), he(weights[f"{name}.weight"]))) + weights[f"{name}.bias"])

    size, level = images.shape[1], 0
    x = conv_of("FromRGB_lod0", images)
    while size > 4:
        x = conv_of(f"{size}x{size}.Conv1_down", conv_of(f"{size}x{size}.Conv0", x), blur, halved)
        images, size = halved(images), size // 2
        x += (conv_of(f"FromRGB_lod{level + 1}", images) - x) * np.clip(lod - level, 0, 1)
        level += 1
    groups = x.reshape(group, -1, *x.shape[1:])
    spread = np.sqrt(groups.var(axis=0) + 1e-8).mean(axis=(1, 2, 3))
    spread = np.tile(spread, group)[:, None, None, None] * np.ones([1, 4, 4, 1])
    x = conv_of("4x4.Conv", np.concatenate([x, spread], axis=3)).reshape(len(x), -1)
    x = lrelu(x @ he(weights["4x4.Dense0.weight"]) + weights["4x4.Dense0.bias"])
    weight = weights["4x4.Dense1.weight"]
    y = x @ weight / np.sqrt(len(weight)) + weights["4x4.Dense1.bias"]
    return y[:, 0] if labels is None else y[np.arange(len(y)), labels]


# Small networks.


def shaken(network):
    """Every weight moved, so that no bias and no noise strength is zero."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if not weight.path.endswith("lod"):
            weight.assign(weight + 0.3 * rng.standard_normal(weight.shape))
    return network


def tiny_generator(size=16, doublings=2, num_classes=0, channels=(48, 4), dtype="float64", seed=0):
    return Generator((size, size, 2), 5, 4, 2, num_classes, *channels, doublings, seed=seed, dtype=dtype)


def tiny_discriminator(size=16, doublings=2, num_classes=0, channels=(48, 4), dtype="float64", seed=0):
    return Discriminator((size, size, 2), num_classes, *channels, doublings, 2, seed=seed, dtype=dtype)


@pytest.fixture(scope="module")
def generator():
    """It grows from 4x4 to 16x16; a test sets its lod."""
    return shaken(tiny_generator())


@pytest.fixture(scope="module")
def critics():
    """Discriminators alike, by the number of classes."""
    return {num_classes: shaken(tiny_discriminator(num_classes=num_classes)) for num_classes in (0, 3)}


def arrays(network):
    return {name: np.asarray(weight) for name, weight in named_weights(network).items()}


def numbers(*shape):
    return np.random.default_rng(2).standard_normal(shape)


# Layers.


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


# Whole networks.

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


def test_without_growing_there_are_the_highest_colours_alone(generator, critics):
    generator.synthesis.lod.assign(0.0)
    fixed = tiny_generator(doublings=0)
    copy_weights(generator, fixed)
    z = tf.constant(numbers(2, 5))
    np.testing.assert_allclose(fixed(z), generator(z), rtol=0, atol=1e-13)
    critic, fixed = critics[0], tiny_discriminator(doublings=0)
    critic.lod.assign(0.0)
    copy_weights(critic, fixed)
    images = tf.constant(numbers(4, 16, 16, 2))
    np.testing.assert_allclose(fixed(images), critic(images), rtol=1e-12)


def copy_weights(source, target, levels=0):
    """The weights of a network, `levels` doublings smaller than the other."""
    weights = arrays(source)
    for name, weight in named_weights(target).items():
        head, found, level = name.partition("_lod")
        if found:
            name = f"{head}_lod{int(level[0]) + levels}{level[1:]}"
        if not name.endswith(".lod") and name != "lod":
            weight.assign(weights[name])


def test_a_whole_lod_is_the_smaller_network(generator, critics):
    large, small = generator.synthesis, tiny_generator(8, doublings=0).synthesis
    copy_weights(large, small, levels=1)
    large.lod.assign(1.0)
    w = tf.constant(numbers(2, 6, 4))
    np.testing.assert_allclose(large(w), doubled(small(w[:, :4]).numpy()), rtol=0, atol=1e-13)
    large, small = critics[0], tiny_discriminator(8, doublings=0)
    copy_weights(large, small, levels=1)
    large.lod.assign(1.0)
    images = numbers(4, 16, 16, 2)
    np.testing.assert_allclose(large(tf.constant(images)), small(tf.constant(halved(images))), rtol=1e-12)


@pytest.mark.parametrize("lod", [0.0, 1.0, 2.0])
def test_fading_is_continuous(generator, critics, lod):
    network, critic = generator.synthesis, critics[0]
    w, images = tf.constant(numbers(2, 6, 4)), tf.constant(numbers(4, 16, 16, 2))

    def at(value):
        network.lod.assign(value)
        critic.lod.assign(value)
        faded = growing.coarsened(images, critic.lod.value, 2)
        return np.concatenate([np.ravel(y) for y in (network(w), critic(images), faded)])

    for side in (-1, 1):
        near, far = (np.abs(at(lod + side * step) - at(lod)).max() for step in (1e-6, 1e-3))
        assert near < 1e-4
        assert far == 0 if not 0 <= lod + side <= 2 else far > 1e-5


@pytest.mark.parametrize("lod, size", [(0.0, 16), (0.5, 16), (1.0, 8), (1.5, 8), (2.0, 4)])
def test_gradients_reach_what_has_grown_and_nothing_else(generator, critics, lod, size):
    critic = critics[0]
    for network in (generator.synthesis, critic):
        network.lod.assign(lod)
    weights = {**named_weights(generator), **named_weights(critic)}
    weights = {name: weight for name, weight in weights.items() if weight.trainable}
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(critic(generator(tf.constant(numbers(4, 5)))) ** 2)
    found = tape.gradient(loss, [weight.value for weight in weights.values()])
    reached = {name for name, slope in zip(weights, found, strict=True) if np.any(slope)}
    newest = int(np.log2(16 // size))
    colours = {newest, newest + 1} if lod % 1 else {newest}

    def is_grown(name):
        if "_lod" in name:
            return int(name.partition("_lod")[2][0]) in colours
        sizes = [part for part in name.split(".") if part[0].isdigit()]
        return not sizes or int(sizes[0].partition("x")[0]) <= size

    assert reached == {name for name in weights if is_grown(name)}


# Derivatives and graphs.


def directional_derivative(function, weights, step=1e-7):
    """(by tape, by central differences) along a random direction of all weights, in float64."""
    rng = np.random.default_rng(1)
    values = [weight.value for weight in weights]
    directions = [rng.standard_normal(value.shape) for value in values]
    with tf.GradientTape() as tape:
        y = function()
    gradients = tape.gradient(y, values, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    by_tape = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    starts = [value.numpy() for value in values]
    ends = []
    for sign in (1, -1):
        for value, start, direction in zip(values, starts, directions, strict=True):
            value.assign(start + sign * step * direction)
        ends.append(float(function()))
    return float(by_tape), (ends[0] - ends[1]) / (2 * step)


def r1(critic, images, labels=None):
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(critic(images, labels))
    return tf.reduce_mean(tf.reduce_sum(tape.gradient(logits, images) ** 2, axis=[1, 2, 3]))


def slope_in_w(generator, z, y):
    w = generator.mapping(z)
    with tf.GradientTape() as tape:
        tape.watch(w)
        product = tf.reduce_sum(generator.synthesis(w) * y)
    return tf.reduce_mean(tape.gradient(product, w) ** 2)


@pytest.mark.parametrize("lod, num_classes", [(0.0, 0), (0.5, 0), (0.5, 3)])
def test_the_second_derivatives_of_r1(lod, num_classes):
    critic = shaken(tiny_discriminator(8, doublings=1, num_classes=num_classes))
    critic.lod.assign(lod)
    images = tf.constant(numbers(4, 8, 8, 2))
    labels = tf.constant([0, 1, 2, 0]) if num_classes else None
    found = directional_derivative(lambda: r1(critic, images, labels), critic.trainable_variables)
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize("lod", [0.0, 0.5])
def test_the_second_derivatives_of_the_generator(lod):
    generator = shaken(tiny_generator(8, doublings=1))
    generator.synthesis.lod.assign(lod)
    z, y = tf.constant(numbers(2, 5)), tf.constant(numbers(2, 8, 8, 2))
    found = directional_derivative(lambda: slope_in_w(generator, z, y), generator.trainable_variables)
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_graph_serves_every_lod(jit_compile):
    generator = tiny_generator(8, doublings=1)
    critic = shaken(tiny_discriminator(8, doublings=1))

    def everything(w, images):
        with tf.GradientTape() as tape:
            penalty = r1(critic, images)
        weights = [weight.value for weight in critic.trainable_variables]
        gradients = tape.gradient(penalty, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return generator.synthesis(w), penalty, gradients

    graph = tf.function(everything, jit_compile=jit_compile, autograph=False)
    inputs = tf.constant(numbers(2, 4, 4)), tf.constant(numbers(4, 8, 8, 2))
    for lod in (0.5, 1.0):
        generator.synthesis.lod.assign(lod)
        critic.lod.assign(lod)
        for a, b in zip(tf.nest.flatten(graph(*inputs)), tf.nest.flatten(everything(*inputs)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
    assert graph.experimental_get_tracing_count() == 1


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


# Names, seeds, errors.


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


def test_real_images_lose_the_detail_that_is_to_come():
    images = numbers(2, 16, 16, 2)
    once, twice = doubled(halved(images)), doubled(doubled(halved(halved(images))))
    cases = {0.0: images, 0.25: 0.75 * images + 0.25 * once, 1.0: once, 1.5: (once + twice) / 2, 2.0: twice}
    for lod, expected in cases.items():
        found = growing.coarsened(tf.constant(images), tf.constant(lod), 2)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("steady, fade", [(100, 60), (0, 60), (100, 0)])
def test_the_schedule_is_the_official_one(steady, fade):
    for images in range(0, 500, 5):
        phase, rest = divmod(images, steady + fade)
        expected = 2 - phase - (max(rest - steady, 0) / fade if fade else 0)
        lod = growing.lod_at(tf.constant(images, tf.int64), 2, steady, fade)
        np.testing.assert_allclose(lod, max(expected, 0), rtol=1e-6)


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
