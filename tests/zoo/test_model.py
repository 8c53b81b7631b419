"""Plain Keras: fit in every shape of data, freezing, strategies, configs, and clear errors."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from ..errors import text_of


class Pairs(keras.utils.PyDataset):
    """Batches of images, or of (images, labels)."""

    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 2

    def __getitem__(self, i):
        batch = tuple(array[32 * i : 32 * i + 32] for array in self.arrays)
        return batch if len(batch) > 1 else batch[0]


def generator(*arrays):
    dataset = Pairs(*arrays)
    return (dataset[i] for i in range(2))


def tf_data(*arrays):
    return tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0]).batch(32)


SMALL = {"levels": 1, "depth": 1}

SOURCES = {
    "arrays": lambda *arrays: arrays,
    "tensors": lambda *arrays: tuple(map(tf.constant, arrays)),
    "tf.data": lambda *arrays: (tf_data(*arrays),),
    "PyDataset": lambda *arrays: (Pairs(*arrays),),
    "generator": lambda *arrays: (generator(*arrays),),
}


def eager(model, learning_rate=1e-3):
    """Compiled with nothing traced, which is faster for a few steps."""
    model.compile(optimizer=keras.optimizers.Adam(learning_rate), run_eagerly=True)
    return model


@pytest.mark.parametrize("num_classes", [0, 10])
@pytest.mark.parametrize("source", SOURCES)
def test_fit_takes_any_source_and_starts_from_all_of_it_or_a_first_batch(
    tiny, clothes, assert_same_weights, source, num_classes
):
    options = {**SMALL, "num_classes": num_classes}
    expected = tiny(**options)
    seen = 64 if source in ("arrays", "tensors", "tf.data") else 32
    labels = clothes[1][:seen] if num_classes else None
    expected.initialize(clothes[0][:seen], labels)
    model = eager(tiny(**options), learning_rate=0.0)
    arrays = clothes if num_classes else clothes[:1]
    model.fit(*SOURCES[source](*arrays), verbose=0)
    assert model.initialized
    assert model.optimizer.iterations == 2  # the first batch is trained on too
    assert_same_weights(model, expected)


def test_an_unconditional_model_ignores_labels(tiny, clothes, assert_same_weights):
    models = [eager(tiny(**SMALL)) for _ in range(2)]
    models[0].fit(clothes[0], batch_size=32, shuffle=False, verbose=0)
    models[1].fit(*clothes, batch_size=32, shuffle=False, verbose=0)
    assert_same_weights(*models)


def test_initialisation_is_done_once(tiny, clothes):
    model = tiny()
    model.initialize(clothes[0][:32])
    before = model.get_weights()
    model.initialize(255 - clothes[0])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_fit_does_not_repeat_initialisation(trained, tiny, clothes, assert_same_weights):
    model = eager(tiny(), learning_rate=0.0)
    model.set_weights(trained("plain").get_weights())
    model.fit(255 - clothes[0], batch_size=32, verbose=0)
    assert_same_weights(model, trained("plain"))


def test_fit_lowers_what_evaluate_says(tiny, clothes):
    """With Keras's defaults: compiled by XLA."""
    model = tiny(**SMALL)
    model.initialize(clothes[0])
    model.compile(optimizer=keras.optimizers.Adam(3e-3))
    before = model.evaluate(clothes[0], verbose=0)
    history = model.fit(clothes[0], batch_size=32, epochs=4, verbose=0).history
    assert set(history) == {"loss"}
    after = model.evaluate(clothes[0], verbose=0)
    assert after < before - 0.05
    np.testing.assert_allclose(after, np.mean(model(clothes[0])), rtol=1e-5)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_a_global_dtype_policy_is_that_of_the_model(tiny, clothes, policy):
    explicit = tiny(dtype=policy)
    default = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = tiny()
    finally:
        keras.config.set_dtype_policy(default)
    assert model.dtype_policy.name == policy
    np.testing.assert_array_equal(model.log_prob(clothes[0]), explicit.log_prob(clothes[0]))


def test_frozen_parts_stay_and_the_rest_moves(trained, tiny, clothes):
    model = tiny()
    model.set_weights(trained("plain").get_weights())
    frozen = model.get_layer("level_0")
    frozen.trainable = False
    assert not {id(w) for w in frozen.weights} & {id(w) for w in model.trainable_weights}
    before = {weight.path: np.array(weight.value) for weight in model.weights}
    eager(model).fit(clothes[0], batch_size=32, verbose=0)
    still = {weight.path for weight in frozen.weights} | {w.path for w in model.non_trainable_weights}
    for weight in model.weights:
        assert np.array_equal(weight, before[weight.path]) == (weight.path in still), weight.path


