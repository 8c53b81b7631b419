"""StyleGAN2 as a model: control over styles and noise, regularisation, augmentation, projection."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo.gans import stylegan2_networks, stylegan_layers, stylegan_networks
from latentzoo.zoo.gans.ada import AdaptiveAugmentation, adapt
from latentzoo.zoo.gans.augment import Augment
from latentzoo.zoo.gans.path_length import PathLength

pytestmark = pytest.mark.usefixtures("eagerly")


def latents(n, seed=0):
    return np.random.default_rng(seed).standard_normal([n, 8]).astype(np.float32)


def part_of(model, kind):
    return next(part for part in model._parts if isinstance(part, kind))


def test_truncation_pulls_towards_the_mean_w(style_model):
    w = style_model.mapping(latents(3)).numpy()
    mean = style_model.generator.mapping.w_avg.numpy()
    np.testing.assert_allclose(
        style_model.mapping(latents(3), truncation=0.3), mean + 0.3 * (w - mean), rtol=1e-4, atol=1e-5
    )
    cut = style_model.mapping(latents(3), truncation=0.0, cutoff=2).numpy()
    np.testing.assert_allclose(cut[:, :2], np.broadcast_to(mean, (3, 2, 6)), atol=1e-6)
    np.testing.assert_allclose(cut[:, 2:], w[:, 2:], rtol=1e-5, atol=1e-6)


def test_rows_depend_on_their_own_seeds_alone(style_model):
    five = style_model.sample(5, seed=3, truncation=0.8).numpy()
    np.testing.assert_allclose(style_model.sample(2, seed=3, truncation=0.8), five[:2], atol=1e-5)
    pairs = np.array([[3, 4], [3, 1]], np.int32)
    np.testing.assert_allclose(style_model.sample(2, seed=pairs, truncation=0.8), five[[4, 1]], atol=1e-5)
    assert np.abs(style_model.sample(5, seed=4).numpy() - five).max() > 0.01


def test_sampling_is_mapping_then_synthesis(style_model):
    from latentzoo.zoo import seeds

    z = seeds.normal(seeds.row_seeds(3, 4), (8,))
    for noise in ("random", "const", "none"):
        images = style_model.synthesis(style_model.mapping(z, truncation=0.5), noise=noise, seed=3)
        np.testing.assert_allclose(
            style_model.sample(4, seed=3, truncation=0.5, noise=noise), images, atol=1e-5, err_msg=noise
        )


def test_noise_of_a_range_is_that_of_its_layers(style_model):
    w = style_model.mapping(latents(2))
    convs = style_model.generator.synthesis.convs
    for noise_range, last in (("coarse", 8), ((4, 4), 4)):
        maps = [conv.noise_const[:, :, None] for conv in convs]
        noise = [map_ if map_.shape[0] <= last else None for map_ in maps]
        expected = style_model._to_unit(style_model.generator.synthesis(w, noise=noise))
        images = style_model.synthesis(w, noise="const", noise_range=noise_range)
        np.testing.assert_allclose(images, expected, atol=1e-6)
    assert np.abs(images - style_model.synthesis(w, noise="none")).max() > 1e-3
    drawn = [style_model.synthesis(w, seed=seed, noise_range=(16, 16)).numpy() for seed in (0, 1)]
    assert np.abs(drawn[0] - drawn[1]).max() > 1e-3


def test_style_mixing_takes_the_styles_of_a_range(style_model):
    w_a, w_b = style_model.mapping(latents(2)).numpy(), style_model.mapping(latents(2, seed=1)).numpy()
    # 16x16: one convolution at 4x4, two at 8x8, two at 16x16, ToRGB.
    cases = {3: [3, 4, 5], 6: [], "coarse": [0, 1, 2], "middle": [3, 4, 5], (8, 16): [1, 2, 3, 4, 5]}
    for crossover, of_b in cases.items():
        expected = w_a.copy()
        expected[:, of_b] = w_b[:, of_b]
        np.testing.assert_array_equal(style_model.style_mix(w_a, w_b, crossover), expected)


def test_interpolation_ends_at_its_ends(style_model):
    a, b = latents(2)
    for space in ("w", "z"):
        walk = style_model.interpolate(a, b, 5, space=space)
        np.testing.assert_allclose(walk[::4], style_model.decode(np.stack([a, b])), atol=1e-5)
    middle = style_model.mapping(np.stack([a, b])).numpy().mean(axis=0, keepdims=True)
    expected = style_model.synthesis(middle, noise="const")[0]
    np.testing.assert_allclose(style_model.interpolate(a, b, 3)[1], expected, atol=1e-5)


def test_path_lengths_are_those_of_the_jacobian(tiny_style):
    model = tiny_style(mixing_probability=0.0)
    model.compile(jit_compile=False)
    w, noise = model._training_styles(2, None, stream=4)
    y = model._training_normal([2, 16, 16, 1], stream=5).numpy() / 16
    with tf.GradientTape() as tape:
        tape.watch(w)
        images = model.generator.synthesis(w, noise=noise)
    jacobian = tape.batch_jacobian(images, w).numpy()  # [2, 16, 16, 1, num_ws, w_dim]
    product = np.einsum("nhwc,nhwcld->nld", y, jacobian)
    expected = np.sqrt((product**2).sum(axis=2).mean(axis=1))
    np.testing.assert_allclose(part_of(model, PathLength).lengths(model, 2, None), expected, rtol=1e-4)


def test_path_length_regularisation_moves_lengths_to_their_mean(tiny_style):
    model = tiny_style(mixing_probability=0.0)
    model.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), jit_compile=False)
    part = part_of(model, PathLength)
    lengths = part.lengths(model, 4, None).numpy()
    before = [np.asarray(weight) for weight in model.generator.trainable_variables]
    with tf.GradientTape() as tape:
        loss = 4 * 2.0 * tf.reduce_mean((part.lengths(model, 4, None) - 0.01 * lengths.mean()) ** 2)
    slopes = tape.gradient(loss, model.generator.trainable_variables)
    model._lazy_step(part, (tf.zeros([8, 14, 14, 1]),))
    np.testing.assert_allclose(float(part.variables["mean"]), 0.01 * lengths.mean(), rtol=1e-5)
    for weight, old, slope in zip(model.generator.trainable_variables, before, slopes, strict=True):
        step = np.zeros(old.shape) if slope is None else np.asarray(slope)
        np.testing.assert_allclose(weight, old - step, rtol=1e-4, atol=1e-5, err_msg=weight.path)


def test_style_mixing_in_training_is_of_two_latents(tiny_style):
    model = tiny_style(mixing_probability=1.0)
    model.compile(jit_compile=False)
    w, _ = model._training_styles(200, None, stream=1)
    first, second = (
        model.generator.mapping(model._training_normal([200, 8], 1, part)).numpy() for part in (0, 1)
    )
    is_first = (w.numpy() == first).all(axis=2)
    assert ((w.numpy() == second).all(axis=2) | is_first).all()
    places = is_first.sum(axis=1)  # from 1 to num_ws - 1, each as often
    assert (np.sort(is_first, axis=1)[:, ::-1] == is_first).all()
    assert sorted(set(places)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("num_classes", [0, 3])
def test_training_reaches_every_weight(tiny_style, num_classes):
    model = tiny_style(num_classes=num_classes, augment="ada")
    model.augmentation.p.assign(0.5)
    images = np.random.default_rng(0).integers(0, 256, [8, 14, 14, 1], np.uint8)
    labels = np.arange(8) % 3 if num_classes else None
    before = [np.asarray(weight) for weight in model.trainable_variables]
    mean = model.generator.mapping.w_avg.numpy()
    model.compile(ema_images=0, run_eagerly=True)
    model.fit(images, labels, batch_size=4, verbose=0)
    for weight, old in zip(model.trainable_variables, before, strict=True):
        assert (np.asarray(weight) != old).any(), weight.path
    assert (model.generator.mapping.w_avg.numpy() != mean).any()


def test_augmentation_follows_the_signs(tiny_style):
    model = tiny_style(augment="ada", ada_target=0.5, ada_images=1000)
    model.compile(jit_compile=False)
    part = part_of(model, AdaptiveAugmentation)
    p, expected = 0.0, []
    for step, share in enumerate([1.0, 1.0, 0.0, 1.0] + [1.0, -1.0, -1.0, -1.0]):
        part.observe(tf.constant([share, share]))
        part.after_step(tf.constant(step + 1), tf.constant(2 * step + 2), tf.constant(2))
        if step == 3:
            p = float(adapt(p, 0.75, 0.5, 8, 1000))
        if step == 7:
            p = float(adapt(p, -0.5, 0.5, 8, 1000))
        expected.append(p)
        np.testing.assert_allclose(float(model.augmentation.p), p, atol=1e-7)
    assert expected[3:] == [pytest.approx(0.008)] * 4 + [0.0]


def test_projection_finds_an_image_of_the_model(compiled, style_model):
    target = style_model.synthesis(style_model.mapping(latents(1)), noise="none")[0]
    far = style_model.project(target, steps=1, verbose=False)
    near = style_model.project(target, steps=100, verbose=False)
    assert near.distance < 0.6 * far.distance
    assert (near.w.numpy() == near.w.numpy()[:, :1]).all()  # one w for all layers
    again = style_model._to_unit(style_model.generator.synthesis(near.w, noise=near.noise))[0]
    np.testing.assert_allclose(again, near.image, atol=1e-5)
    for map_ in near.noise:
        np.testing.assert_allclose([np.mean(map_), np.var(map_)], [0, 1], atol=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m: m.sample(0), "num_samples is 0, expected an integer of at least 1."),
        (lambda m: m.sample(1, truncation=-1), "truncation is -1, expected a finite number"),
        (lambda m: m.sample(1, cutoff=7), "cutoff is 7, expected an integer from 0 to 6."),
        (lambda m: m.sample(1, noise="loud"), "noise is 'loud', expected one of random, const, none."),
        (lambda m: m.mapping(latents(1)[:, :3]), r"latents has shape \(1, 3\), expected \[N, 8\]."),
        (lambda m: m.synthesis(np.zeros([1, 2, 3])), r"w has shape \(1, 2, 3\), expected float32"),
        (lambda m: m.synthesis("w"), "w makes no array of float32"),
        (lambda m: m.style_mask("fine"), "crossover is 'fine', expected resolutions of the model's 4 to 16."),
        (lambda m: m.style_mask("low"), "crossover is 'low', expected all, coarse, middle, fine, or a pair"),
        (lambda m: m.interpolate(*latents(2), 3, space="x"), "space is 'x', expected one of z, w."),
        (lambda m: m.interpolate({"z": 1}, latents(1)[0], 3), "latents_a is of type dict and makes no array"),
        (
            lambda m: m.interpolate(latents(1)[0], tf.ragged.constant([[1.0], []]), 3, space="z"),
            "latents_b is of type RaggedTensor and makes no array",
        ),
        (lambda m: m.project([[0, 1], [2]]), "image is of type list and makes no array"),
        (lambda m: m.project(np.zeros([3, 3, 1], np.uint8)), r"images has shape \(1, 3, 3, 1\)"),
        (lambda m: m.sample(1, labels=0), "labels were given, but style is unconditional"),
    ],
)
def test_bad_input_is_one_sentence(style_model, call, message):
    with pytest.raises(ValueError, match=message):
        call(style_model)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"image_shape": (14, 14)}, "image_shape is"),
        ({"architecture": "deep"}, "architecture is 'deep', expected one of skip, resnet, orig."),
        ({"augment": "some"}, "augment is 'some', expected one of none, ada."),
        ({"r1_interval": 0}, "r1_interval is 0, expected an integer of at least 1."),
        ({"mixing_probability": -0.1}, "mixing_probability is -0.1"),
    ],
)
def test_bad_arguments_are_one_sentence(tiny_style, options, message):
    with pytest.raises(ValueError, match=message):
        tiny_style(**options)


def test_old_names_work_with_a_warning(style_model):
    with pytest.warns(DeprecationWarning, match="n is num_samples now"):
        np.testing.assert_array_equal(style_model.sample(n=2), style_model.sample(num_samples=2))
    with pytest.warns(DeprecationWarning, match="augment_kind is augment now"):
        assert style_model.augment_kind == style_model.augment == "none"
    with pytest.warns(DeprecationWarning, match="the group 'colour' is 'color' now"):
        assert Augment(["colour"]).groups == ("color",)
    with pytest.warns(DeprecationWarning, match=r"stylegan2_networks.Generator is .*stylegan2_generator"):
        assert stylegan2_networks.Generator is type(style_model.generator)
    with pytest.warns(DeprecationWarning, match=r"stylegan_networks.adain is .*stylegan_layers.adain now"):
        assert stylegan_networks.adain is stylegan_layers.adain


@pytest.mark.parametrize("make", ["tiny_gan", "tiny_style"])
@pytest.mark.parametrize("num_classes", [0, 3])
def test_saved_models_are_the_same(make, num_classes, request, tmp_path):
    from latentzoo import zoo

    model = request.getfixturevalue(make)(num_classes=num_classes, seed=5)
    labels = np.array([2, 0]) if num_classes else None
    expected = model.sample(2, seed=1, labels=labels).numpy()
    logits = model.discriminator(model._from_unit(tf.constant(expected)), labels=labels)
    model.save(tmp_path / "m.keras")
    model.save_to_preset(tmp_path / "preset")
    for loaded in (keras.models.load_model(tmp_path / "m.keras"), zoo.load(tmp_path / "preset")):
        np.testing.assert_array_equal(loaded.sample(2, seed=1, labels=labels), expected)
        again = loaded.discriminator(loaded._from_unit(tf.constant(expected)), labels=labels)
        np.testing.assert_array_equal(again, logits)
