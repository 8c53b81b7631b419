"""The methods of both clients: those of the Keras models for which the server has signatures."""

import math

import numpy as np
from numpy.typing import ArrayLike

from ...zoo.deprecation import old_arguments, old_name, warn_of_old_name
from ...zoo.json_files import shown
from ...zoo.signatures import EVENTS, FLOAT32, INT32, STANDARD, TensorInfo
from . import checks
from .asking import AskingClient


class Client(AskingClient):
    """The base class of both clients.

    Each method calls one signature. An option that the signature does not have raises ValueError before any
    request, as do an empty batch, NaN, and numbers out of range. If there are more rows than the server
    accepts at once, they are sent in several requests: each row's answer depends on that row alone.

    Args:
      model: the model's name on the server.
      server: host:port.
      label: the label of a version, such as `newest` or `previous`; by default the server's newest version.
      timeout: the limit on each request, in seconds.

    Raises (all methods):
      ValueError: an argument is invalid; or the server refuses the request, gives an answer that does not
        match its signatures, or has no such model, version or signature.
      ConnectionError: the server does not answer.
    """

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(H, W, C) of an image, or (D,) of a vector."""
        for signature in self.signatures.values():
            for tensors in (signature["outputs"], signature["inputs"]):
                for name in EVENTS:
                    if name in tensors:
                        return tuple(tensors[name][1][1:])
        raise ValueError(f"{self._place} has neither images nor vectors.")

    @property
    def latent_dim(self) -> int:
        """D, the size of the latents that `decode` (of a StyleGAN: `mapping`) takes."""
        signature = next((name for name in ("mapping", "map") if name in self.signatures), "decode")
        return math.prod(self._row_shape(signature, "inputs", "latents"))

    @old_arguments(n="num_samples")
    def sample(
        self,
        num_samples: int,
        seed: ArrayLike = 0,
        temperature: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        truncation: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> np.ndarray:
        """Returns samples, uint8 `[N, H, W, C]` (vectors: float32 `[N, D]`), row i from (seed, i) alone.

        Args:
          num_samples: N, at least 1.
          seed: an integer in [-2^31, 2^31), or one pair per row, `[N, 2]`.
          temperature: the standard deviation of the latents of a flow or a VAE, by default 1; or `[N]`.
          labels: integers `[N]`, or one for all rows, for a class-conditional model.
          truncation: psi of a StyleGAN, by default 1; or `[N]`.
          condition: uint8 images `[N, H, W, C]`, or one for all rows, for a model conditioned on images.
        """
        n = checks.count("num_samples", num_samples)
        options = {
            "temperature": temperature,
            "truncation": truncation,
            "labels": labels,
            "condition": condition,
        }
        return self._output("sample", {"seed": checks.row_seeds(seed, n)}, options, *EVENTS)

    def encode(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> np.ndarray:
        """Returns the latents of images or vectors, float32 `[N, D]`."""
        return self._output(
            "encode", self._of_events("encode", images), {"labels": labels, "condition": condition}, "latents"
        )

    def decode(
        self,
        latents: ArrayLike,
        labels: ArrayLike | None = None,
        truncation: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> np.ndarray:
        """Returns the images or vectors of latents `[N, D]`; of a StyleGAN, with the stored noise."""
        if "decode" not in self.signatures and {"mapping", "map"} & set(self.signatures):
            return self.synthesis(self.mapping(latents, labels, truncation))
        options = {"labels": labels, "truncation": truncation, "condition": condition}
        return self._output("decode", {"latents": latents}, options, *EVENTS)

    def reconstruct(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> np.ndarray:
        """Returns `decode(encode(images))`."""
        return self._output(
            "reconstruct",
            self._of_events("reconstruct", images),
            {"labels": labels, "condition": condition},
            *EVENTS,
        )

    def scores(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> dict[str, np.ndarray]:
        """Returns `log_prob` and, for images, `bits_per_dim`, from one request.

        The dequantization noise of this `bits_per_dim` has the seed (0, 0) in each row.
        """
        return self._ask(
            "log_prob", self._of_events("log_prob", images), {"labels": labels, "condition": condition}
        )

    def log_prob(
        self, images: ArrayLike, labels: ArrayLike | None = None, condition: ArrayLike | None = None
    ) -> np.ndarray:
        """Returns log p in nats, float32 `[N]`, of uint8 images `[N, H, W, C]` or of vectors `[N, D]`."""
        return self._output(
            "log_prob",
            self._of_events("log_prob", images),
            {"labels": labels, "condition": condition},
            "log_prob",
        )

    def bits_per_dim(
        self,
        images: ArrayLike,
        seed: ArrayLike = 0,
        labels: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> np.ndarray:
        """Returns -log2 p / (H * W * C) of uint8 images, float32 `[N]`, row i with noise from (seed, i)."""
        options = {"seed": seed, "labels": labels, "condition": condition}
        return self._output("bits_per_dim", self._of_events("bits_per_dim", images), options, "bits_per_dim")

    def elbo(
        self,
        images: ArrayLike,
        seed: ArrayLike = 0,
        labels: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> np.ndarray:
        """Returns the ELBO of a VAE in nats, float32 `[N]`; row i uses one sample from (seed, i)."""
        return self._elbo(images, seed, labels, condition)["elbo"]

    def kl(
        self,
        images: ArrayLike,
        seed: ArrayLike = 0,
        labels: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> np.ndarray:
        """Returns the term KL(q(z | x) || p(z)) of `elbo`, in nats, float32 `[N]`."""
        return self._elbo(images, seed, labels, condition)["kl"]

    def elbo_parts(
        self,
        images: ArrayLike,
        seed: ArrayLike = 0,
        labels: ArrayLike | None = None,
        condition: ArrayLike | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the two terms of `elbo`, in nats, float32 `[N]` each: reconstruction - kl is the ELBO."""
        scores = self._elbo(images, seed, labels, condition)
        return scores["elbo"] + scores["kl"], scores["kl"]

    def _elbo(self, images, seed, labels, condition):
        options = {"seed": seed, "labels": labels, "condition": condition}
        for name in ("elbo", "kl"):
            self._first("elbo", "outputs", (name,))
        return self._ask("elbo", self._of_events("elbo", images), options)

    def mapping(
        self, latents: ArrayLike, labels: ArrayLike | None = None, truncation: ArrayLike | None = None
    ) -> np.ndarray:
        """Returns a StyleGAN's w of latents z, float32 `[N, num_ws, w_dim]`.

        An older export returns it flat, `[N, num_ws * w_dim]`.

        Args:
          latents: `[N, latent_dim]`, standard normal.
          labels: integers `[N]`, or one for all rows, for a conditional model.
          truncation: psi, by default 1; or `[N]`.
        """
        options = {"labels": labels, "truncation": truncation}
        if self._is_of_old_names:
            return self._output("map", {"latents": latents}, options, "styles")
        return self._output("mapping", {"latents": latents}, options, "w")

    def synthesis(self, w: ArrayLike) -> np.ndarray:
        """Returns the images of a StyleGAN's w `[N, num_ws, w_dim]`, with the stored noise."""
        if self._is_of_old_names:
            return self._output("synthesize", {"styles": _flat("w", w)}, {}, *EVENTS)
        return self._output("synthesis", {"w": self._with_styles("w", w)}, {}, *EVENTS)

    @old_arguments(styles="w_a", other_styles="w_b")
    def style_mix(self, w_a: ArrayLike, w_b: ArrayLike, crossover: ArrayLike) -> np.ndarray:
        """Returns the images of mixed w: the first `crossover` styles from `w_a`, the others from `w_b`.

        A model's `style_mix` returns the mixed w; this returns the images that `synthesis` makes of it.

        Args:
          w_a, w_b: `[N, num_ws, w_dim]`.
          crossover: an integer from 0 to num_ws, or one per row, `[N]`.
        """
        if self._is_of_old_names:
            batches = {"styles": _flat("w_a", w_a), "other_styles": _flat("w_b", w_b)}
            return self._output("style_mix", batches, {"crossover": crossover}, *EVENTS)
        dtype, shape = np.dtype(FLOAT32), self._w_shape
        a = checks.batch("w_a", self._with_styles("w_a", w_a, frames=2), dtype, shape, STANDARD["w"])
        b = checks.batch("w_b", self._with_styles("w_b", w_b, frames=2), dtype, shape, STANDARD["w"])
        if len(a) != len(b):
            raise ValueError(f"w_a and w_b must have one batch size, got {sorted({len(a), len(b)})}.")
        declared = TensorInfo("number of styles from w_a", INT32, (), 0, shape[0])
        first = (
            np.arange(shape[0])
            < checks.per_row("crossover", crossover, len(a), np.dtype(INT32), declared)[:, None]
        )
        return self.synthesis(np.where(first[:, :, None], a, b))

    # Old names.

    latent_size = old_name("latent_size", "latent_dim")

    def map(
        self, latents: ArrayLike, labels: ArrayLike | None = None, truncation: ArrayLike | None = None
    ) -> np.ndarray:
        """The old name of `mapping`, which returns w flat, float32 `[N, num_ws * w_dim]`."""
        warn_of_old_name("map", "mapping")
        return _flat("w", self.mapping(latents, labels, truncation))

    def synthesize(self, styles: ArrayLike) -> np.ndarray:
        """The old name of `synthesis`."""
        warn_of_old_name("synthesize", "synthesis")
        return self.synthesis(styles)

    @property
    def _is_of_old_names(self):
        """Whether the server has an older export, whose w is flat `styles`."""
        known = set(self.signatures)
        return "synthesis" not in known and bool({"map", "synthesize", "style_mix"} & known)

    @property
    def _w_shape(self) -> tuple[int, int]:
        """(num_ws, w_dim)."""
        shape = self._row_shape("synthesis", "inputs", "w")
        if len(shape) != 2:
            raise ValueError(f"w of {self._place} has rows of shape {shown(shape)}, expected 2 dimensions.")
        return shape

    def _with_styles(self, name, w, frames=1):
        """w as an array in the signature's shape, also if it is flat as in older exports.

        There are `frames` stack frames between this method and the user's call.
        """
        w, shape = checks.array(name, w), self._w_shape
        if w.ndim == 2 and w.shape[1] == math.prod(shape):
            warn_of_old_name(f"flat {name}", f"[N, {', '.join(map(str, shape))}]", stacklevel=2 + frames)
            return w.reshape([-1, *shape])
        return w

    # Requests.

    def _of_events(self, signature, values):
        """Images or vectors under the name that the signature has for them."""
        return {self._first(signature, "inputs", EVENTS): values}


def _flat(name, w):
    """w `[N, num_ws, w_dim]` in older exports' shape `[N, num_ws * w_dim]`; other values unchanged."""
    w = checks.array(name, w)
    return w.reshape([len(w), -1]) if w.ndim == 3 and len(w) else w
