"""What both synthesis networks and generators share: w and noise are checked, then go to the layers."""

import keras
import tensorflow as tf

from ..networks.part import Part


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
