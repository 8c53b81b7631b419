"""Base classes of the generators of both StyleGANs and of their synthesis networks."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from ..networks.part import Part
from .mapping import MappingNetwork
from .resolutions import check_square, seed_of_part


class StyleSynthesis(Part):
    """Maps w to images. A subclass sets `blocks`, `num_ws` and `w_dim`, and implements `_images`.

    Attributes:
      blocks: one block for each resolution from 4x4 on, with its convolutions in `convs`.
      num_ws: number of w per image.
      w_dim: dimension of w.
      noise_shapes: shape (r, r, 1) of the noise of each convolution.
    """

    blocks: list
    num_ws: int
    w_dim: int

    @property
    def convs(self) -> list[keras.layers.Layer]:
        """The convolutions, in order; each takes noise."""
        return [conv for block in self.blocks for conv in block.convs]

    @property
    def num_ws_in_use(self) -> int | tf.Tensor:
        """Number of w, from the first, that the images depend on."""
        return self.num_ws

    @property
    def noise_shapes(self) -> list[tuple[int, int, int]]:
        """The shape (r, r, 1) of the noise of each convolution."""
        return [(*conv.noise_const.shape, 1) for conv in self.convs]

    def call(self, w: tf.Tensor, noise: str | Sequence[tf.Tensor | None] = "const") -> tf.Tensor:
        """Returns the images of w.

        Args:
          w: `[N, num_ws, w_dim]`.
          noise: "const" for the stored noise, "none", or a tensor `[N, r, r, 1]` or None for each of
            `noise_shapes`.

        Returns:
          float32 `[N, R, R, C]`, roughly in [-1, 1]: not clipped.

        Raises:
          ValueError: invalid shape of w, or invalid noise.
        """
        if w.shape.rank != 3 or tuple(w.shape[1:]) != (self.num_ws, self.w_dim):
            raise ValueError(f"w has shape {tuple(w.shape)}, expected (N, {self.num_ws}, {self.w_dim}).")
        ws = tf.unstack(tf.cast(w, self.variable_dtype), axis=1)
        return self._images(ws, self._noise(noise))

    def _images(self, ws: list[tf.Tensor], noise: list[tf.Tensor | None]) -> tf.Tensor:
        """Images of `num_ws` tensors `[N, w_dim]`, and noise or None for each of `convs`."""
        raise NotImplementedError

    def _noise(self, noise):
        if isinstance(noise, str):
            if noise not in ("const", "none"):
                raise ValueError(f'noise is "{noise}", expected "const", "none" or a list of tensors.')
            return [conv.noise_const[:, :, None] if noise == "const" else None for conv in self.convs]
        if len(noise) != len(self.convs):
            raise ValueError(f"noise has {len(noise)} tensors, expected {len(self.convs)}.")
        return list(noise)


class StyleGenerator(Part):
    """Maps latents to images: `synthesis(mapping(z, labels))`. A subclass sets the classes of its networks.

    Args:
      image_shape: (R, R, C), R a power of 2 of at least 8.
      z_dim, w_dim: dimensions of the latents z and w.
      mapping_depth: number of layers of the mapping network.
      num_classes: number of classes, or 0.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels.
      seed: integer for the initial weights.
      synthesis_options: further arguments of `synthesis_class`.

    Attributes:
      mapping, synthesis: the two networks.

    Raises:
      ValueError: invalid image_shape.
    """

    mapping_class: type[MappingNetwork] = MappingNetwork
    synthesis_class: Callable[..., StyleSynthesis]

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        z_dim: int,
        w_dim: int,
        mapping_depth: int,
        num_classes: int,
        channel_base: int,
        channel_max: int,
        seed: int,
        synthesis_options: dict,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.image_shape, self.z_dim, self.w_dim = tuple(image_shape), z_dim, w_dim
        self.mapping_depth, self.num_classes = mapping_depth, num_classes
        self.channel_base, self.channel_max, self.seed = channel_base, channel_max, seed
        resolution, channels = check_square(image_shape)
        dtype = self.dtype_policy
        with keras.name_scope(self.name):
            # The two networks have different seeds.
            self.synthesis = self.synthesis_class(
                *(resolution, channels, w_dim, channel_base, channel_max),
                **synthesis_options,
                seed=seed_of_part(seed, 0),
                dtype=dtype,
                name="synthesis",
            )
            sizes = (z_dim, w_dim, self.synthesis.num_ws, mapping_depth, num_classes)
            self.mapping = self.mapping_class(*sizes, seed=seed_of_part(seed, 1), dtype=dtype, name="mapping")
        self.built = True

    def call(
        self,
        z: tf.Tensor,
        labels: tf.Tensor | None = None,
        truncation: float | tf.Tensor = 1.0,
        cutoff: int | None = None,
        noise: str | Sequence[tf.Tensor | None] = "const",
    ) -> tf.Tensor:
        """Returns the images of latents: see `MappingNetwork.call` and `StyleSynthesis.call`."""
        w = self.mapping(z, labels, truncation=truncation, cutoff=cutoff)
        return self.synthesis(w, noise=noise)
