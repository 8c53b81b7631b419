import keras
import numpy as np
import pytest

from latentzoo.trainers.schedules import WarmupConstant, WarmupCosine


def test_constant_rises_then_stays():
    rates = [float(WarmupConstant(0.5, warmup_steps=10)(step)) for step in range(30)]
    expected = [0.05 * (step + 1) if step < 10 else 0.5 for step in range(30)]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


@pytest.mark.parametrize("final", [0.0, 0.02, 1.0])
def test_cosine_in_closed_form(final):
    schedule = WarmupCosine(0.5, warmup_steps=10, steps=50, final=final)
    step = np.arange(60)
    progress = np.clip((step - 10) / 40, 0, 1)
    cosine = 0.5 * (final + (1 - final) * (1 + np.cos(np.pi * progress)) / 2)
    expected = np.where(step < 10, 0.05 * (step + 1), cosine)
    np.testing.assert_allclose([float(schedule(s)) for s in step], expected, rtol=1e-5, atol=1e-7)


def test_no_warmup_starts_at_the_peak():
    assert float(WarmupCosine(0.5, warmup_steps=0, steps=50)(0)) == 0.5
    assert float(WarmupConstant(0.5)(0)) == 0.5


@pytest.mark.parametrize("schedule", [WarmupConstant(0.1, 5), WarmupCosine(0.1, 5, 20, 0.1)])
def test_an_optimiser_saves_it(schedule):
    optimizer = keras.optimizers.Adam(schedule)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    for step in (0, 3, 12):
        copy.iterations.assign(step)
        np.testing.assert_allclose(float(copy.learning_rate), float(schedule(step)))


def test_warmup_longer_than_training():
    with pytest.raises(ValueError, match="^warmup_steps: got 20, expected fewer than the 20"):
        WarmupCosine(0.1, warmup_steps=20, steps=20)
