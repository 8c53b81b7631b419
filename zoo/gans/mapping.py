"""StyleGAN's mapping network, from latents and labels to the intermediate latent space W."""

import keras
import tensorflow as tf

from ..networks.part import Part
from .layers import EqualizedDense


@keras.saving.register_keras_serializable(package="latentzoo")
class MappingNetwork(Part):
    """w = f(z, label): fully connected layers with leaky ReLU (StyleGAN, section 2).

        x = [normalize(z), normalize(embed(label))];  x = sqrt(2) * leaky ReLU(W x + b) in each layer

    where normalize(x) = x / sqrt(mean x^2 + 1e-8). It always computes in float32, whatever the dtype policy.

    Args:
      z_dim: dimension of z; with 0 there is no z, and w depends only on the label.
      w_dim: dimension of w, of the hidden layers and of the label embedding.
      num_ws: number of times w is repeated; None: w is not repeated, and no average of it is kept.
      depth: number of layers.
      num_classes: number of classes, or 0. Each class has its own average of w. The official code has one for
        all classes, and truncation toward it can leave the class.
      lr_multiplier: learning rate multiplier of the layers, except the embedding.
      w_avg_decay: decay of the average of w per `update_average`.
      seed: integer for the initial weights.
    """

    def __init__(
        self,
        z_dim: int,
        w_dim: int,
        num_ws: int | None,
        depth: int = 8,
        num_classes: int = 0,
        lr_multiplier: float = 0.01,
        w_avg_decay: float = 0.995,
        *,
        seed: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.w_dim, self.depth, self.lr_multiplier, self.seed = w_dim, depth, lr_multiplier, seed
        self.z_dim, self.num_ws, self.num_classes = z_dim, num_ws, num_classes
        self.w_avg_decay = w_avg_decay
        if num_ws is not None:
            self.w_avg = self.add_weight(
                shape=(num_classes, w_dim) if num_classes else (w_dim,),
                initializer="zeros",
                trainable=False,
                aggregation="mean",
                autocast=False,
                name="w_avg",
            )
        self._make_layers(w_dim, depth, lr_multiplier, keras.random.SeedGenerator(seed))
        self.built = True

    def _make_layers(self, w_dim, depth, lr_multiplier, draw):
        sizes = [self.z_dim + (w_dim if self.num_classes else 0)] + [w_dim] * depth
        options = {"activate": True, "lr_multiplier": lr_multiplier, "dtype": self.variable_dtype}
        with keras.name_scope(self.name):
            self.embed = None
            if self.num_classes:
                shape = (self.num_classes, w_dim)
                self.embed = EqualizedDense(*shape, draw, dtype=self.variable_dtype, name="embed")
            self.layers = [
                EqualizedDense(a, b, draw, **options, name=f"fc{i}")
                for i, (a, b) in enumerate(zip(sizes, sizes[1:], strict=False))
            ]

    def call(
        self,
        z: tf.Tensor | None,
        labels: tf.Tensor | None = None,
        truncation: float | tf.Tensor = 1.0,
        cutoff: int | None = None,
    ) -> tf.Tensor:
        """Returns the w of latents.

        Args:
          z: `[N, z_dim]`, or None if z_dim is 0.
          labels: int `[N]`, of a conditional network.
          truncation: psi in w_avg + psi * (w - w_avg), a number or a tensor `[N, 1, 1]`.
          cutoff: number of w that are truncated, from the first; None: all.

        Returns:
          float32 `[N, num_ws, w_dim]`, or `[N, w_dim]` if num_ws is None.

        Raises:
          ValueError: labels are missing, or truncation is not 1 for a network without an average.
        """
        x = [] if z is None else [_normalize(tf.cast(z, self.variable_dtype))]
        if self.embed is not None:
            if labels is None:
                raise ValueError(f"labels are missing, expected integers below {self.num_classes}.")
            one_hot = tf.one_hot(tf.cast(labels, tf.int32), self.num_classes, dtype=self.variable_dtype)
            x.append(_normalize(self.embed(one_hot)))
        w = tf.concat(x, axis=1)
        for layer in self.layers:
            w = layer(w)
        if self.num_ws is not None:
            w = tf.repeat(w[:, None], self.num_ws, axis=1)
        return self.truncate(w, labels, truncation, cutoff)

    def truncate(
        self,
        w: tf.Tensor,
        labels: tf.Tensor | None = None,
        truncation: float | tf.Tensor = 1.0,
        cutoff: int | None = None,
    ) -> tf.Tensor:
        """Moves `w [N, num_ws, w_dim]` toward the average of its class (StyleGAN, appendix B)."""
        if isinstance(truncation, int | float) and truncation == 1:
            return w
        if self.num_ws is None:
            raise ValueError(f"truncation is {truncation}, expected 1: this network keeps no average of w.")
        w_avg = tf.convert_to_tensor(self.w_avg)
        if self.num_classes:
            w_avg = tf.gather(w_avg, labels)[:, None]
        moved = w_avg + tf.cast(truncation, w.dtype) * (w - w_avg)
        if cutoff is None:
            return moved
        return tf.where(tf.range(self.num_ws)[:, None] < cutoff, moved, w)

    def update_average(self, w: tf.Tensor, labels: tf.Tensor | None = None) -> None:
        """Moves the average toward the mean of `w [N, w_dim]`, that of a class by its share of the N rows."""
        if self.num_classes:
            one_hot = tf.one_hot(tf.cast(labels, tf.int32), self.num_classes, dtype=w.dtype)
            # Linear in the rows, so that the mean over replicas equals the update by the whole batch.
            shares = tf.reduce_mean(one_hot, axis=0)[:, None]
            means = tf.matmul(one_hot, w, transpose_a=True) / tf.cast(tf.shape(w)[0], w.dtype)
            step = means - shares * self.w_avg
        else:
            step = tf.reduce_mean(w, axis=0) - self.w_avg
        self.w_avg.assign_add((1 - self.w_avg_decay) * step)


def _normalize(x):
    return x * tf.math.rsqrt(tf.reduce_mean(x**2, axis=1, keepdims=True) + 1e-8)
