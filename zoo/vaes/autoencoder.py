"""The plain autoencoder (Hinton & Salakhutdinov 2006)."""

from typing import Any

import keras
import tensorflow as tf

from ..images import bin_centers
from ..signatures import Signature
from .encoder_decoder import EncoderDecoder
from .vae_signatures import autoencoder_signatures


@keras.saving.register_keras_serializable(package="latentzoo")
class Autoencoder(EncoderDecoder):
    """An autoencoder of images with `latent_dim` latent dimensions, trained on the squared error.

    It has no prior, so it has neither samples nor a likelihood. A uint8 pixel is the center of its bin.

    The loss of an image is the sum of squared errors of its pixels, which are in [0, 1].

    Args:
      image_shape: (H, W, C); H and W multiples of 2^levels.
      latent_dim: D, the size of the latents; 2 to plot the whole latent space.
      levels: how many times the encoder halves the image.
      depth: the number of residual blocks in each level.
      width: the channels of the first level; each further level doubles them.
      num_classes: the number of classes that encoder and decoder are conditioned on, or 0.
      seed: integer, of the initial weights.
      dtype: Keras dtype policy of the networks, including "mixed_bfloat16".

    Raises:
      ValueError: an argument has an invalid value.

    >>> import keras, numpy as np
    >>> from latentzoo.zoo.vaes import Autoencoder
    >>> images = np.random.default_rng(0).integers(0, 256, [32, 8, 8, 1], np.uint8)
    >>> model = Autoencoder(image_shape=(8, 8, 1), latent_dim=2, levels=2, depth=1, width=4)
    >>> model.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)
    >>> history = model.fit(images, batch_size=16, verbose=0)
    >>> model.encode(images).shape, model.reconstruct(images).shape
    (TensorShape([32, 2]), TensorShape([32, 8, 8, 1]))
    """

    scores = ("reconstruction_error",)
    prior = None
    loss_name = "squared_error"

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (28, 28, 1),
        latent_dim: int = 2,
        levels: int = 2,
        depth: int = 1,
        width: int = 32,
        num_classes: int = 0,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, levels, depth, width, num_classes, seed, **kwargs)
        self.encoder = self._make_encoder(self.latent_dim)
        self.decoder = self._make_decoder(self.image_shape[-1])
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        """Returns the squared error of each image, float32 `[N]`.

        Args:
          inputs: images; (images, labels) for a conditional model; or (images, targets).
        """
        images, labels, targets = self._images_labels_targets(inputs)
        decoded = self._decode_latents(self._encode_images(images, labels), labels)
        return tf.reduce_sum((decoded - bin_centers(targets)) ** 2, axis=[1, 2, 3])

    def serving_signatures(self) -> list[Signature]:
        """Returns the signatures of an exported model, the default first: see `autoencoder_signatures`."""
        return autoencoder_signatures(self)

    def _encode_images(self, images, labels):
        return self.encoder(2 * bin_centers(images) - 1, labels)

    def _decode_latents(self, latents, labels):
        return tf.sigmoid(self.decoder(latents, labels))
