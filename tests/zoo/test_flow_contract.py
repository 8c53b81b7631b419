"""What every flow of the zoo promises: densities, latents, samples, scores, classes, replicas."""

import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from latentzoo.zoo import flows, seeds
from latentzoo.zoo import images as zoo_images

from .. import tiny
from ..jacobians import jacobian_log_det
from .flow_cases import FLOWS

pytestmark = pytest.mark.usefixtures("eagerly")

D = 64  # of the flows on images


def log_normal(z):
    z = np.asarray(z, np.float64)
    return (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(axis=-1)


def continuous(model, events):
    """What a flow takes events for: the centres of the bins of pixels, vectors themselves."""
    if events.dtype != np.uint8:
        return events
    bins = 2**model.num_bits
    return ((events // (256 // bins) + 0.5) / bins).astype(np.float32)


def test_every_flow_has_a_row():
    bases = {"Flow", "MultiScaleFlow"}
    exported = {getattr(flows, name) for name in set(flows.__all__) - bases}
    assert exported == {type(make(**options)) for make, options in FLOWS.values()}


def test_log_prob_is_the_base_density_and_the_jacobian(each_trained):
    model, events, labels = each_trained
    for i in range(2):
        label = None if labels is None else labels[i : i + 1]

        def forward(x, label=label):
            copies = None if label is None else tf.repeat(tf.cast(label, tf.int32), len(x))
            return model.bijector(copies).forward(x)

        log_det = jacobian_log_det(forward, continuous(model, events[i]))
        expected = log_normal(model.encode(events[i : i + 1], label)) + log_det
        # As many log-scales and squares as dimensions, in float32.
        np.testing.assert_allclose(model.log_prob(events[i : i + 1], label), expected, rtol=2e-5, atol=2e-3)


def test_images_of_several_channels_and_unequal_sides(shaken):
    model = shaken(tiny.glow(image_shape=(4, 2, 3), levels=1, depth=3))
    x = np.random.default_rng(0).uniform(size=[1, 4, 2, 3]).astype(np.float32)
    log_det = jacobian_log_det(model.bijector().forward, x[0])
    np.testing.assert_allclose(model.log_prob(x), log_normal(model.encode(x)) + log_det, rtol=1e-5)
    np.testing.assert_allclose(model.reconstruct(x), x, atol=1e-5)


def test_the_distribution_is_the_density_of_bin_centres(each_trained):
    model, events, labels = each_trained
    distribution = model.distribution(None if labels is None else tf.cast(labels, tf.int32))
    expected = distribution.log_prob(continuous(model, events))
    np.testing.assert_allclose(model.log_prob(events, labels), expected, rtol=1e-6, atol=1e-6)


def test_the_distribution_samples_what_it_scores(each_trained):
    """The latents of its samples are standard normal, and a sample's density is that of its event."""
    model, _, labels = each_trained
    distribution = model.distribution(None if labels is None else tf.cast(labels, tf.int32))
    count = 32 if labels is None else 2  # of each label
    drawn, log_prob = distribution.experimental_sample_and_log_prob(count, seed=[0, 0])
    assert drawn.shape == (count, *distribution.batch_shape, *model.event_shape)
    # All but the few that rounding puts on the walls of a logit.
    assert np.isclose(distribution.log_prob(tf.identity(drawn)), log_prob, rtol=1e-3, atol=0.05).mean() > 0.9
    z = np.asarray(distribution.bijector.inverse(tf.identity(drawn)))
    z = z[np.isfinite(z)]
    assert abs(z.mean()) < 4 / z.size**0.5 and abs(z.var() - 1) < 4 * (2 / z.size) ** 0.5


def test_latents_and_back(each_trained):
    model, events, labels = each_trained
    latents = model.encode(events, labels)
    assert latents.shape == (16, model.latent_dim) and latents.dtype == tf.float32
    # A copy, so that TFP cannot answer from its cache.
    decoded = model.decode(np.array(latents), labels)
    np.testing.assert_allclose(decoded, continuous(model, events), atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(events, labels), continuous(model, events), atol=1e-5)


def test_bits_per_dim_with_the_noise_made_by_hand(each_of_images):
    model, images, labels = each_of_images
    noise = np.stack([tf.random.stateless_uniform([8, 8, 1], [7, i]) for i in range(16)])
    bins = 2**model.num_bits
    x = ((images // (256 // bins) + noise) / bins).astype(np.float32)
    expected = (D * math.log(bins) - np.asarray(model.log_prob(x, labels), np.float64)) / (D * math.log(2))
    np.testing.assert_allclose(model.bits_per_dim(images, seed=7, labels=labels), expected, rtol=1e-5)


def test_bits_of_an_image_do_not_depend_on_the_images_beside_it(trained, clothes):
    model, images = trained("plain"), clothes[0]
    whole = model.bits_per_dim(images[:8], seed=3)
    np.testing.assert_allclose(model.bits_per_dim(images[:3], seed=3), whole[:3], rtol=1e-6)
    pairs = np.stack([np.full(3, 3), np.arange(5, 8)], axis=1)
    np.testing.assert_allclose(model.bits_per_dim(images[5:8], seed=pairs), whole[5:], rtol=1e-6)
    assert not np.any(model.bits_per_dim(images[:8], seed=4) == whole)


def test_the_loss_is_in_bits_per_dim_or_for_vectors_in_nats(each_trained):
    model, events, labels = each_trained
    inputs = events if labels is None else (events, labels)
    expected = -np.asarray(model.log_prob(events, labels))
    if events.dtype == np.uint8:
        expected = model.num_bits + expected / (D * math.log(2))
    np.testing.assert_allclose(model(inputs), expected, rtol=1e-5, atol=1e-6)


def test_the_training_loss_is_noisy_and_starts_with_fresh_noise_in_every_step(trained, clothes):
    model, images = trained("plain"), clothes[0][:8]
    noise = seeds.training_uniform(model.seed, model.optimizer.iterations, images.shape)
    x = ((images + np.asarray(noise)) / 256).astype(np.float32)
    expected = 8 - np.asarray(model.log_prob(x)) / (D * math.log(2))
    np.testing.assert_allclose(model(images, training=True), expected, rtol=1e-5)


def test_float_images_get_no_noise(trained, float_clothes):
    model = trained("plain")
    np.testing.assert_array_equal(model(float_clothes, training=True), model(float_clothes))
    bits = model.bits_per_dim(float_clothes, seed=0)
    np.testing.assert_array_equal(bits, model.bits_per_dim(float_clothes, seed=1))


def test_float_images_that_hold_pixels_are_warned_of_where_noise_would_matter(clothes, monkeypatch):
    monkeypatch.setattr(zoo_images, "_warned", set())
    model, pixels = tiny.glow(depth=1), (clothes[0][:16] / 255).astype(np.float32)
    model.compile(optimizer="sgd", run_eagerly=True)
    uses = {
        "fit": lambda x: model.fit(x, batch_size=16, verbose=0),
        "evaluate": lambda x: model.evaluate(tf.data.Dataset.from_tensors(x), verbose=0),
        "log_prob": model.log_prob,
        "bits_per_dim": model.bits_per_dim,
    }
    for name, use in uses.items():
        with pytest.warns(UserWarning, match=f"{name} got float images whose values are all k / 255"):
            use(pixels)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* got float images")
        model.encode(pixels)
        for use in uses.values():
            use(pixels)  # said before
            use(clothes[0][:16])


def test_rows_of_a_sample_belong_to_the_seed_and_their_index(each_trained):
    model, _, labels = each_trained
    many = model.sample(16, seed=5, labels=labels)
    few = model.sample(4, seed=5, labels=None if labels is None else labels[:4])
    assert many.shape == (16, *model.event_shape) and many.dtype == tf.float32
    np.testing.assert_allclose(many[:4], few, atol=1e-6)
    pairs = [[5, 9], [5, 0]]
    chosen = model.sample(2, seed=pairs, labels=None if labels is None else labels[[9, 0]])
    np.testing.assert_allclose(chosen, many.numpy()[[9, 0]], atol=1e-6)
    assert len(np.unique(np.reshape(many, [16, -1]), axis=0)) == 16
    others = np.abs(model.sample(16, seed=6, labels=labels) - many).reshape(16, -1)
    assert others.max(axis=1).min() > 1e-3


def test_a_sample_is_the_decoded_noise_times_the_temperature(each_trained):
    model, _, labels = each_trained
    noise = seeds.normal(seeds.row_seeds(2, 16), (model.latent_dim,))
    for temperature in (1.0, 0.3):
        expected = model.decode(temperature * noise, labels)
        drawn = model.sample(16, seed=2, temperature=temperature, labels=labels)
        np.testing.assert_allclose(drawn, expected, atol=1e-6)


def test_temperature_0_gives_one_event(each_trained):
    model, _, labels = each_trained
    label = None if labels is None else labels[0]
    events = np.asarray(model.sample(4, seed=0, temperature=0, labels=label))
    np.testing.assert_allclose(events, np.repeat(events[:1], 4, axis=0), atol=1e-6)
    origin = model.decode(np.zeros([1, model.latent_dim], np.float32), label)
    np.testing.assert_allclose(events[:1], origin, atol=1e-6)


def test_images_stay_in_the_unit_interval(each_of_images):
    model, _, labels = each_of_images
    images = np.asarray(model.sample(16, seed=0, temperature=5.0, labels=labels))
    assert images.min() == 0 and images.max() == 1


def test_interpolation_is_straight_in_latents_and_ends_at_the_images(each_trained):
    model, events, labels = each_trained
    label = None if labels is None else labels[0]
    path = model.interpolate(events[0], events[1], steps=5, labels=label)
    np.testing.assert_allclose(path[0], continuous(model, events)[0], atol=1e-5)
    np.testing.assert_allclose(path[-1], continuous(model, events)[1], atol=1e-5)
    first, last = np.asarray(model.encode(events[:2], label))
    middle = model.decode(((first + last) / 2)[None], label)
    np.testing.assert_allclose(path[2], middle[0], atol=1e-5)


def test_other_classes_have_other_densities_and_samples(each_conditional):
    model, events, labels = each_conditional
    own = model.log_prob(events, labels)
    others = model.log_prob(events, (labels + 1) % model.num_classes)
    assert np.abs(np.asarray(own) - others).min() > 0
    a, b = (model.sample(4, seed=0, labels=label) for label in (0, 1))
    assert np.abs(a - b).max() > 1e-4


def test_one_label_stands_for_all(each_conditional):
    model, events, _ = each_conditional
    every = model.log_prob(events, np.full(16, 1))
    np.testing.assert_array_equal(model.log_prob(events, 1), every)


def test_split_latents_are_the_levels_of_the_vector(each_of_images):
    model, images, labels = each_of_images
    latents = model.encode(images, labels)
    parts = model.split_latents(latents)
    assert len(parts) == model.levels and [part.ndim for part in parts] == [4] * model.levels
    joined = np.concatenate([np.reshape(part, [16, -1]) for part in parts], axis=1)
    np.testing.assert_array_equal(joined, latents)


def test_every_weight_gets_a_gradient(each_trained):
    trained, events, labels = each_trained
    model = type(trained).from_config(trained.get_config())  # a copy: training moves statistics
    model.set_weights(trained.get_weights())
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model(events if labels is None else (events, labels), training=True))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        gradient = np.asarray(tf.convert_to_tensor(gradient))
        assert np.isfinite(gradient).all() and np.any(gradient), weight.path


@pytest.mark.parametrize(
    "make, options, data, tolerance",
    [(tiny.glow, {"levels": 1}, "float_clothes", 1e-5), (tiny.realnvp_of_vectors, {}, "moons", 1e-4)],
)
def test_two_replicas_train_as_one_does(
    make, options, data, tolerance, compiled, mirrored_strategy, assert_same_weights, request
):
    """In the scope of the strategy and out of it. Float events have no noise, so only rounding differs.

    By gradient descent, which is linear in the gradient: Adam makes steps out of the rounding of
    gradients near zero. Statistics of a batch are those of both halves, and stay equal on the replicas.
    """
    events = request.getfixturevalue(data)
    events = events[0] if data == "moons" else events
    batches = tf.data.Dataset.from_tensor_slices(events).repeat().batch(16)

    def model():
        made = make(depth=1, **options)
        made.compile(optimizer=keras.optimizers.SGD(1e-2), jit_compile=False)
        return made

    alone = model()
    alone.fit(batches, steps_per_epoch=10, verbose=0)
    with mirrored_strategy.scope():
        both = model()
        both.fit(batches, steps_per_epoch=5, verbose=0)
    # 5 batches of 16 of 64 events: the second half goes on where the first one stopped.
    both.fit(batches.skip(5), steps_per_epoch=5, verbose=0)
    assert both.optimizer.iterations == 10
    assert_same_weights(both, alone, tolerance=tolerance)
    np.testing.assert_allclose(both.log_prob(events), alone.log_prob(events), rtol=10 * tolerance, atol=1e-4)
    np.testing.assert_allclose(both.sample(4), alone.sample(4), atol=10 * tolerance)
    for weight in both.weights:
        replicas = mirrored_strategy.experimental_local_results(weight.value)
        np.testing.assert_array_equal(replicas[0], replicas[1], err_msg=weight.path)


def test_scoring_and_sampling_do_not_initialise(clothes):
    model = tiny.glow()
    before = model.get_weights()
    model.sample(2)
    model.log_prob(clothes[0])
    model.bits_per_dim(clothes[0])
    model(clothes[0])
    assert not model.initialized
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def calls(model, images):
    """What every compiled method gives."""
    latents = model.encode(images)
    return {
        "encode": latents,
        "decode": model.decode(latents),
        "log_prob": model.log_prob(images),
        "bits_per_dim": model.bits_per_dim(images, seed=1),
        "sample": model.sample(2, seed=1, temperature=0.7),
    }


def test_compiled_methods_give_what_eager_ones_do_and_see_new_weights(shaken, clothes):
    # Neither the compiled methods nor TFP's cache, which knows tensors by identity, may keep old weights.
    model, images = tiny.glow(), clothes[0][:8]
    former = None
    for size in (0.05, 0.1):
        shaken(model, size)
        eager = calls(model, images)
        tf.config.run_functions_eagerly(False)
        compiled = calls(model, images)
        tf.config.run_functions_eagerly(True)
        for name in eager:
            np.testing.assert_allclose(compiled[name], eager[name], rtol=1e-4, atol=1e-4, err_msg=name)
        if former is not None:
            for name in ("encode", "log_prob", "bits_per_dim", "sample"):
                assert np.abs(compiled[name] - former[name]).max() > 1e-2, name
        former = compiled


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_low_precision_is_of_the_networks_alone(shaken, clothes, policy):
    model = shaken(tiny.glow(dtype=policy))
    assert model.log_prob(clothes[0]).dtype == model.encode(clothes[0]).dtype == tf.float32
    assert model(clothes[0]).dtype == tf.float32
    full = tiny.glow()
    full.set_weights(
        [np.asarray(w, full_w.dtype) for w, full_w in zip(model.weights, full.weights, strict=True)]
    )
    np.testing.assert_allclose(model.bits_per_dim(clothes[0]), full.bits_per_dim(clothes[0]), atol=0.02)
    if policy.startswith("mixed"):
        assert {w.dtype for w in model.trainable_variables} == {"float32"}
    flow = [w for w in model.variables if "network" not in w.path and w.dtype.startswith(("float", "bfloat"))]
    assert {w.dtype for w in flow} == {"float32"}
