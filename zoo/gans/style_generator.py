"""What the generators of both StyleGANs share: the two networks in one, w and noise that are checked."""

import keras
import tensorflow as tf

from ..networks.part import Part
from .mapping import MappingNetwork
from .resolutions import check_square, seed_of_part


class StyleSynthesis(Part):
    """Images of w. A subclass sets `blocks`, `num_ws` and `w_dim`, and writes `_images`.

    Attributes:
      blocks: of the resolutions, from 4x4 on; each has its layers in `convs`.
      num_ws: how many w an image takes.
      noise_shapes: (r, r, 1) of each noise.
    """

    @property
    def convs(self) -> list[keras.layers.Layer]:
        """The convolutions, in order: what takes noise."""
        return [conv for block in self.blocks for conv in block.convs]

    @property
    def num_ws_in_use(self) -> int | tf.Tensor:
        """How many w, from the first, the images depend on."""
        return self.num_ws

    @property
    def noise_shapes(self) -> list[tuple[int, int, int]]:
        return [(*conv.noise_const.shape, 1) for conv in self.convs]

    def call(self, w, noise="const"):
        """The images of `w [N, num_ws, w_dim]`.

        Args:
          noise: "const": each layer's own; "none"; or a tensor `[N, r, r, 1]`, or None, for each of
            `noise_shapes`.

        Returns:
          float32 `[N, R, R, C]`, from -1 to 1, about: they are not clipped.

        Raises:
          ValueError: w or noise of another shape.
        """
        if w.shape.rank != 3 or tuple(w.shape[1:]) != (self.num_ws, self.w_dim):
            raise ValueError(f"w has shape {tuple(w.shape)}, expected (N, {self.num_ws}, {self.w_dim}).")
        ws = tf.unstack(tf.cast(w, self.variable_dtype), axis=1)
        return self._images(ws, self._noise(noise))

    def _images(self, ws: list[tf.Tensor], noise: list[tf.Tensor | None]) -> tf.Tensor:
        """Images of `num_ws` tensors `[N, w_dim]` and a noise, or None, for each of `convs`."""
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
    """Images of latents: `synthesis(mapping(z, labels))`. A subclass names the classes of its networks.

    Args:
      image_shape: (R, R, C), R a power of 2 from 8 on.
      z_dim, w_dim: of the latents z and w.
      mapping_depth: layers of the mapping network.
      num_classes: 0, or the number of classes.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels.
      seed: integer, of the initial weights.
      synthesis_options: arguments that the synthesis network alone has.

    Attributes:
      mapping, synthesis: the two networks.

    Raises:
      ValueError: image_shape is none.
    """

    mapping_class: type[MappingNetwork] = MappingNetwork
    synthesis_class: type[StyleSynthesis]

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
            # The two networks draw from streams of their own.
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

    def call(self, z, labels=None, truncation=1.0, cutoff=None, noise="const"):
        """The arguments are those of `MappingNetwork.call` and `StyleSynthesis.call`."""
        w = self.mapping(z, labels, truncation=truncation, cutoff=cutoff)
        return self.synthesis(w, noise=noise)
