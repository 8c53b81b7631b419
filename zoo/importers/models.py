"""The base class of importers: from an official network pickle to a model of the zoo."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from . import network_pickle
from .official_network import OfficialNetwork, Shapes, Weights

if TYPE_CHECKING:
    import keras

    from ..gans.style_model import StyleModel

# The learning rate multiplier of the zoo's mapping networks; official weights with another one are scaled.
MAPPING_MULTIPLIER = 0.01

Model = TypeVar("Model", bound="OfficialModel")


@dataclasses.dataclass(frozen=True)
class OfficialModel:
    """The content of a network pickle, read without TensorFlow.

    Attributes:
      path: of the pickle.
      code: the official code that wrote it.
      arguments: the constructor arguments of the model.
      generator: the generator with averaged weights.
      discriminator: the discriminator.
    """

    path: Path
    code: str
    arguments: dict[str, Any]
    generator: OfficialNetwork
    discriminator: OfficialNetwork

    name: ClassVar[str]  # the name of the model's class in `zoo.gans`

    @classmethod
    def read(cls: type[Model], path: str | os.PathLike) -> Model:
        """Reads and checks a network pickle.

        Raises:
          OSError: the file cannot be read.
          ValueError: it is not a pickle of such a model, is damaged, names something that no network needs,
            or has settings that the zoo's networks do not support.
        """
        path = Path(path)
        content = network_pickle.read_file(path)
        with import_errors(path, cls.name, network_pickle.DAMAGED):
            code, networks = cls._networks(content)
            check_bytes(path, [value for network in networks for value in network.weights.values()])
            return cls(path, code, *cls._arguments_and_networks(*networks))

    @staticmethod
    def _networks(content: Any) -> tuple[str, tuple[OfficialNetwork, OfficialNetwork]]:
        """Returns the official code that wrote the pickle, and the generator and discriminator."""
        raise NotImplementedError

    @staticmethod
    def _arguments_and_networks(
        generator: OfficialNetwork, discriminator: OfficialNetwork
    ) -> tuple[dict[str, Any], OfficialNetwork, OfficialNetwork]:
        """Returns the constructor arguments, and the networks without weights that the model lacks."""
        raise NotImplementedError

    def make_model(self) -> "StyleModel":
        """Builds the model.

        Raises:
          ValueError: the weights do not fit the zoo's networks.
        """
        from .. import configs

        with import_errors(self.path, self.name, ValueError):
            networks = self.generator, self.discriminator
            shapes = [value.shape for network in networks for value in network.weights.values()]
            model = configs.build(f"latentzoo>{self.name}", self.arguments, shapes)
            weights = self._in_keras_layout(self.generator)
            if model.num_classes:  # the official average is of all classes
                weights["mapping.w_avg"] = np.tile(weights["mapping.w_avg"], [model.num_classes, 1])
            _assign(model.generator, weights)
            _assign(model.discriminator, self._in_keras_layout(self.discriminator))
        return model

    @staticmethod
    def _in_keras_layout(network: OfficialNetwork) -> Weights:
        """Returns the weights by their names in `named_weights`, in Keras's layout, float32."""
        raise NotImplementedError


@contextlib.contextmanager
def import_errors(path: Path, name: str, errors: type[Exception]) -> Iterator[None]:
    """A context that turns errors in a file's content into one sentence with the file's name.

    Raises:
      ValueError: one of `errors` was raised.
    """
    try:
        yield
    except errors as error:
        text = str(error).strip() or type(error).__name__
        if isinstance(error, KeyError):
            text = f"it has no {error.args[0]}"
        reason = text.splitlines()[0].rstrip(".")
        raise ValueError(f"'{path}' cannot be imported as {name}: {reason}.") from None


def check_bytes(path: Path, weights: Iterable[np.ndarray]) -> None:
    """Checks that weights, which may share memory in a pickle but not in a model, fit into the file's size.

    An empty weight could declare any size.

    Raises:
      ValueError: the weights are larger than the file, or one is empty.
    """
    weights = list(weights)
    if any(value.size == 0 for value in weights):
        raise ValueError("it has an empty weight")
    if sum(value.nbytes for value in weights) > path.stat().st_size:
        raise ValueError("its weights are larger than the file")


def check_shapes(weights: Weights, expected: Shapes) -> None:
    """Checks shapes before a model is built, so that small weights cannot ask for a huge model.

    Raises:
      ValueError: a weight has another shape, or is missing.
    """
    for name, shape in expected.items():
        if name not in weights or weights[name].shape != shape:
            found = weights[name].shape if name in weights else "none"
            raise ValueError(f"the shape of {name} is {found}, expected {shape}")


def lengths(weights: Weights, pattern: str) -> dict[int, int]:
    """Returns the lengths of the weights whose names match, by the number in the name.

    >>> import numpy as np
    >>> from latentzoo.zoo.importers.models import lengths
    >>> lengths({"4x4.bias": np.zeros(8), "8x8.bias": np.zeros(6), "w": np.zeros(3)}, "([48]).*bias")
    {4: 8, 8: 6}
    """
    return {
        int(match[1]): len(value) for name, value in weights.items() if (match := re.fullmatch(pattern, name))
    }


def base_and_max(channels: dict[int, int]) -> tuple[int, int]:
    """Returns (channel_base, channel_max) such that resolution r has min(base / r, max) channels.

    Raises:
      ValueError: there are no such numbers.
    """
    largest = max(channels.values())
    base = max(size * count for size, count in channels.items())
    if any(min(base // size, largest) != count for size, count in channels.items()):
        raise ValueError("its channels are not min(channel_base / resolution, channel_max) of two numbers")
    return base, largest


def _assign(network: "keras.layers.Layer", weights: Weights) -> None:
    from ..gans.named_weights import named_weights

    variables = named_weights(network)
    for name in sorted(set(variables) ^ set(weights)):
        kind = "no" if name in variables else "an unknown"
        raise ValueError(f"its {network.name} has {kind} weight {name}")
    for name, variable in variables.items():
        value = weights[name]
        if tuple(variable.shape) != value.shape:
            expected = tuple(variable.shape)
            raise ValueError(f"{name} of its {network.name} has shape {value.shape}, expected {expected}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} of its {network.name} contains NaN or infinity")
        variable.assign(value)
