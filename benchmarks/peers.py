"""The contenders of the benchmarks: our Glow and its peers, in one configuration.

All have L levels of K steps (actnorm, PLU 1x1 convolution, affine coupling with scale sigmoid(h + 2)) and the
same coupling networks: 3x3, 1x1 and 3x3 convolutions with biases, ReLU, `width` hidden channels, the last one
initialized to zero. All use the same uint8 images, add the same kind of dequantization noise in each training
step and train with Adam. These differences are inherent to the peers:

- tfb.Glow (TensorFlow Probability) trains the raw diagonal of its LU factors, initializes actnorm inside the
  graph, has a standard normal instead of a learned top prior, and has no gain on its zero convolutions. Its
  split priors start with a scale of e^2, so its first bits/dim are high. Its networks are tf_keras layers,
  and its step is the usual `GradientTape` in a `tf.function`.
- normflows (PyTorch) has an unconditional normal for each split, where ours and TFP's have a convolution of
  the kept half, so it does slightly less work. Actnorm inside its coupling networks is off, its default. It
  inverts L and U in float64 to sample. It runs in eager PyTorch, as in its examples.
- latentzoo has gains on its zero convolutions. It trains with plain Keras `fit`, and is measured through its
  public methods, including input checks. "parallel" trains with as many `parallel_micro_batches` as threads,
  each operation on one thread.
"""

import dataclasses
import functools
import itertools
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

FASHION_MNIST = pathlib.Path(__file__).parent.parent / "tests" / "assets" / "fashion_mnist_small.npz"
LEARNING_RATE = 1e-4  # at 1e-3 and width 512, training without warm-up diverges


@dataclasses.dataclass(frozen=True)
class Config:
    """The configuration that all contenders share.

    Attributes:
      size: height and width of the images, a divisor of 32; they have three channels.
      levels, depth, width: L, K and the hidden channels of the coupling networks.
      batch: images per step, and per call of log_prob or sample.
      threads: CPU threads of the library.
    """

    size: int = 32
    levels: int = 3
    depth: int = 8
    width: int = 128
    batch: int = 32
    threads: int = 2

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (self.size, self.size, 3)

    @property
    def num_dims(self) -> int:
        return math.prod(self.image_shape)

    def bits_per_dim(self, log_prob: Any) -> Any:
        """Converts log-densities on [0, 1]^D in nats, of any array type."""
        return 8 - log_prob / (self.num_dims * math.log(2))


def images(config: Config) -> np.ndarray:
    """Three images of Fashion-MNIST as the channels of one, padded to 32x32: uint8 [512, size, size, 3]."""
    with np.load(FASHION_MNIST, allow_pickle=False) as arrays:
        padded = np.pad(arrays["x_train"], [(0, 0), (2, 2), (2, 2)])
    stride = 32 // config.size
    channels = [np.roll(padded[:, ::stride, ::stride], shift, axis=0) for shift in range(3)]
    return np.stack(channels, axis=-1)


class Latentzoo:
    """Our Glow. `train`, `log_prob` and `sample` take the number of calls, each of one batch."""

    def __init__(
        self, config: Config, *, dtype: str = "float32", reversible: bool = False, parallel: bool = False
    ):
        import keras
        import tensorflow as tf

        from latentzoo.zoo.flows import Glow

        self.config = config
        data = images(config)
        self.batch = data[: config.batch]
        self.dataset = tf.data.Dataset.from_tensor_slices(data).batch(config.batch, drop_remainder=True)
        self.dataset = self.dataset.repeat().prefetch(2)
        self.model = Glow(
            config.image_shape, config.levels, config.depth, config.width, reversible=reversible, dtype=dtype
        )
        self.model.initialize(self.batch)
        self.model.parallel_micro_batches = config.threads if parallel else 1
        self.model.compile(optimizer=keras.optimizers.Adam(LEARNING_RATE))

    def num_parameters(self) -> int:
        return sum(math.prod(w.shape) for w in self.model.trainable_variables)

    def train(self, calls: int) -> float:
        """Takes `calls` steps and returns the loss in bits/dim."""
        history = self.model.fit(self.dataset, steps_per_epoch=calls, epochs=1, verbose=0)
        return history.history["loss"][-1]

    def log_prob(self, calls: int) -> None:
        for _ in range(calls):
            self.model.log_prob(self.batch).numpy()

    def sample(self, calls: int) -> None:
        for seed in range(calls):
            self.model.sample(self.config.batch, seed=seed).numpy()


