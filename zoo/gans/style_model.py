"""What style-based generators share: a mapping network, a synthesis network, and control over both."""

import numpy as np
import tensorflow as tf

from .. import seeds
from ..checks import check_choice, check_count, check_number
from ..compiled import compiled
from ..deprecation import old_arguments
from ..images import as_tensor, bin_centers
from ..latents import check_latents, check_range, check_temperature
from ..signatures import Signature
from .adversarial_model import AdversarialModel
from .directions import Direction, fit_direction, move
from .gan_signatures import style_signatures
from .layer_ranges import first_and_last
from .projection import Projection, project
from .r1 import R1
from .training_part import TrainingPart

NOISE = ("random", "const", "none")


class StyleModel(AdversarialModel):
    """A GAN whose generator maps z to w, and makes images of w, layer by layer.

    A subclass makes `generator` with the layers `mapping` and `synthesis`. Their own images are square, of
    a power of two, from -1 to 1; the model's are cut to `image_shape` and in [0, 1].

    A part of the layers is named by the resolutions of their styles: "coarse" (4 to 8), "middle" (16 to
    32), "fine" (64 up), "all", or a pair (first, last).

    Args:
      w_dim: of w.
      mapping_depth: layers of the mapping network.
      channel_base, channel_max: resolution r has min(channel_base / r, channel_max) channels.
      minibatch_group: images over which the discriminator compares their spread.
      r1_gamma, r1_interval: see `R1`; gamma 0: none.
      mixing_probability: of a training image to take its styles from two latents (style mixing).
      the others: as `AdversarialModel`'s.
    """

    sampling_options = ("truncation", "cutoff")
    has_styles = True

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        num_classes: int,
        seed: int,
        *,
        w_dim: int,
        mapping_depth: int,
        channel_base: int,
        channel_max: int,
        minibatch_group: int,
        r1_gamma: float,
        r1_interval: int,
        mixing_probability: float,
        **kwargs,
    ):
        super().__init__(image_shape, latent_dim, num_classes, seed, **kwargs)
        self.w_dim = check_count("w_dim", w_dim, 1)
        self.mapping_depth = check_count("mapping_depth", mapping_depth, 0)
        self.channel_base = check_count("channel_base", channel_base, self.resolution)
        self.channel_max = check_count("channel_max", channel_max, 1)
        self.minibatch_group = check_count("minibatch_group", minibatch_group, 1)
        self.r1_gamma = check_number("r1_gamma", r1_gamma, 0)
        self.r1_interval = check_count("r1_interval", r1_interval, 1)
        self.mixing_probability = check_number("mixing_probability", mixing_probability, 0)

    def _make_networks(self, generator: type, discriminator: type, of_generator, of_discriminator, **of_both):
        """Both networks, of these classes and with these arguments beside those that all have."""
        shape = (self.resolution, self.resolution, self.image_shape[-1])
        of_both |= {
            "num_classes": self.num_classes,
            "channel_base": self.channel_base,
            "channel_max": self.channel_max,
            "dtype": self.dtype_policy,
        }
        self.generator = generator(
            *(shape, self.latent_dim, self.w_dim, self.mapping_depth),
            **of_both,
            **of_generator,
            seed=2 * self.seed,
            name="generator",
        )
        self.discriminator = discriminator(
            shape,
            minibatch_group=self.minibatch_group,
            **of_both,
            **of_discriminator,
            seed=2 * self.seed + 1,
            name="discriminator",
        )

    @property
    def resolution(self) -> int:
        """Of the networks' images: the first power of two that `image_shape` goes into, 16 at least."""
        return max(16, 1 << (max(self.image_shape[:2]) - 1).bit_length())

    @property
    def num_ws(self) -> int:
        """How many styles an image has."""
        return self.generator.synthesis.num_ws

    def _size(self):
        return self.resolution, self.resolution

    def mapping(self, latents, labels=None, truncation: float = 1.0, cutoff: int | None = None) -> tf.Tensor:
        """w `[N, num_ws, w_dim]` of latents z `[N, latent_dim]`.

        Args:
          latents: float32, standard normal.
          labels: int `[N]` of a conditional model.
          truncation: psi; w is moved towards the mean w, of its class if there are classes: 1: not at all,
            0: onto it (StyleGAN, appendix B).
          cutoff: how many styles are, from the first; None: all.

        Raises:
          ValueError: latents or labels of a wrong kind, truncation or cutoff out of range.
        """
        latents = check_latents(latents, self.latent_dim)
        labels = self._check_labels(labels, latents.shape[0])
        return self._mapping(latents, labels, *self._check_truncation(truncation, cutoff))

    def synthesis(
        self, w, noise: str = "random", seed=0, noise_range: str | tuple[int, int] = "all"
    ) -> tf.Tensor:
        """Images of w, float32 `[N, H, W, C]` in [0, 1].

        Args:
          w: float32 `[N, num_ws, w_dim]`.
          noise: "random", row i's drawn from (seed, i); "const", the stored one; or "none".
          seed: an integer, or a pair of integers for each row `[N, 2]`.
          noise_range: the layers that have noise.

        Raises:
          ValueError: an argument of a wrong kind.
        """
        w = self._check_w(w, "w")
        check_choice("noise", noise, NOISE)
        layers = self._noise_layers(noise_range)
        if noise == "random":
            return self._synthesis_random(w, seeds.row_seeds(seed, w.shape[0]), layers)
        return self._synthesis(w, noise, layers)

    @old_arguments(n="num_samples")
    def sample(
        self,
        num_samples: int,
        seed=0,
        truncation: float = 1.0,
        labels=None,
        cutoff: int | None = None,
        noise: str = "random",
    ) -> tf.Tensor:
        """Samples, float32 `[num_samples, H, W, C]` in [0, 1].

        Row i is drawn from (seed, i) alone, its noise too.

        Args:
          num_samples: at least 1.
          seed: an integer, or a pair of integers for each row `[num_samples, 2]`.
          truncation, cutoff: as `mapping`'s.
          labels: int `[num_samples]`, or one for all, of a conditional model.
          noise: as `synthesis`'s.

        Raises:
          ValueError: an argument of a wrong kind.
        """
        num_samples = check_count("num_samples", num_samples, 1)
        check_choice("noise", noise, NOISE)
        truncation, cutoff = self._check_truncation(truncation, cutoff)
        labels = self._check_labels(labels, num_samples)
        return self._sample(seeds.row_seeds(seed, num_samples), truncation, labels, cutoff, noise)

    def decode(self, latents, labels=None, truncation: float = 1.0) -> tf.Tensor:
        """The images of latents z `[N, latent_dim]` with the stored noise, float32 in [0, 1]."""
        return self.synthesis(self.mapping(latents, labels, truncation), noise="const")

    def style_mix(self, w_a, w_b, crossover: int | str | tuple[int, int]) -> tf.Tensor:
        """w of two: styles of `w_b` in place of those of `w_a` (StyleGAN, section 3.1, figure 3).

        Args:
          w_a, w_b: `[N, num_ws, w_dim]`.
          crossover: a number: from this style on; or the range that is `w_b`'s.

        Raises:
          ValueError: w or crossover of a wrong kind.
        """
        w_a, w_b = self._check_w(w_a, "w_a"), self._check_w(w_b, "w_b")
        return tf.where(self.style_mask(crossover)[:, None], w_b, w_a)

    def style_mask(self, layers: int | str | tuple[int, int]) -> np.ndarray:
        """bool `[num_ws]`: the styles from a number on, or those of a range.

        Raises:
          ValueError: a number or range without styles.
        """
        if isinstance(layers, int | np.integer):
            return np.arange(self.num_ws) >= check_count("crossover", layers, 0, self.num_ws)
        first, last = first_and_last("crossover", layers, self.resolution)
        of_style = [shape[0] for shape in self.generator.synthesis.noise_shapes]
        # StyleGAN2's last style is that of ToRGB.
        of_style = np.array(of_style + [self.resolution] * (self.num_ws - len(of_style)))
        return (of_style >= first) & (of_style <= last)

    @old_arguments(labels="attribute")
    def direction(self, w, attribute) -> Direction:
        """The direction in W from images without an attribute to those with it: see `fit_direction`.

        Args:
          w: `[N, num_ws, w_dim]`, as `mapping` gives it.
          attribute: `[N]`, True or 1 for the w whose image has it.

        Raises:
          ValueError: as `fit_direction`.
        """
        return fit_direction(self._check_w(w, "w"), attribute)

    def move(
        self, w, direction: Direction | np.ndarray, strength, layers: int | str | tuple[int, int] = "all"
    ) -> tf.Tensor:
        """w moved along a direction, `[N, num_ws, w_dim]`.

        Args:
          w: `[N, num_ws, w_dim]`.
          direction: or a vector `[w_dim]`.
          strength: a number, or one for each row; in standard deviations of w along the direction.
          layers: the styles that move, as `style_mix`'s crossover.

        Raises:
          ValueError: an argument of a wrong kind.
        """
        return move(self._check_w(w, "w"), direction, strength, self.style_mask(layers))

    def interpolate(
        self, latents_a, latents_b, steps: int, labels=None, space: str = "w", truncation: float = 1.0
    ) -> tf.Tensor:
        """Images between two latents z `[latent_dim]`, both ends included, with the stored noise.

        Args:
          steps: at least 2.
          labels: one int for all, of a conditional model.
          space: "z", on the great circle; "w", on the straight line.
          truncation: as `mapping`'s.

        Returns:
          float32 `[steps, H, W, C]` in [0, 1].
        """
        if check_choice("space", space, ("z", "w")) == "z":
            return super().interpolate(latents_a, latents_b, steps, labels)
        steps = check_count("steps", steps, 2)
        one = None if labels is None else labels
        ends = self._check_ends(latents_a, latents_b)
        first, last = (self.mapping(z[None], one, truncation)[0] for z in ends)
        return self.synthesis(tf.linspace(first, last, steps), noise="const")

    def project(
        self,
        image,
        label: int | None = None,
        steps: int = 500,
        space: str = "w",
        learning_rate: float = 0.1,
        noise_weight: float = 1e5,
        seed: int = 0,
        verbose: bool = True,
    ) -> Projection:
        """The w, and the noise, whose image looks most like `image` (StyleGAN2, section 5).

        Looks: the perceptual distance by SqueezeNet's features. The paper takes 1000 steps.

        Args:
          image: `[H, W, C]`, uint8 or float32 in [0, 1].
          label: the class, for a conditional model.
          steps: of Adam, at least 1.
          space: "w", one w for all layers, so that the image stays a likely one; "w+", one for each, nearer.
          learning_rate: at its highest.
          noise_weight: of the penalty that keeps the image out of the noise.
          seed: of all random numbers.
          verbose: whether to show a progress bar.

        Raises:
          ValueError: an argument of a wrong kind.
        """
        image = as_tensor(image, "image")
        target, labels = self._check_events(image[None] if image.shape.rank == 3 else image, label)
        if target.shape[0] != 1:
            raise ValueError(f"image has shape {tuple(image.shape)}, expected {self.image_shape}.")
        steps, space = check_count("steps", steps, 1), check_choice("space", space, ("w", "w+"))
        rate = check_number("learning_rate", learning_rate, 0)
        weight = check_number("noise_weight", noise_weight, 0)
        seed = check_count("seed", seed, 0, 2**31 - 1)
        return project(self, bin_centers(target), labels, steps, space, rate, weight, seed, verbose)

    def serving_signatures(self) -> list[Signature]:
        """What an export offers a server, the main one first: see `style_signatures`."""
        return style_signatures(self)

    # The compiled halves of the public methods: checked tensors in, tensors out.

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
        """Noise of every layer, each row's from its own seed; the latents are the stream 0."""
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
        # Of the rank of a server's, one for each row: a change of rank would lose the shape of w in a trace.
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

    # Training.

    def training_parts(self) -> list[TrainingPart]:
        """R1, and what a subclass adds."""
        return [R1(self.r1_gamma, self.r1_interval)] if self.r1_gamma else []

    def _training_images(self, count, labels, stream):
        w, noise = self._training_styles(count, labels, stream)
        return self.generator.synthesis(w, noise=noise)

    def _training_styles(self, count, labels, stream):
        """w of new latents, some mixed of two, and noise for every layer."""
        first, second = (
            self.generator.mapping(self._training_normal([count, self.latent_dim], stream, part), labels)
            for part in (0, 1)
        )
        if stream == 0 and self.generator.mapping.trainable:
            self.generator.mapping.update_average(first[:, 0], labels)
        # The paper mixes at a uniform place; a place past the last style mixes nothing.
        place, chance = tf.unstack(self._training_uniform([2, count], stream, part=2))
        place = 1 + tf.cast(place * tf.cast(self.generator.synthesis.num_ws_in_use - 1, tf.float32), tf.int32)
        place = tf.where(chance < self.mixing_probability, place, self.num_ws)
        mixed = tf.range(self.num_ws)[None] >= place[:, None]
        w = tf.where(mixed[:, :, None], second, first)
        noise = [
            self._training_normal([count, *shape], stream, part=3 + k)
            for k, shape in enumerate(self.generator.synthesis.noise_shapes)
        ]
        return w, noise

    def _images_of(self, latents, labels):
        return self.generator(latents, labels)
