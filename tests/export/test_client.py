"""What the clients check before they ask, and how they share rows among requests."""

import numpy as np
import pytest

from latentzoo.export.client.asking import MESSAGE_BYTES

from .fake_client import F4, IMAGES, LATENTS, OF_STYLES, SEED, U1, Fake

REFUSED = {
    "num_samples is 0, expected an integer of at least 1": lambda m: m.sample(0),
    "num_samples is -1, ": lambda m: m.sample(-1),
    "num_samples is 1.5, ": lambda m: m.sample(1.5),
    "num_samples is True, ": lambda m: m.sample(True),
    "num_samples is 2147483648, ": lambda m: m.sample(2**31),
    r"seed is 2147483648, expected integers in \[-2\^31, 2\^31\), one or \[2, 2\]": lambda m: m.sample(
        2, seed=2**31
    ),
    "seed is -2147483649, ": lambda m: m.sample(2, seed=-(2**31) - 1),
    "seed is 1.5, ": lambda m: m.sample(2, seed=1.5),
    "seed is nan, ": lambda m: m.sample(2, seed=float("nan")),
    "seed is True, ": lambda m: m.sample(2, seed=True),
    "seed is None, ": lambda m: m.sample(2, seed=None),
    "seed is 1000.*[.][.][.], ": lambda m: m.sample(2, seed=10**400),
    "seed is a very large int, ": lambda m: m.sample(2, seed=10**5000),
    "seed .* makes no array": lambda m: m.sample(2, seed=[[1, 2], [3]]),
    r"seed is \[1, 2\], ": lambda m: m.sample(2, seed=[1, 2]),
    "labels must be given": lambda m: m.sample(2),
    "labels has dtype float64, expected int32": lambda m: m.sample(2, labels=[0.5, 1.5]),
    "labels holds values from 0 to 4294967296, expected int32": lambda m: m.sample(2, labels=[0, 2**32]),
    "labels is -1, expected at least 0": lambda m: m.sample(2, labels=-1),
    r"labels has shape \(3,\), expected one number or \[2\]": lambda m: m.sample(2, labels=[0, 1, 2]),
    "labels has dtype bool": lambda m: m.sample(2, labels=True),
    "temperature holds NaN": lambda m: m.sample(2, temperature=float("nan"), labels=0),
    "temperature holds NaN, infinity or numbers beyond float32": lambda m: m.sample(
        2, temperature=1e39, labels=0
    ),
    "temperature is -0.5, expected at least 0": lambda m: m.sample(2, temperature=-0.5, labels=0),
    "temperature has dtype <U1, expected float32": lambda m: m.sample(2, temperature="1", labels=0),
    r"images is empty \(N = 0\), expected \[N, 2, 2, 1\]": lambda m: m.encode(np.zeros([0, 2, 2, 1], "u1")),
    r"images is empty": lambda m: m.encode([]),
    r"images has shape \(2, 2, 1\), expected \[N, 2, 2, 1\]": lambda m: m.encode(np.zeros([2, 2, 1], "u1")),
    "images has dtype float64, expected uint8": lambda m: m.encode(np.zeros([1, 2, 2, 1])),
    "images has dtype bool, expected uint8": lambda m: m.encode(np.ones([1, 2, 2, 1], bool)),
    "images holds values from -1 to 300, expected uint8 from 0 to 255": lambda m: m.encode(
        np.array([-1, 0, 300, 1]).reshape(1, 2, 2, 1)
    ),
    "latents holds NaN": lambda m: m.decode(np.array([[0, 0, np.nan, 0]])),
    "latents holds .* beyond float32": lambda m: m.decode(np.full([1, 4], 1e39)),
    "latents is of type list and makes no array": lambda m: m.decode([[1, 2, 3, 4], [1]]),
    r"latents has shape \(1, 3\), expected \[N, 4\]": lambda m: m.decode(np.zeros([1, 3])),
    "latents holds values from -2e.06 to 0, expected at least -1e.06 and at most 1e.06": lambda m: m.decode(
        [[0, 0, -2e6, 0]]
    ),
    "temperature is 2000000.0, expected at least 0 and at most 1e.06": lambda m: m.sample(
        2, temperature=2e6, labels=0
    ),
    "styles and other_styles must have one batch size": lambda m: m.style_mix(
        np.zeros([2, 6]), np.zeros([3, 6]), 1
    ),
    "crossover has dtype float64": lambda m: m.style_mix(np.zeros([1, 6]), np.zeros([1, 6]), 1.5),
    "truncation must not be given": lambda m: m.sample(2, labels=0, truncation=1.0),
    "has no signature 'elbo': it has decode, encode, sample, style_mix": lambda m: m.elbo(
        np.zeros([1, 2, 2, 1], "u1")
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_a_request_that_cannot_be_right_is_not_sent(message):
    fake = Fake()
    with pytest.raises(ValueError, match=message):
        REFUSED[message](fake)
    assert not fake.asked


@pytest.mark.parametrize("seed", [-(2**31), 2**31 - 1, np.int64(7), np.array([[5, 1], [-6, 0]])])
def test_a_seed_is_sent_as_it_is(seed):
    fake = Fake()
    fake.sample(2, seed=seed, labels=0)
    ((_, _, inputs),) = fake.asked
    expected = seed if np.ndim(seed) else [[seed, 0], [seed, 1]]
    np.testing.assert_array_equal(inputs["seed"], expected)
    assert inputs["seed"].dtype == np.int32


def test_an_older_export_gets_flat_styles():
    fake = Fake()
    w = np.arange(12.0).reshape(2, 3, 2)
    fake.style_mix(w, 1 - w, [0, 3])
    ((_, _, inputs),) = fake.asked
    np.testing.assert_array_equal(inputs["styles"], w.reshape(2, 6))
    np.testing.assert_array_equal(inputs["crossover"], [0, 3])


def test_a_condition_is_an_image_for_each_row_or_one_for_all():
    fake = Fake()
    condition = {"condition": (U1, (-1, 2, 2, 1))}
    fake.signatures = {"sample": {"inputs": {**SEED, **condition}, "outputs": IMAGES}}
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    for given in (images, images[1]):
        fake.sample(2, condition=given)
        np.testing.assert_array_equal(fake.asked[-1][2]["condition"], np.broadcast_to(given, images.shape))
    with pytest.raises(
        ValueError, match=r"condition has shape \(3, 2, 2, 1\), expected \[2, 2, 1\] or \[2, 2, 2, 1\]"
    ):
        fake.sample(2, condition=np.zeros([3, 2, 2, 1], "u1"))
    with pytest.raises(ValueError, match="condition must be given: 'sample' of fake"):
        fake.sample(2)


def test_w_is_mixed_before_it_is_sent():
    fake = Fake()
    fake.signatures = OF_STYLES
    w = np.arange(12.0).reshape(2, 3, 2)
    fake.style_mix(w, -w, [0, 2])
    with pytest.warns(DeprecationWarning, match=r"flat w_a is \[N, 3, 2\] now"):
        fake.style_mix(w.reshape(2, 6).tolist(), -w, [0, 2])
    (_, _, inputs), (_, _, of_flat) = fake.asked
    np.testing.assert_array_equal(inputs["w"], [-w[0], [*w[1, :2], -w[1, 2]]])
    np.testing.assert_array_equal(of_flat["w"], inputs["w"])


def test_old_names_of_the_methods_warn():
    w = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
    answers = {"mapping": {"w": w}, "map": {"styles": w.reshape(2, 6)}}
    older = {"map": {**OF_STYLES["mapping"], "outputs": {"styles": (F4, (-1, 6))}}}
    for signatures in (OF_STYLES, older):
        fake = Fake()
        fake.signatures = signatures
        fake.predict = lambda signature, _: answers[signature]
        with pytest.warns(DeprecationWarning, match="latent_size is latent_dim now"):
            assert fake.latent_size == 4
        with pytest.warns(DeprecationWarning, match="map is mapping now"):
            np.testing.assert_array_equal(fake.map(np.zeros([2, 4])), w.reshape(2, 6))
    fake = Fake()
    fake.signatures = OF_STYLES
    with pytest.warns(DeprecationWarning, match="synthesize is synthesis now"):
        fake.synthesize(w)
    with pytest.warns(DeprecationWarning, match="styles is w_a now"):
        fake.style_mix(styles=w, w_b=w, crossover=1)
    for _, _, inputs in fake.asked:
        np.testing.assert_array_equal(inputs["w"], w)


# Requests of many rows


def test_rows_are_sent_in_batches_that_the_server_takes():
    fake = Fake()
    np.testing.assert_array_equal(fake.sample(130, labels=0)[:, 0, 0, 0], np.arange(130))
    assert [n for _, n, _ in fake.asked] == [64, 64, 2]


def test_a_server_with_smaller_batches_gets_smaller_ones():
    fake = Fake(largest=20)
    for _ in range(2):
        np.testing.assert_array_equal(fake.sample(40, labels=0)[:, 0, 0, 0], np.arange(40))
    assert [n for _, n, _ in fake.asked] == [40, 32, 16, 16, 8, 16, 16, 8]  # it remembers


def test_a_row_that_is_too_large_ends_in_an_error():
    with pytest.raises(ValueError, match="Task size 1 is larger than 0"):
        Fake(largest=0).sample(3, labels=0)


def test_large_rows_are_sent_in_parts_of_a_message():
    fake = Fake()
    pixels = MESSAGE_BYTES // 4
    fake.signatures = {"encode": {"inputs": {"images": (U1, (-1, pixels, 1, 1))}, "outputs": LATENTS}}
    sizes = []
    fake.predict = lambda _, inputs: (
        sizes.append(len(inputs["images"])) or {"latents": np.zeros([len(inputs["images"]), 4], "f4")}
    )
    assert fake.encode(np.broadcast_to(np.uint8(0), [9, pixels, 1, 1])).shape == (9, 4)
    assert sizes == [4, 4, 1]


def test_the_mistakes_of_others_are_not_ours():
    fake = Fake(bad_neighbours=True)
    np.testing.assert_array_equal(fake.sample(3, labels=[0, 1, 2])[:, 0, 0, 0], [0, 1, 2])
    assert [n for _, n, _ in fake.asked] == [3, 3, 64]  # the last one fills a batch
    full = fake.asked[-1][2]
    np.testing.assert_array_equal(full["labels"], [0, 1, 2] + [0] * 61)