class TfpGlow:
    """`tfb.Glow` of TensorFlow Probability, with its own default networks."""

    def __init__(self, config: Config):
        import tensorflow as tf
        import tensorflow_probability as tfp
        import tf_keras

        tfb, tfd = tfp.bijectors, tfp.distributions
        glow = tfb.Glow(
            output_shape=config.image_shape,
            num_glow_blocks=config.levels,
            num_steps_per_block=config.depth,
            coupling_bijector_fn=lambda shape: tfb.GlowDefaultNetwork(shape, num_hidden=config.width),
            exit_bijector_fn=tfb.GlowDefaultExitNetwork,
        )
        base = tfd.Sample(tfd.Normal(0.0, 1.0), [config.num_dims])
        distribution = tfd.TransformedDistribution(base, glow)
        self.variables = glow.trainable_variables
        optimizer = tf_keras.optimizers.Adam(LEARNING_RATE)
        data = images(config)
        self.batch = tf.constant(data[: config.batch])
        dataset = tf.data.Dataset.from_tensor_slices(data).batch(config.batch, drop_remainder=True)
        self.iterator = iter(dataset.repeat().prefetch(2))

        def log_prob(x, noise):
            return distribution.log_prob((tf.cast(x, tf.float32) + noise) / 256.0 - 0.5)

        @tf.function
        def train_step(x):
            with tf.GradientTape() as tape:
                loss = config.bits_per_dim(tf.reduce_mean(log_prob(x, tf.random.uniform(x.shape))))
            gradients = tape.gradient(loss, self.variables)
            optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
            return loss

        self._train_step = train_step
        self._log_prob = tf.function(lambda x: log_prob(x, 0.5))
        self._sample = tf.function(lambda: distribution.sample(config.batch))

    def num_parameters(self) -> int:
        return sum(math.prod(v.shape) for v in self.variables)

    def train(self, calls: int) -> float:
        for _ in range(calls):
            loss = self._train_step(next(self.iterator))
        return float(loss)

    def log_prob(self, calls: int) -> None:
        for _ in range(calls):
            self._log_prob(self.batch).numpy()

    def sample(self, calls: int) -> None:
        for _ in range(calls):
            self._sample().numpy()


class NormflowsGlow:
    """The multi-scale Glow of normflows' examples, in PyTorch."""

    def __init__(self, config: Config):
        import normflows
        import torch

        torch.set_num_threads(config.threads)
        self.torch, self.config = torch, config
        bases, flows = [], []
        # normflows maps latents to images, so the coarsest level comes first.
        for level in range(config.levels, 0, -1):
            channels = 3 * 2 ** (level + 1)
            steps = [normflows.flows.GlowBlock(channels, config.width) for _ in range(config.depth)]
            flows.append([*steps, normflows.flows.Squeeze()])
            kept = channels if level == config.levels else channels // 2
            size = config.size // 2**level
            bases.append(normflows.distributions.GlowBase((kept, size, size)))
        merges = [normflows.flows.Merge() for _ in range(config.levels - 1)]
        self.model = normflows.MultiscaleFlow(bases, flows, merges, class_cond=False)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE)
        data = torch.from_numpy(images(config)).permute(0, 3, 1, 2).contiguous()
        batches = list(data.split(config.batch))[: len(data) // config.batch]
        self.batch = batches[0]
        self.batches = itertools.cycle(batches)

    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def _log_prob(self, x, noise):
        return self.model.log_prob((x.float() + noise) / 256 - 0.5, None)

    def train(self, calls: int) -> float:
        for _ in range(calls):
            x = next(self.batches)
            self.optimizer.zero_grad()
            loss = self.config.bits_per_dim(self._log_prob(x, self.torch.rand(x.shape)).mean())
            loss.backward()
            self.optimizer.step()
        return loss.item()

    def log_prob(self, calls: int) -> None:
        with self.torch.no_grad():
            for _ in range(calls):
                self._log_prob(self.batch, 0.5).numpy()

    def sample(self, calls: int) -> None:
        with self.torch.no_grad():
            for _ in range(calls):
                self.model.sample(self.config.batch)[0].numpy()


@dataclasses.dataclass(frozen=True)
class Contender:
    """A contender of the benchmark.

    Attributes:
      build: creates it from a `Config`.
      modules: imported first, and not timed.
      threads_share: whether each TensorFlow operation gets one thread, since several run in parallel.
    """

    build: Callable
    modules: tuple[str, ...]
    threads_share: bool = False


def _latentzoo(**options) -> Contender:
    build = functools.partial(Latentzoo, **options)
    return Contender(build, ("keras", "latentzoo.zoo.flows"), options.get("parallel", False))


CONTENDERS = {
    "latentzoo": _latentzoo(),
    "latentzoo parallel": _latentzoo(parallel=True),
    "latentzoo bfloat16": _latentzoo(dtype="mixed_bfloat16"),
    "latentzoo bfloat16 parallel": _latentzoo(dtype="mixed_bfloat16", parallel=True),
    "latentzoo reversible": _latentzoo(reversible=True),
    "tfb.Glow": Contender(TfpGlow, ("tf_keras", "tensorflow_probability")),
    "normflows": Contender(NormflowsGlow, ("torch", "normflows")),
}
