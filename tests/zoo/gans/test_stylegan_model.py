"""The first StyleGAN as a model: growing by the images seen, control over styles and noise, training."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.trainers.checkpoints import Checkpoints
from latentzoo.zoo.gans import StyleGAN

from ...tiny import stylegan as tiny

pytestmark = [
    # Graphs of growing networks take long to trace; test_stylegan_networks.py has tests of them.
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions"),
]


@pytest.fixture(scope="module")
def model():
    """A model with weights as after training: grown, noise and all biases do something."""
    model = tiny(name="style")
    numbers = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith(("Noise/weight", "bias", "w_avg")):
            weight.assign(np.asarray(weight) + 0.3 * numbers.standard_normal(weight.shape))
    set_lod(model, 0.0)
    return model


def set_lod(model, lod):
    model.generator.synthesis.lod.assign(lod)
    model.discriminator.lod.assign(lod)


def latents(n, seed=0):
    return np.random.default_rng(seed).standard_normal([n, 8]).astype(np.float32)


def pictures(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, [n, 14, 14, 1], np.uint8)


# Control, which StyleModel has for both StyleGANs.


def test_truncation_pulls_towards_the_mean_w(model):
    w = model.mapping(latents(3)).numpy()
    mean = model.generator.mapping.w_avg.numpy()
    found = model.mapping(latents(3), truncation=0.3)
    np.testing.assert_allclose(found, mean + 0.3 * (w - mean), rtol=1e-4, atol=1e-5)


def test_each_resolution_has_two_styles(model):
    w_a, w_b = model.mapping(latents(2)).numpy(), model.mapping(latents(2, seed=1)).numpy()
    cases = {3: [3, 4, 5], "coarse": [0, 1, 2, 3], "middle": [4, 5], (8, 8): [2, 3], (4, 4): [0, 1]}
    for crossover, of_b in cases.items():
        expected = w_a.copy()
        expected[:, of_b] = w_b[:, of_b]
        np.testing.assert_array_equal(model.style_mix(w_a, w_b, crossover), expected)
    # The styles of 16x16 leave what is below: the image of 8x8, which a lod of 1 shows.
    mixed = model.style_mix(w_a, w_b, "middle")
    set_lod(model, 1.0)
    np.testing.assert_array_equal(model.synthesis(mixed, "const"), model.synthesis(w_a, "const"))
    set_lod(model, 0.0)
    assert np.abs(model.synthesis(mixed, "const") - model.synthesis(w_a, "const")).max() > 1e-3


def test_noise_is_random_const_none_or_that_of_a_range(model):
    w = model.mapping(latents(2))
    convs = model.generator.synthesis.convs
    images = {noise: model.synthesis(w, noise).numpy() for noise in ("random", "const", "none")}
    assert np.abs(images["const"] - images["none"]).max() > 1e-3
    assert np.abs(images["random"] - images["const"]).max() > 1e-3
    np.testing.assert_array_equal(model.synthesis(w, "random", seed=0), images["random"])
    assert np.abs(model.synthesis(w, "random", seed=1) - images["random"]).max() > 1e-3
    maps = [conv.noise_const[:, :, None] if i < 4 else None for i, conv in enumerate(convs)]
    expected = model._to_unit(model.generator.synthesis(w, noise=maps))
    np.testing.assert_allclose(model.synthesis(w, "const", noise_range="coarse"), expected, atol=1e-6)


def test_rows_depend_on_their_own_seeds_alone(model):
    five = model.sample(5, seed=3, truncation=0.8).numpy()
    pairs = np.array([[3, 4], [3, 1]], np.int32)
    np.testing.assert_allclose(model.sample(2, seed=pairs, truncation=0.8), five[[4, 1]], atol=1e-5)
    assert np.abs(model.sample(5, seed=4).numpy() - five).max() > 0.01


def test_a_model_samples_with_the_detail_it_has():
    model = tiny()
    assert (model.doublings, model.lod) == (2, 2.0)
    whole = model._size()[0]
    image = model.generator.synthesis(model.mapping(latents(1)))[0, :, :, 0].numpy()
    assert image.shape == (whole, whole) == (16, 16)
    blocks = image.reshape(4, 4, 4, 4)
    np.testing.assert_array_equal(blocks, np.broadcast_to(blocks[:, :1, :, :1], blocks.shape))
    assert tiny(progressive=False).lod == 0


# Training.


def test_the_networks_grow_with_the_images_seen(monkeypatch):
    def step_without_networks(self, data):
        for part in self._parts:
            part.observe(None)
        return tf.shape(self._images_and_labels(data)[0])[0]

    monkeypatch.setattr(StyleGAN, "_step", step_without_networks)
    model, seen = tiny(name="young"), []
    model.compile(jit_compile=False)
    keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(model.lod))
    settings = {"batch_size": 4, "shuffle": False, "callbacks": [keep], "verbose": 0}
    expected = "young has 1.75 doublings of its resolution left after 12 images of this training"
    with pytest.warns(UserWarning, match=expected):
        first = model.fit(pictures(12), **settings)
    second = model.fit(pictures(36), **settings)
    # 8 images of 4x4, 16 of a fade, 8 of 8x8, 16 of a fade; a step takes 4.
    assert seen == [2, 2, 1.75, 1.5, 1.25, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    # The first step is at the lod before any, and so on.
    logged = [*first.history["lod"], *second.history["lod"]]
    np.testing.assert_allclose(logged, [2, np.mean(seen[2:-1])], rtol=1e-6)
    assert float(model.discriminator.lod) == 0
    # A grown model stays so in its next training.
    model.compile(jit_compile=False)
    model._after_step(tf.constant(4))
    assert model.lod == 0


@pytest.mark.parametrize("num_classes, lod", [(0, 1.0), (3, 0.5)])
def test_training_reaches_every_weight_that_has_grown(num_classes, lod):
    model = tiny(num_classes=num_classes)
    set_lod(model, lod)
    labels = tf.constant([0, 1, 2, 0]) if num_classes else None
    before = [np.asarray(weight) for weight in model.trainable_variables]
    mean = model.generator.mapping.w_avg.numpy()
    model.compile(ema_images=0, jit_compile=False)
    for seed in (0, 1):
        model._after_step(model._step((tf.constant(pictures(4, seed)), labels)))
    assert model.lod == lod
    to_come = ("16x16", "lod0", "lod2") if lod == 1 else ("lod2",)
    for weight, old in zip(model.trainable_variables, before, strict=True):
        is_still = any(part in weight.path for part in to_come)
        assert (np.asarray(weight) == old).all() == is_still, weight.path
    assert (model.generator.mapping.w_avg.numpy() != mean).any()


def test_without_noise_inputs_training_leaves_their_strengths_at_0():
    model = tiny(use_noise=False, progressive=False)
    model.compile(ema_images=0, jit_compile=False)
    model._after_step(model._step((tf.constant(pictures(4)), None)))
    assert not any(np.asarray(conv.noise.weights[0]).any() for conv in model.generator.synthesis.convs)
    w = model.mapping(latents(2))
    np.testing.assert_array_equal(model.synthesis(w, noise="random"), model.synthesis(w, noise="none"))
    assert StyleGAN.from_config(model.get_config()).use_noise is False


def test_real_images_are_as_coarse_as_the_fakes():
    model = tiny()
    model.compile(jit_compile=False)
    for lod, size in ((2.0, 4), (1.0, 2), (0.0, 1)):
        set_lod(model, lod)
        reals, _ = model._reals_and_labels(tf.constant(pictures(2)))
        assert reals.shape == (2, 16, 16, 1)
        blocks = reals.numpy().reshape(2, 16 // size, size, 16 // size, size)
        sharp = model._from_unit(tf.constant(pictures(2))).numpy().reshape(blocks.shape)
        expected = np.broadcast_to(sharp.mean(axis=(2, 4), keepdims=True), blocks.shape)
        np.testing.assert_allclose(blocks, expected, atol=1e-6)


def test_style_mixing_is_of_the_styles_in_use():
    model = tiny(mixing_probability=1.0)
    model.compile(jit_compile=False)
    first = model.generator.mapping(model._training_normal([200, 8], 1, 0)).numpy()
    for lod, last in ((0.0, 5), (0.5, 5), (1.0, 3), (2.0, 1)):
        set_lod(model, lod)
        w, _ = model._training_styles(200, None, stream=1)
        places = (w.numpy() == first).all(axis=2).sum(axis=1)
        assert sorted(set(places)) == list(range(1, last + 1))


def test_r1_is_in_every_step_with_gamma_10():
    model = tiny()
    assert model.r1_gamma == 10 and not any(part.is_lazy for part in model.training_parts())
    settings = model.adam_settings("discriminator", 0.001)
    assert settings == {"learning_rate": 0.001, "beta_1": 0.0, "beta_2": 0.99, "epsilon": 1e-8}


def test_a_checkpoint_goes_on_as_the_training_does(tmp_path):
    models = [tiny(), tiny(seed=1)]
    batches = [(tf.constant(pictures(4, seed)),) for seed in range(4)]
    for model in models:
        model.compile(jit_compile=False)
    for batch in batches[:3]:
        models[0]._after_step(models[0]._step(batch))
    Checkpoints(models[0], tmp_path).save(3)
    assert Checkpoints(models[1], tmp_path).restore()
    models[1].seed = models[0].seed
    assert [model.lod for model in models] == [1.75, 1.75]
    for model in models:
        model._after_step(model._step(batches[3]))
        assert model.lod == float(model.discriminator.lod) == 1.5
    for a, b in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7, err_msg=a.path)


@pytest.mark.parametrize("num_classes, lod", [(0, 0.5), (3, 1.0)])
def test_saved_models_are_the_same(num_classes, lod, tmp_path):
    model = tiny(num_classes=num_classes, seed=5)
    set_lod(model, lod)
    labels = tf.constant([2, 0]) if num_classes else None
    expected = model.sample(2, seed=1, labels=labels).numpy()
    logits = model.discriminator(model._from_unit(tf.constant(expected)), labels)
    model.save(tmp_path / "m.keras")
    model.save_to_preset(tmp_path / "preset")
    for loaded in (keras.models.load_model(tmp_path / "m.keras"), zoo.load(tmp_path / "preset")):
        assert loaded.lod == lod and loaded.get_config() == model.get_config()
        np.testing.assert_array_equal(loaded.sample(2, seed=1, labels=labels), expected)
        again = loaded.discriminator(loaded._from_unit(tf.constant(expected)), labels)
        np.testing.assert_array_equal(again, logits)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"first_resolution": 12}, "first_resolution is 12, expected a power of 2 from 4 to 16."),
        ({"first_resolution": 32}, "first_resolution is 32, expected an integer from 4 to 16."),
        ({"steady_images": 0, "fade_images": 0}, "steady_images and fade_images are 0"),
        ({"channel_base": 8}, "channel_base is 8, expected an integer of at least 16."),
        ({"r1_gamma": -1}, "r1_gamma is -1"),
    ],
)
def test_bad_arguments_are_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        tiny(**options)