def test_summary_lists_the_parts_and_counts_all_weights(tiny):
    model, lines = tiny(), []
    model.summary(print_fn=lambda text, **_: lines.append(text))
    text = "\n".join(lines)
    assert all(part in text for part in ("level_0", "level_1", "split_prior_0", "top_prior"))
    assert f"Total params: {model.count_params():,}" in text

    # By hand: actnorm, 1x1 convolution (P, signs, L, U, log s), network; the split prior, the top one.
    def step(c, out, w=8):
        return 2 * c + 3 * c * c + 2 * c + 9 * (c // 2) * w + w + w * w + w + 9 * w * out + 2 * out

    assert model.count_params() == 2 * step(4, 4) + 2 * step(8, 8) + 9 * 2 * 4 + 2 * 4 + 2 * 8 + 1


def test_every_weight_has_a_path_of_its_own(tiny):
    paths = [weight.path for weight in tiny().weights]
    assert len(set(paths)) == len(paths)


CONFIGS = [
    {},
    {"coupling": "additive", "permutation": "shuffle", "num_bits": 5, "reversible": True, "seed": 3},
    {"image_shape": (4, 8, 3), "levels": 1, "num_classes": 7, "dtype": "mixed_bfloat16", "name": "other"},
]


@pytest.mark.parametrize("options", CONFIGS)
def test_a_config_goes_through_json_and_gives_the_same_model(tiny, options):
    model = tiny(**options)
    config = model.get_config()
    again = type(model).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    for option, value in options.items():
        if option != "dtype":
            assert getattr(again, option) == value
    for a, b in zip(model.weights, again.weights, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)  # the seed is in the config


# Strategies.


def test_replicas_see_the_same_image_with_different_noise(mirrored_strategy, tiny, clothes):
    with mirrored_strategy.scope():
        model = tiny(**SMALL)

    @tf.function
    def losses():
        return mirrored_strategy.run(lambda: model(tf.constant(clothes[0][:8]), training=True))

    a, b = mirrored_strategy.experimental_local_results(losses())
    assert not np.any(a == b)
    np.testing.assert_allclose(a, b, atol=0.05)


# Errors.


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"image_shape": (28, 28)}, "image_shape is (28, 28), expected three positive integers (H, W, C)."),
        ({"image_shape": 28}, "image_shape is 28, expected three positive integers (H, W, C)."),
        ({"image_shape": (8, 8, 0)}, "image_shape is (8, 8, 0), expected three positive integers (H, W, C)."),
        (
            {"image_shape": (8.0, 8, 1)},
            "image_shape is (8.0, 8, 1), expected three positive integers (H, W, C).",
        ),
        (
            {"image_shape": (8, 6, 1)},
            "image_shape is (8, 6, 1) with 2 levels, expected height and width to be multiples of 4.",
        ),
        ({"levels": 0}, "levels is 0, expected an integer of at least 1."),
        ({"depth": 0}, "depth is 0, expected an integer of at least 1."),
        ({"depth": True}, "depth is True, expected an integer of at least 1."),
        ({"width": 8.5}, "width is 8.5, expected an integer of at least 1."),
        ({"coupling": "afine"}, "coupling is 'afine', expected one of affine, additive."),
        ({"permutation": None}, "permutation is None, expected one of conv, reverse, shuffle."),
        ({"num_classes": -1}, "num_classes is -1, expected an integer of at least 0."),
        ({"num_bits": 0}, "num_bits is 0, expected an integer from 1 to 8."),
        ({"num_bits": 9}, "num_bits is 9, expected an integer from 1 to 8."),
        ({"seed": -1}, "seed is -1, expected an integer from 0 to 2147483647."),
        ({"seed": "a"}, "seed is 'a', expected an integer from 0 to 2147483647."),
    ],
)
def test_bad_constructor_arguments(tiny, arguments, message):
    assert text_of(tiny, **arguments) == message


IMAGE = np.zeros([8, 8, 1], np.uint8)
IMAGES = np.zeros([3, 8, 8, 1], np.uint8)
LATENTS = np.zeros([3, 64], np.float32)


