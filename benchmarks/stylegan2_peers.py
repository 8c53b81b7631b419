"""The contenders of stylegan2.py: our StyleGAN2 and the official PyTorch code, in one configuration.

Both have the same unconditional networks for color images (the tests compare their outputs), and take the
same steps with Adam: the generator on new images, the discriminator on other new images and a real batch.
Neither includes what is infrequent or nearly free: lazy regularization, style mixing, augmentation, and the
moving average of the generator.

- latentzoo trains with plain Keras `fit` and generates with `sample`, as its users do.
- The official code (stylegan2-ada-pytorch) is a folder, not a package. Without a GPU it runs its reference
  operations. Its step is that of its training loop.

The package `stylegan2-torch` compiles CUDA code at import, so it does not run on a CPU.
"""

import dataclasses
import functools
import itertools
import math
import sys

import numpy as np
from peers import Config as ImageConfig
from peers import Contender
from peers import images as three_channels

LEARNING_RATE = 0.0025
LATENT_DIM = 128
MAPPING_DEPTH = 8


@dataclasses.dataclass(frozen=True)
class Config:
    """The configuration that all contenders share.

    Attributes:
      size: height and width of the images, 8, 16 or 32; they have three channels.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels.
      batch: images per step, and per call of generate.
      threads: CPU threads of the library.
      official: the folder of the official code.
    """

    size: int = 32
    channel_base: int = 4096
    channel_max: int = 128
    batch: int = 16
    threads: int = 2
    official: str | None = None


def images(config: Config) -> np.ndarray:
    """uint8 [512, size, size, 3]."""
    return np.ascontiguousarray(three_channels(ImageConfig(size=config.size)))


class Latentzoo:
    """Our StyleGAN2. `train` and `generate` take the number of calls, each of one batch."""

    def __init__(self, config: Config, *, dtype: str = "float32"):
        import tensorflow as tf

        from latentzoo.zoo.gans import StyleGAN2

        self.config = config
        dataset = tf.data.Dataset.from_tensor_slices(images(config)).batch(config.batch, drop_remainder=True)
        self.dataset = dataset.repeat().prefetch(2)
        self.model = StyleGAN2(
            image_shape=(config.size, config.size, 3),
            latent_dim=LATENT_DIM,
            w_dim=LATENT_DIM,
            mapping_depth=MAPPING_DEPTH,
            channel_base=config.channel_base,
            channel_max=config.channel_max,
            r1_gamma=0.0,
            path_length_weight=0.0,
            mixing_probability=0.0,
            dtype=dtype,
        )
        self.model.compile(ema_images=0, jit_compile=False)

    def num_parameters(self) -> int:
        networks = (self.model.generator, self.model.discriminator)
        return sum(math.prod(w.shape) for network in networks for w in network.trainable_variables)

    def train(self, calls: int) -> float:
        """Takes `calls` steps and returns the loss of the discriminator."""
        history = self.model.fit(self.dataset, steps_per_epoch=calls, epochs=1, verbose=0)
        return history.history["loss"][-1]

    def generate(self, calls: int) -> None:
        for seed in range(calls):
            self.model.sample(self.config.batch, seed=seed).numpy()


class Official:
    """stylegan2-ada-pytorch with its reference operations."""

    def __init__(self, config: Config):
        if config.official is None:
            raise ValueError("no folder of the official code, expected --official FOLDER.")
        sys.path.insert(0, config.official)
        import torch
        from training import networks

        torch.set_num_threads(config.threads)
        self.torch, self.config = torch, config
        widths = {"channel_base": config.channel_base, "channel_max": config.channel_max}
        shape = {"c_dim": 0, "img_resolution": config.size, "img_channels": 3}
        self.generator = networks.Generator(
            z_dim=LATENT_DIM,
            w_dim=LATENT_DIM,
            mapping_kwargs={"num_layers": MAPPING_DEPTH},
            synthesis_kwargs=widths,
            **shape,
        )
        self.discriminator = networks.Discriminator(**widths, **shape)
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, betas=(0.0, 0.99), eps=1e-8)
            for network in (self.generator, self.discriminator)
        ]
        data = torch.from_numpy(images(config)).permute(0, 3, 1, 2).contiguous()
        self.batches = itertools.cycle(data.split(config.batch)[: len(data) // config.batch])

    def num_parameters(self) -> int:
        networks = (self.generator, self.discriminator)
        return sum(p.numel() for network in networks for p in network.parameters())

    def _latents(self):
        return self.torch.randn([self.config.batch, LATENT_DIM])

    def train(self, calls: int) -> float:
        softplus = self.torch.nn.functional.softplus
        for network in (self.generator, self.discriminator):
            network.train()
        for _ in range(calls):
            reals = next(self.batches).float() / 127.5 - 1
            self._train_only(self.generator)
            loss = softplus(-self.discriminator(self.generator(self._latents(), None), None)).mean()
            self._step(loss, 0)
            self._train_only(self.discriminator)
            fakes = self.generator(self._latents(), None)
            of_fakes, of_reals = self.discriminator(fakes, None), self.discriminator(reals, None)
            loss = softplus(of_fakes).mean() + softplus(-of_reals).mean()
            self._step(loss, 1)
        return loss.item()

    def _train_only(self, network):
        for one in (self.generator, self.discriminator):
            one.requires_grad_(one is network)

    def _step(self, loss, which):
        self.optimizers[which].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[which].step()

    def generate(self, calls: int) -> None:
        self.generator.eval()
        with self.torch.no_grad():
            for _ in range(calls):
                self.generator(self._latents(), None).numpy()


def _latentzoo(**options) -> Contender:
    return Contender(functools.partial(Latentzoo, **options), ("keras", "latentzoo.zoo.gans"))


CONTENDERS = {
    "latentzoo": _latentzoo(),
    "latentzoo bfloat16": _latentzoo(dtype="mixed_bfloat16"),
    "stylegan2-ada-pytorch": Contender(Official, ("torch",)),
}
