"""The base class of GANs with a style-based generator, and its control over styles and noise."""

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from .. import seeds
from ..checks import check_choice, check_count, check_number
from ..compiled import compiled
from ..deprecation import old_arguments
from ..images import as_tensor, bin_centers
from ..latents import check_latents, check_range, check_temperature
from ..signatures import Signature
from .directions import Direction, fit_direction, move
from .gan_signatures import style_signatures
from .layer_ranges import first_and_last
from .projection import Projection, project
from .style_training import StyleTraining

NOISE = ("random", "const", "none")


class StyleModel(StyleTraining):
    """A GAN whose generator maps z to w, and w to images layer by layer.

    Ranges of layers are given by the resolutions of their styles: "coarse" (4 to 8), "middle" (16 to 32),
    "fine" (from 64), "all", or a pair (first, last).

    The arguments are those of `StyleTraining`.
    """

    sampling_options = ("truncation", "cutoff")
    has_styles = True

    def mapping(
        self,
        latents: ArrayLike,
        labels: ArrayLike | None = None,
        truncation: ArrayLike = 1.0,
        cutoff: int | None = None,
    ) -> tf.Tensor:
        """Returns w `[N, num_ws, w_dim]` of latents z.

        Args:
          latents: float32 `[N, latent_dim]`, standard normal.
          labels: int `[N]`, required by conditional models.
          truncation: psi; 1 leaves w unchanged, 0 gives the mean w, that of the class if conditional
            (StyleGAN, appendix B).
          cutoff: number of styles that are truncated, from the first; None: all.

        Raises:
          ValueError: invalid latents or labels, truncation or cutoff out of range.
        """
        z = check_latents(latents, self.latent_dim)
        labels = self._check_labels(labels, z.shape[0])
        return self._mapping(z, labels, *self._check_truncation(truncation, cutoff))

    def synthesis(
        self,
        w: ArrayLike,
        noise: str = "random",
        seed: ArrayLike = 0,
        noise_range: str | tuple[int, int] = "all",
    ) -> tf.Tensor:
        """Returns the images of w.

        Args:
          w: float32 `[N, num_ws, w_dim]`.
          noise: "random", which for row i depends only on (seed, i); "const", the stored noise; or "none".
          seed: an integer, or `[N, 2]`, a pair of integers per row.
          noise_range: range of layers with noise.

        Returns:
          float32 `[N, H, W, C]` in [0, 1].

        Raises:
          ValueError: invalid argument.
        """
        styles = self._check_w(w, "w")
        check_choice("noise", noise, NOISE)
        layers = self._noise_layers(noise_range)
        if noise == "random":
            return self._synthesis_random(styles, seeds.row_seeds(seed, styles.shape[0]), layers)
        return self._synthesis(styles, noise, layers)

    @old_arguments(n="num_samples")
    def sample(
        self,
        num_samples: int,
        seed: ArrayLike = 0,
        truncation: ArrayLike = 1.0,
        labels: ArrayLike | None = None,
        cutoff: int | None = None,
        noise: str = "random",
    ) -> tf.Tensor:
        """Samples images. Row i, including its noise, depends only on (seed, i).

        Args:
          num_samples: at least 1.
          seed: an integer, or `[num_samples, 2]`, a pair of integers per row.
          truncation, cutoff: see `mapping`.
          labels: int `[num_samples]`, or one for all rows; required by conditional models.
          noise: see `synthesis`.

        Returns:
          float32 `[num_samples, H, W, C]` in [0, 1].

        Raises:
          ValueError: invalid argument.
        """
        num_samples = check_count("num_samples", num_samples, 1)
        check_choice("noise", noise, NOISE)
        truncation, cutoff = self._check_truncation(truncation, cutoff)
        labels = self._check_labels(labels, num_samples)
        return self._sample(seeds.row_seeds(seed, num_samples), truncation, labels, cutoff, noise)

    def decode(
        self, latents: ArrayLike, labels: ArrayLike | None = None, truncation: ArrayLike = 1.0
    ) -> tf.Tensor:
        """Returns the images of latents z `[N, latent_dim]` with the stored noise, float32 in [0, 1]."""
        return self.synthesis(self.mapping(latents, labels, truncation), noise="const")

    def style_mix(self, w_a: ArrayLike, w_b: ArrayLike, crossover: int | str | tuple[int, int]) -> tf.Tensor:
        """Replaces styles of `w_a` by those of `w_b` (StyleGAN, section 3.1, figure 3).

        Args:
          w_a, w_b: `[N, num_ws, w_dim]`.
          crossover: index of the first style of `w_b`, or the range of layers with styles of `w_b`.

        Raises:
          ValueError: invalid w or crossover.
        """
        w_a, w_b = self._check_w(w_a, "w_a"), self._check_w(w_b, "w_b")
        return tf.where(self.style_mask(crossover)[:, None], w_b, w_a)

    def style_mask(self, layers: int | str | tuple[int, int]) -> np.ndarray:
        """Returns a mask, bool `[num_ws]`, of the styles from an index on, or of a range of layers.

        Raises:
          ValueError: index out of range, or a range without styles.
        """
        if isinstance(layers, int | np.integer):
            return np.arange(self.num_ws) >= check_count("crossover", layers, 0, self.num_ws)
        first, last = first_and_last("crossover", layers, self.resolution)
        of_style = [shape[0] for shape in self.generator.synthesis.noise_shapes]
        # The last style of StyleGAN2 belongs to ToRGB.
        of_style = np.array(of_style + [self.resolution] * (self.num_ws - len(of_style)))
        return (of_style >= first) & (of_style <= last)

    @old_arguments(labels="attribute")
    def direction(self, w: ArrayLike, attribute: ArrayLike) -> Direction:
        """Returns the direction in W from images without an attribute to those with it: see `fit_direction`.

        Args:
          w: `[N, num_ws, w_dim]`, as `mapping` returns it.
          attribute: `[N]`, True or 1 for each w whose image has the attribute.

        Raises:
          ValueError: as `fit_direction`.
        """
        return fit_direction(self._check_w(w, "w"), attribute)

    def move(
        self,
        w: ArrayLike,
        direction: Direction | ArrayLike,
        strength: ArrayLike,
        layers: int | str | tuple[int, int] = "all",
    ) -> tf.Tensor:
        """Moves w along a direction.

        Args:
          w: `[N, num_ws, w_dim]`.
          direction: a `Direction`, or a vector `[w_dim]`.
          strength: a number, or one for each row, in standard deviations of w along the direction.
          layers: the styles that move, given as the crossover of `style_mix`.

        Returns:
          float32 `[N, num_ws, w_dim]`.

        Raises:
          ValueError: invalid argument.
        """
        return move(self._check_w(w, "w"), direction, strength, self.style_mask(layers))

    def interpolate(
        self,
        latents_a: ArrayLike,
        latents_b: ArrayLike,
        steps: int,
        labels: ArrayLike | None = None,
        space: str = "w",
        truncation: ArrayLike = 1.0,
    ) -> tf.Tensor:
        """Returns images between two latents, including both ends, with the stored noise.

        Args:
          latents_a, latents_b: z `[latent_dim]`.
          steps: number of images, at least 2.
          labels: one int for all images, required by conditional models.
          space: "z" for the great circle in Z, "w" for the straight line in W.
          truncation: see `mapping`.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].
        """
        if check_choice("space", space, ("z", "w")) == "z":
            return super().interpolate(latents_a, latents_b, steps, labels)
        steps = check_count("steps", steps, 2)
        ends = self._check_ends(latents_a, latents_b)
        first, last = (self.mapping(z[None], labels, truncation)[0] for z in ends)
        return self.synthesis(tf.linspace(first, last, steps), noise="const")

    def project(
        self,
        image: ArrayLike,
        label: int | None = None,
        steps: int = 500,
        space: str = "w",
        learning_rate: float = 0.1,
        noise_weight: float = 1e5,
        seed: int = 0,
        verbose: bool = True,
    ) -> Projection:
        """Finds the w and the noise whose image is most similar to `image` (StyleGAN2, section 5).

        Minimizes the perceptual distance by SqueezeNet's features. The paper uses 1000 steps.

        Args:
          image: `[H, W, C]`, uint8 or float32 in [0, 1].
          label: the class, required by conditional models.
          steps: number of steps of Adam, at least 1.
          space: "w" for one w for all layers, so that the image remains a likely sample; "w+" for a w per
            layer, which is closer to `image`.
          learning_rate: maximal learning rate.
          noise_weight: weight of the penalty on noise that resembles an image.
          seed: integer for all random numbers.
          verbose: whether to show a progress bar.

        Raises:
          ValueError: invalid argument.
        """
        batch = as_tensor(image, "image")
        target, labels = self._check_events(batch[None] if batch.shape.rank == 3 else batch, label)
        if target.shape[0] != 1:
            raise ValueError(f"image has shape {tuple(batch.shape)}, expected {self.image_shape}.")
        steps, space = check_count("steps", steps, 1), check_choice("space", space, ("w", "w+"))
        rate = check_number("learning_rate", learning_rate, 0)
        weight = check_number("noise_weight", noise_weight, 0)
        seed = check_count("seed", seed, 0, 2**31 - 1)
        target = bin_centers(target)
        networks = (self.generator, self._to_unit)
        return project(*networks, target, labels, steps, space, rate, weight, seed, verbose)

    def serving_signatures(self) -> list[Signature]:
        """Returns the signatures of an export, the default first: see `style_signatures`."""
        return style_signatures(self)

    # The compiled implementations of the public methods, for checked tensors.

    @compiled
    def _mapping(self, latents, labels, truncation, cutoff=None):
        return self.generator.mapping(latents, labels, truncation=truncation, cutoff=cutoff)

    @compiled
    def _synthesis(self, w, noise, layers=None):
        if noise == "const" and layers is not None:
            convs = zip(self.generator.synthesis.convs, layers, strict=True)
            noise = [conv.noise_const[:, :, None] if used else None for conv, used in convs]
        return self._to_unit(self.generator.synthesis(w, noise=noise))

    @compiled
    def _synthesis_random(self, w, row_seeds, layers=None):
        return self._to_unit(self.generator.synthesis(w, noise=self._noise_of(row_seeds, layers)))

    @compiled
    def _sample(self, row_seeds, truncation, labels, cutoff=None, noise="random"):
        latents = seeds.normal(row_seeds, (self.latent_dim,))
        w = self.generator.mapping(latents, labels, truncation=truncation, cutoff=cutoff)
        if noise == "random":
            noise = self._noise_of(row_seeds)
        return self._to_unit(self.generator.synthesis(w, noise=noise))

    def _noise_of(self, row_seeds, layers=None):
        """Noise of every layer, each row from its own seed; stream 0 is used for the latents."""
        shapes = self.generator.synthesis.noise_shapes
        layers = layers or (True,) * len(shapes)
        return [
            seeds.normal(seeds.fold(row_seeds, k + 1), shape) if used else None
            for k, (shape, used) in enumerate(zip(shapes, layers, strict=True))
        ]

    def _noise_layers(self, noise_range) -> tuple[bool, ...] | None:
        if noise_range == "all":
            return None
        first, last = first_and_last("noise_range", noise_range, self.resolution)
        return tuple(first <= shape[0] <= last for shape in self.generator.synthesis.noise_shapes)

    def _check_truncation(self, truncation, cutoff):
        # Of the same rank as in a server, where each row has one: another rank would lose the shape of w.
        truncation = tf.reshape(check_temperature(truncation, "truncation"), [1, 1, 1])
        return truncation, None if cutoff is None else check_count("cutoff", cutoff, 0, self.num_ws)

    def _check_w(self, w, name):
        expected = f"float32 [N, {self.num_ws}, {self.w_dim}]"
        try:
            w = tf.convert_to_tensor(w, tf.float32)
        except (TypeError, ValueError):
            raise ValueError(f"{name} makes no array of float32, expected {expected}.") from None
        if not w.shape.is_compatible_with([None, self.num_ws, self.w_dim]):
            raise ValueError(f"{name} has shape {tuple(w.shape)}, expected {expected}.")
        check_range(w, name)
        return w