@pytest.mark.parametrize(
    "method, arguments, message",
    [
        ("sample", {"num_samples": 0}, "num_samples is 0, expected an integer of at least 1."),
        ("sample", {"num_samples": 2.0}, "num_samples is 2.0, expected an integer of at least 1."),
        (
            "sample",
            {"num_samples": 1, "temperature": -0.1},
            "temperature is -0.1, expected a finite number from 0 to 1e+06.",
        ),
        (
            "sample",
            {"num_samples": 1, "temperature": float("nan")},
            "temperature is nan, expected a finite number from 0 to 1e+06.",
        ),
        (
            "sample",
            {"num_samples": 2, "seed": 0.5},
            "seed is 0.5, expected integers in [-2^31, 2^31), one or [2, 2].",
        ),
        (
            "sample",
            {"num_samples": 1, "labels": 0},
            "labels were given, but tiny is unconditional: expected none.",
        ),
        ("log_prob", {"images": IMAGE}, "images has shape (8, 8, 1), expected [N, 8, 8, 1]."),
        (
            "initialize",
            {"images": IMAGES.astype(float)},
            "images has dtype float64, expected uint8 in [0, 255] or float32 in [0, 1].",
        ),
        (
            "bits_per_dim",
            {"images": IMAGES, "labels": [0, 1, 2]},
            "labels were given, but tiny is unconditional: expected none.",
        ),
        ("encode", {"images": IMAGES[:0]}, "images is empty (N = 0), expected [N, 8, 8, 1] with N >= 1."),
        ("reconstruct", {"images": IMAGES[:, :4]}, "images has shape (3, 4, 8, 1), expected [N, 8, 8, 1]."),
        ("decode", {"latents": LATENTS[:, 1:]}, "latents has shape (3, 63), expected [N, 64]."),
        ("decode", {"latents": LATENTS + np.nan}, "latents holds NaN or infinity, expected finite numbers."),
        ("split_latents", {"latents": LATENTS[0]}, "latents has shape (64,), expected [N, 64]."),
        (
            "interpolate",
            {"image_a": IMAGES, "image_b": IMAGE, "steps": 3},
            "image_a has shape (3, 8, 8, 1), expected (8, 8, 1).",
        ),
        (
            "interpolate",
            {"image_a": IMAGE, "image_b": IMAGE + 0.5, "steps": 3},
            "image_b has dtype float64, expected uint8 in [0, 255] or float32 in [0, 1].",
        ),
        (
            "interpolate",
            {"image_a": {"image": 1}, "image_b": IMAGE, "steps": 3},
            "image_a is of type dict and makes no array, expected numbers of one shape.",
        ),
        (
            "interpolate",
            {"image_a": IMAGE, "image_b": IMAGE, "steps": 1},
            "steps is 1, expected an integer of at least 2.",
        ),
    ],
)
def test_bad_arguments(bad_input_models, method, arguments, message):
    assert text_of(getattr(bad_input_models[0], method), **arguments) == message


@pytest.mark.parametrize(
    "labels, message",
    [
        (None, "labels are missing, expected 3 integers below 10."),
        ([0, 1], "labels have shape (2,) and dtype int64, expected 3 integers."),
        ([0.0, 1.0, 2.0], "labels have shape (3,) and dtype float64, expected 3 integers."),
        ([[0], [1], [2]], "labels have shape (3, 1) and dtype int64, expected 3 integers."),
        ([[0], [1, 2], 3], "labels make no array, expected 3 integers."),
        ([0, 1, 10], "labels are from 0 to 10, expected integers in [0, 10)."),
        (-1, "labels are from -1 to -1, expected integers in [0, 10)."),
    ],
)
@pytest.mark.parametrize(
    "method, first",
    [("log_prob", IMAGES), ("encode", IMAGES), ("decode", LATENTS), ("sample", 3), ("initialize", IMAGES)],
)
def test_bad_labels(bad_input_models, method, first, labels, message):
    assert text_of(getattr(bad_input_models[1], method), first, labels=labels) == message


@pytest.mark.parametrize(
    "x, message",
    [
        (None, "x is empty, expected at least one image."),
        (IMAGES[:0], "x is empty, expected at least one image."),
        (
            tf.data.Dataset.from_tensor_slices(IMAGES[:0]).batch(2),
            "x is an empty dataset, expected at least one batch.",
        ),
        (iter(()), "x is an empty generator, expected at least one batch."),
        (tf.data.Dataset.from_tensor_slices(IMAGES), "images has shape (8, 8, 1), expected [N, 8, 8, 1]."),
        (
            IMAGES.astype(np.float32) + 255,
            "images holds values from 255 to 255, expected float32 in [0, 1] (or uint8 in [0, 255]).",
        ),
        (IMAGES.astype(int), "images has dtype int64, expected uint8 in [0, 255] or float32 in [0, 1]."),
    ],
)
@pytest.mark.parametrize("initialised", [False, True])
def test_fit_on_bad_data_leaves_the_model_as_it_was(tiny, x, message, initialised):
    model = eager(tiny(**SMALL))
    if initialised:
        model.initialize(IMAGES)
    before = model.get_weights()
    x = iter(()) if hasattr(x, "__next__") else x
    assert text_of(model.fit, x) == message
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "x, y, message",
    [
        (IMAGES, None, "tiny has 10 classes and got images alone, expected (images, labels)."),
        (IMAGES, np.array([0, 5, 10]), "labels are from 0 to 10, expected integers in [0, 10)."),
    ],
)
def test_conditional_fit_on_bad_labels(tiny, x, y, message):
    model = eager(tiny(**SMALL, num_classes=10))
    assert text_of(model.fit, x, y) == message


def test_evaluate_on_bad_data_says_why(tiny):
    model = eager(tiny(**SMALL))
    assert "images has dtype int64, expected uint8 in [0, 255]" in text_of(
        model.evaluate, IMAGES.astype(int), verbose=0
    )


@pytest.fixture(scope="module")
def bad_input_models(tiny):
    return tiny(), tiny(num_classes=10)
