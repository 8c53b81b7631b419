"""Alarms of posterior and mode collapse."""

import warnings

import numpy as np
import pytest

from latentzoo.trainers import train
from latentzoo.zoo.gans import GAN
from latentzoo.zoo.gans.mode_collapse import find_mode_collapse
from latentzoo.zoo.vaes import VAE

IMAGES = np.random.default_rng(0).integers(0, 256, [128, 8, 8, 1], np.uint8)


def tiny_vae(**options):
    return VAE(image_shape=(8, 8, 1), latent_dim=4, levels=1, depth=0, width=4, **options)


class Sampler:
    """A model whose samples have so much of the images' spread."""

    def __init__(self, part):
        self.part = part

    def sample(self, n, seed, labels):
        images = IMAGES[:n] / 255
        return images.mean(axis=0) + np.sqrt(self.part) * (images - images.mean(axis=0))


@pytest.mark.parametrize("part", [0.0, 0.09])
def test_samples_without_variety_are_mode_collapse(part):
    sentence = find_mode_collapse(Sampler(part), IMAGES, None)
    assert sentence.startswith(f"mode collapse: samples have {part:.1%} of the data's variance")


def test_samples_as_different_as_the_data_are_none():
    assert find_mode_collapse(Sampler(0.11), IMAGES, None) is None
    assert find_mode_collapse(Sampler(1.0), IMAGES / np.float32(255), None) is None


def test_a_training_with_collapse_warns_and_goes_on(tmp_path):
    with pytest.warns(UserWarning, match=r"step 2: posterior collapse: 0 of 4 latent dimensions are active"):
        train(tiny_vae(beta=1000.0), IMAGES, workdir=tmp_path, steps=2, batch_size=8,
              eval_dataset=IMAGES[:64], verbose=0)  # fmt: skip
    assert (tmp_path / "preset").exists()


def test_a_vae_that_uses_its_latents_is_none():
    model = tiny_vae()
    assert "0 of 4" in model.find_collapse(IMAGES[:100])
    for weight in model.encoder.last.weights[:1]:
        weight.assign(30 * np.asarray(weight))
    assert model.find_collapse(IMAGES[:100]) is None


def test_a_gan_is_watched_in_training(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "latentzoo.zoo.gans.mode_collapse.find_mode_collapse", lambda *args: seen.append(args) or None
    )
    model = GAN(image_shape=(8, 8, 1), latent_dim=4, levels=1, width=4, num_classes=2)
    data = IMAGES[:32], np.arange(32) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        train(model, data, workdir=tmp_path, steps=4, batch_size=8, evaluate_every=2, verbose=0)
    assert len(seen) == 2
    assert seen[0][1].shape == (32, 8, 8, 1) and seen[0][2].shape == (32,)
