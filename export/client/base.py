"""What the clients share: the models' methods, checks before a request, batches that a server takes."""

import abc
import math

import numpy as np
from numpy.typing import ArrayLike

from ..server_files import BATCH_SIZES
from . import checks

# Of a request or an answer, as NumPy has it: rows are sent in parts that are no larger.
MESSAGE_BYTES = 64 * 2**20

# Bytes of an answer in JSON, and numbers in a tensor: several times the largest message that is asked for.
LARGEST_ANSWER = 512 * 2**20

# Inputs that may be left out.
DEFAULTS = {"temperature": 1.0, "truncation": 1.0}

# What the events of a model are called in its signatures.
EVENTS = ("images", "vectors")


class Refused(ValueError):
    """The server calls the request invalid. A server with batching says so to all requests of a batch."""


class TooLarge(ValueError):
    """The server takes no batch of so many rows, or no message of so many bytes."""


def is_too_large(details: str) -> bool:
    """Whether a server refuses a request for its number of rows (if it batches) or of bytes."""
    return ("Task size" in details and "larger than" in details) or "message larger than max" in details


def in_words(details: str) -> str:
    """What a server says, in one line and without TensorFlow's names of nodes."""
    return " ".join(details.partition("[[{{")[0].split())[:1000]


class Client(abc.ABC):
    """What both clients share.

    Each method asks one signature, which says what it takes. An option that the signature does not know is
    a ValueError before anything is computed, as are an empty batch, NaN, and numbers that would not fit.
    More rows than a server takes at once are sent in several requests: a row's answer depends on that
    row alone.

    Args:
      model: its name on the server.
      server: host:port.
      label: of the version to ask, `newest` or `previous` for instance; by default the server's newest.
      timeout: of a request, in seconds.

    Raises (all methods):
      ValueError: the server refuses the request, answers with something else than its signatures say, or
        has no such model, version or signature; or an argument is of a wrong kind.
      ConnectionError: no answer.
    """

    def __init__(self, model: str, server: str, label: str | None = None, timeout: float = 60.0):
        self.model = checks.text("model", model)
        self.server = checks.address(server)
        self.label = None if label is None else checks.text("label", label)
        self.timeout = checks.seconds("timeout", timeout)
        self._sizes: dict[str, int] = {}  # by signature, once a server has refused larger batches

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the connection, if there is one."""

    @property
    @abc.abstractmethod
    def signatures(self) -> dict[str, dict]:
        """The model's signatures: name -> {"inputs": {name: (dtype, shape)}, "outputs": the same}.

        The batch is -1 in a shape.
        """

    @abc.abstractmethod
    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Calls a signature with batches as they are, in one request, and returns its outputs by name."""

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Of an image, (H, W, C), or of a vector, (D,)."""
        for signature in self.signatures.values():
            for tensors in (signature["outputs"], signature["inputs"]):
                for name in EVENTS:
                    if name in tensors:
                        return tuple(tensors[name][1][1:])
        raise ValueError(f"{self._place} has neither images nor vectors.")

    @property
    def latent_size(self) -> int:
        """D, of the latents that `decode` (of a StyleGAN: `map`) takes."""
        signature = "map" if "map" in self.signatures else "decode"
        self._first(signature, "inputs", ("latents",))
        return math.prod(self.signatures[signature]["inputs"]["latents"][1][1:])

    def sample(
        self,
        n: int,
        seed: ArrayLike = 0,
        temperature: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        truncation: ArrayLike | None = None,
    ) -> np.ndarray:
        """`n` samples, uint8 `[n, H, W, C]` (vectors: float32 `[n, D]`), row i from (seed, i) alone.

        Args:
          n: at least 1.
          seed: an integer in [-2^31, 2^31), or a pair of them for each row `[n, 2]`.
          temperature: the standard deviation of the latents of a flow or a VAE, by default 1; or `[n]`.
          labels: integers `[n]`, or one for all, of a conditional model.
          truncation: psi of a StyleGAN, by default 1; or `[n]`.
        """
        n = checks.count("n", n)
        options = {"temperature": temperature, "truncation": truncation, "labels": labels}
        return self._output("sample", {"seed": checks.row_seeds(seed, n)}, options, *EVENTS)

    def encode(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """The latents of images or vectors, float32 `[N, D]`."""
        return self._output("encode", self._of_events("encode", images), {"labels": labels}, "latents")

    def decode(
        self, latents: ArrayLike, labels: ArrayLike | None = None, truncation: ArrayLike | None = None
    ) -> np.ndarray:
        """The images or vectors of latents `[N, D]`; of a StyleGAN, with the stored noise."""
        if "decode" not in self.signatures and "synthesize" in self.signatures:
            return self.synthesize(self.map(latents, labels, truncation))
        options = {"labels": labels, "truncation": truncation}
        return self._output("decode", {"latents": latents}, options, *EVENTS)

    def reconstruct(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """`decode(encode(images))`."""
        return self._output(
            "reconstruct", self._of_events("reconstruct", images), {"labels": labels}, *EVENTS
        )

    def scores(self, images: ArrayLike, labels: ArrayLike | None = None) -> dict[str, np.ndarray]:
        """`log_prob` and, of images, `bits_per_dim`, in one request.

        The noise of this `bits_per_dim` is that of the seed (0, 0) in each row.
        """
        return self._ask("log_prob", self._of_events("log_prob", images), {"labels": labels})

    def log_prob(self, images: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """log p in nats, float32 `[N]`, of uint8 images `[N, H, W, C]` or of vectors `[N, D]`."""
        return self._output("log_prob", self._of_events("log_prob", images), {"labels": labels}, "log_prob")

    def bits_per_dim(
        self, images: ArrayLike, seed: ArrayLike = 0, labels: ArrayLike | None = None
    ) -> np.ndarray:
        """-log2 p / (H * W * C) of uint8 images, float32 `[N]`, row i with noise from (seed, i)."""
        options = {"seed": seed, "labels": labels}
        return self._output("bits_per_dim", self._of_events("bits_per_dim", images), options, "bits_per_dim")

    def elbo(self, images: ArrayLike, seed: ArrayLike = 0, labels: ArrayLike | None = None) -> np.ndarray:
        """The evidence lower bound of a VAE in nats, float32 `[N]`, one sample from (seed, i) in row i."""
        return self._elbo(images, seed, labels)["elbo"]

    def kl(self, images: ArrayLike, seed: ArrayLike = 0, labels: ArrayLike | None = None) -> np.ndarray:
        """The part of `elbo` that is KL(q(z | x) || p(z)), in nats, float32 `[N]`."""
        return self._elbo(images, seed, labels)["kl"]

    def elbo_parts(
        self, images: ArrayLike, seed: ArrayLike = 0, labels: ArrayLike | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The two parts of `elbo`, in nats, float32 `[N]` each: reconstruction - kl is the ELBO."""
        scores = self._elbo(images, seed, labels)
        return scores["elbo"] + scores["kl"], scores["kl"]

    def _elbo(self, images, seed, labels):
        options = {"seed": seed, "labels": labels}
        for name in ("elbo", "kl"):
            self._first("elbo", "outputs", (name,))
        return self._ask("elbo", self._of_events("elbo", images), options)

    def map(
        self, latents: ArrayLike, labels: ArrayLike | None = None, truncation: ArrayLike | None = None
    ) -> np.ndarray:
        """The styles w of latents z of a StyleGAN, flat: float32 `[N, num_ws * w_dim]`.

        Args:
          latents: `[N, latent_dim]`, standard normal.
          labels: integers `[N]`, or one for all, of a conditional model.
          truncation: psi, by default 1; or `[N]`.
        """
        options = {"labels": labels, "truncation": truncation}
        return self._output("map", {"latents": latents}, options, "styles")

    def synthesize(self, styles: ArrayLike) -> np.ndarray:
        """The images of styles `[N, num_ws * w_dim]`, or as Keras has them, `[N, num_ws, w_dim]`."""
        return self._output("synthesize", {"styles": _flat(styles)}, {}, *EVENTS)

    def style_mix(self, styles: ArrayLike, other_styles: ArrayLike, crossover: ArrayLike) -> np.ndarray:
        """The images of the first `crossover` of `styles` and of the others of `other_styles`.

        Args:
          styles, other_styles: as `synthesize`'s.
          crossover: an integer from 0 to num_ws, or one for each row `[N]`.
        """
        batches = {"styles": _flat(styles), "other_styles": _flat(other_styles)}
        return self._output("style_mix", batches, {"crossover": crossover}, *EVENTS)

    # Requests.

    @property
    def _place(self) -> str:
        return f"{self.model} on '{self.server}'"

    def _signature(self, name):
        if name not in self.signatures:
            known = ", ".join(sorted(set(self.signatures) - {"serving_default"}))
            raise ValueError(f"{self._place} has no signature {checks.shown(name)}: it has {known}.")
        return self.signatures[name]

    def _first(self, signature, side, names):
        """The first of `names` that a signature has among its "inputs" or "outputs"."""
        described = self._signature(signature)[side]
        for name in names:
            if name in described:
                return name
        raise ValueError(
            f"{signature!r} of {self._place} has the {side} {', '.join(sorted(described))}, "
            f"expected {' or '.join(names)} among them."
        )

    def _of_events(self, signature, values):
        """Images or vectors under the name that a signature has for them."""
        return {self._first(signature, "inputs", EVENTS): values}

    def _output(self, signature, batches, options, *names):
        """The first of the outputs `names` that a signature has."""
        name = self._first(signature, "outputs", names)
        return self._ask(signature, batches, options)[name]

    def _ask(self, signature, batches, options):
        """The outputs of a signature.

        Args:
          batches: inputs with a row for each row of the answer.
          options: inputs that may be one value for all rows; None: not given.
        """
        inputs = self._signature(signature)["inputs"]
        given = self._complete(signature, batches, options)
        rows = {name: checks.batch(name, values, *_row(inputs[name])) for name, values in batches.items()}
        sizes = {len(values) for values in rows.values()}
        if len(sizes) > 1:
            raise ValueError(f"{' and '.join(rows)} must have one batch size, got {sorted(sizes)}.")
        (n,) = sizes
        for name, value in given.items():
            if name == "seed":
                rows[name] = checks.row_seeds(value, n)
            else:
                rows[name] = checks.per_row(name, value, n, inputs[name][0])
        return self._in_batches(signature, rows, n)

    def _complete(self, signature, batches, options):
        """The options that are given, and the usual values of others that the signature takes."""
        inputs = self._signature(signature)["inputs"]
        given = {name: value for name, value in options.items() if value is not None}
        takes = f"{signature!r} of {self._place} takes {', '.join(sorted(inputs))}"
        for name in [*given, *batches]:
            if name not in inputs:
                raise ValueError(f"{name} must not be given: {takes}.")
        for name in inputs:
            if name not in given and name not in batches:
                if name not in DEFAULTS:
                    raise ValueError(f"{name} must be given: {takes}.")
                given[name] = DEFAULTS[name]
        return given

    def _in_batches(self, signature, rows, n):
        """One request for each of the server's largest batches. A row's answer is the same in any batch."""
        answers, start = [], 0
        size = self._sizes.get(signature) or self._usual_size(signature)
        while start < n:
            part = {name: values[start : start + size] for name, values in rows.items()}
            try:
                answers.append(self._answer(signature, part, size))
            except TooLarge:
                if size == 1:
                    raise
                size = self._sizes[signature] = size // 2
            else:
                start += size
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    def _usual_size(self, signature):
        """The largest batch that `latentzoo export` has servers take, less for large rows."""
        described = self.signatures[signature]
        row = max(
            sum(dtype.itemsize * math.prod(shape[1:]) for dtype, shape in described[side].values())
            for side in ("inputs", "outputs")
        )
        return min(BATCH_SIZES[-1], max(1, MESSAGE_BYTES // max(1, row)))

    def _answer(self, signature, rows, size):
        """The answer to at most `size` rows.

        A server that batches refuses all of a batch for one bad row, of another client perhaps. So what it
        refuses it gets again, and then with as many rows as fill a batch, which is then this client's alone.
        """
        n = _length(rows)
        requests = [rows] if n == size else [rows, rows, _filled(rows, size)]
        for request in requests:
            try:
                answer = self.predict(signature, request)
            except Refused as error:
                refusal = error
            else:
                checked = self._checked(signature, answer, _length(request))
                return {name: values[:n] for name, values in checked.items()}
        raise refusal

    def _checked(self, signature, answer, n):
        """The outputs of a signature, each of its dtype, shape and number of rows, without NaN."""
        checked = {}
        for name, (dtype, shape) in self.signatures[signature]["outputs"].items():
            values, expected = answer.get(name), (n, *shape[1:])
            if values is None or values.dtype != dtype or values.shape != expected:
                found = "none" if values is None else f"{values.dtype} {list(values.shape)}"
                raise ValueError(
                    f"server '{self.server}' answers {signature!r} with a wrong {name}: "
                    f"got {found}, expected {dtype} {list(expected)}."
                )
            if dtype.kind == "f" and np.isnan(values).any():
                raise ValueError(f"server '{self.server}' answers {signature!r} with NaN in its {name}.")
            checked[name] = values
        return checked


def _row(described):
    """dtype and shape of a row."""
    dtype, shape = described
    return dtype, shape[1:]


def _length(rows):
    return len(next(iter(rows.values())))


def _filled(rows, size):
    """The rows, and the first one again and again, `size` in all."""
    missing = size - _length(rows)
    return {
        name: np.concatenate([values, np.repeat(values[:1], missing, axis=0)])
        for name, values in rows.items()
    }


def _flat(styles):
    """w `[N, num_ws, w_dim]` as the server has it, `[N, num_ws * w_dim]`; other values as they are."""
    shape = getattr(styles, "shape", ())
    return np.reshape(styles, [shape[0], -1]) if len(shape) == 3 and shape[0] else styles
