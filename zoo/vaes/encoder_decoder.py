"""The base class of autoencoders and VAEs: images to short latent vectors and back."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..checks import check_count, check_image_shape
from ..compiled import compiled
from ..events import Images
from ..images import check_images, check_kind, from_keras
from ..latent_model import LatentModel
from .residual_networks import Decoder, Encoder


class EncoderDecoder(LatentModel):
    """An encoder and a decoder, and the public methods that need only these.

    A subclass makes them (`_make_encoder`, `_make_decoder`) and implements `_encode_images(images, labels)`
    and `_decode_latents(latents, labels)`, which map checked tensors to tensors.

    An unconditional model can be trained to output images other than its inputs, as for denoising:
    `fit(noisy, clean)`.

    Args:
      image_shape: (H, W, C); H and W multiples of 2^levels.
      latent_dim: D, the size of the latents.
      levels: how many times the encoder halves the image.
      depth: the number of residual blocks in each level.
      width: the channels of the first level; each further level doubles them.
      num_classes: the number of classes, whose embeddings the networks add to a hidden layer, or 0.
      seed: integer, of the initial weights and of the noise in training.
    """

    family = "vae"

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        levels: int,
        depth: int,
        width: int,
        num_classes: int,
        seed: int,
        **kwargs,
    ):
        super().__init__(num_classes=num_classes, **kwargs)
        self.image_shape = check_image_shape(image_shape, levels)
        self.events = Images(self.image_shape)
        self.latent_dim = check_count("latent_dim", latent_dim, 1)
        self.levels = levels
        self.depth = check_count("depth", depth, 0)
        self.width = check_count("width", width, 1)
        self.seed = check_count("seed", seed, 0, 2**31 - 1)

    def _make_encoder(self, size_out: int) -> keras.layers.Layer:
        """Makes the encoder: images in [-1, 1] to float32 `[N, size_out]`."""
        shape = (self.image_shape, self.levels, self.depth, self.width, size_out)
        return Encoder(*shape, **self._network_arguments(0), name="encoder")

    def _make_decoder(self, channels_out: int) -> keras.layers.Layer:
        """Makes the decoder: latents to float32 `[N, H, W, channels_out]`."""
        shape = (self.image_shape, self.levels, self.depth, self.width, self.latent_dim, channels_out)
        return Decoder(*shape, **self._network_arguments(1), name="decoder")

    def _network_arguments(self, k: int) -> dict[str, Any]:
        return {"num_classes": self.num_classes, "seed": self._part_seed(k), "dtype": self.dtype_policy}

    def _part_seed(self, k: int) -> int:
        """The seed of the initial weights of part k."""
        return int(np.random.default_rng([self.seed, k]).integers(2**31))

    def _check_examples(self, batch, use):
        super()._check_examples(batch, use)
        images, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        if self._beside(images, y) is not None and not self.num_classes:
            check_images(y, self.image_shape, "y")

    def _beside(self, images, y):
        """The labels of a conditional model, target images, or None."""
        if self.num_classes or y is None or len(y.shape) < 3:
            return super()._beside(images, y)
        check_kind(tf.convert_to_tensor(y), self.image_shape, "y")
        return y

    def _images_labels_targets(self, inputs):
        """Splits the inputs of `call` into images, labels or None, and target images."""
        images, beside = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        images = from_keras(images)
        check_kind(images, self.image_shape)
        if self.num_classes:
            return images, tf.cast(beside, tf.int32), images
        return images, None, images if beside is None else from_keras(beside)

    def _encode_images(self, images, labels):
        raise NotImplementedError

    def _decode_latents(self, latents, labels):
        raise NotImplementedError

    # The compiled parts of the public methods: checked tensors in, tensors out.

    @compiled
    def _encode(self, images, labels):
        return self._encode_images(images, labels)

    @compiled
    def _decode(self, latents, labels):
        return self._decode_latents(latents, labels)
