"""What all importers share: from an official network pickle to a model of the zoo."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from . import network_pickle
from .official_network import OfficialNetwork

if TYPE_CHECKING:
    import keras

# The learning rate of the zoo's mapping networks, by which the official weights of others are scaled.
MAPPING_MULTIPLIER = 0.01

Model = TypeVar("Model", bound="OfficialModel")


@dataclasses.dataclass(frozen=True)
class OfficialModel:
    """What a network pickle holds, before TensorFlow is needed.

    Attributes:
      path: of the pickle.
      code: the official code that wrote it.
      arguments: the constructor's of the model.
      generator, discriminator: the networks; the generator is the averaged one.
    """

    path: Path
    code: str
    arguments: dict[str, Any]
    generator: OfficialNetwork
    discriminator: OfficialNetwork

    name: ClassVar[str]  # of the model's class in `zoo.gans`

    @classmethod
    def read(cls: type[Model], path: str | os.PathLike) -> Model:
        """Reads and checks a network pickle.

        Raises:
          OSError: the file cannot be read.
          ValueError: it is no pickle of such a model, is damaged, names something that no network needs, or
            has settings that the zoo's networks do not have.
        """
        path = Path(path)
        content = network_pickle.read_file(path)
        with telling(path, cls.name, network_pickle.DAMAGED):
            code, networks = cls._networks(content)
            check_bytes(path, [value for network in networks for value in network.weights.values()])
            return cls(path, code, *cls._arguments_and_networks(*networks))

    @staticmethod
    def _networks(content: Any) -> tuple[str, tuple[OfficialNetwork, OfficialNetwork]]:
        """The official code that wrote the content of a pickle, the generator and the discriminator."""
        raise NotImplementedError

    @staticmethod
    def _arguments_and_networks(
        generator: OfficialNetwork, discriminator: OfficialNetwork
    ) -> tuple[dict[str, Any], OfficialNetwork, OfficialNetwork]:
        """The constructor's arguments, and the networks without weights that the model does not have."""
        raise NotImplementedError

    def make_model(self) -> "keras.Model":
        """The model.

        Raises:
          ValueError: the weights are not those of the zoo's networks.
        """
        from .. import configs

        weights = [*self.generator.weights.values(), *self.discriminator.weights.values()]
        with telling(self.path, self.name, ValueError):
            shapes = [value.shape for value in weights]
            model = configs.build(f"latentzoo>{self.name}", self.arguments, shapes)
            weights = self._in_keras_layout(self.generator)
            if model.num_classes:  # the official average is of all classes
                weights["mapping.w_avg"] = np.tile(weights["mapping.w_avg"], [model.num_classes, 1])
            _assign(model.generator, weights)
            _assign(model.discriminator, self._in_keras_layout(self.discriminator))
        return model

    @staticmethod
    def _in_keras_layout(network: OfficialNetwork) -> dict[str, np.ndarray]:
        """The weights by the names of `named_weights`, in its layout, float32."""
        raise NotImplementedError


@contextlib.contextmanager
def telling(path: Path, name: str, errors: type[Exception] | tuple[type[Exception], ...]) -> Iterator[None]:
    """Makes one sentence, with the file's name, of what goes wrong with a file's content.

    Raises:
      ValueError: one of `errors` was raised.
    """
    try:
        yield
    except errors as error:
        text = str(error).strip() or type(error).__name__
        if isinstance(error, KeyError):
            text = f"it has no {error.args[0]}"
        raise ValueError(f"'{path}' makes no {name}: {text.splitlines()[0].rstrip('.')}.") from None


def check_bytes(path: Path, weights: Iterable[np.ndarray]) -> None:
    """Weights of a pickle may share their numbers; each of a model has its own. An empty one claims a size
    for nothing.

    Raises:
      ValueError: they are larger than the file, or one is empty.
    """
    weights = list(weights)
    if any(value.size == 0 for value in weights):
        raise ValueError("it has an empty weight")
    if sum(value.nbytes for value in weights) > path.stat().st_size:
        raise ValueError("its weights are larger than the file")


def check_shapes(weights: dict[str, np.ndarray], expected: dict[str, tuple[int, ...]]) -> None:
    """Small weights must not claim that others are large: a model of those sizes is about to be made.

    Raises:
      ValueError: a weight has another shape, or is missing.
    """
    for name, shape in expected.items():
        if name not in weights or weights[name].shape != shape:
            found = weights[name].shape if name in weights else "none"
            raise ValueError(f"the shape of {name} is {found}, expected {shape}")


def lengths(weights: dict[str, np.ndarray], pattern: str) -> dict[int, int]:
    """The lengths of the weights whose names match, by the number in them.

    >>> import numpy as np
    >>> from latentzoo.zoo.importers.models import lengths
    >>> lengths({"4x4.bias": np.zeros(8), "8x8.bias": np.zeros(6), "w": np.zeros(3)}, "([48]).*bias")
    {4: 8, 8: 6}
    """
    return {
        int(match[1]): len(value) for name, value in weights.items() if (match := re.fullmatch(pattern, name))
    }


def base_and_max(channels: dict[int, int]) -> tuple[int, int]:
    """channel_base and channel_max, with which min(base / r, max) are the channels of each resolution r.

    Raises:
      ValueError: there are none such.
    """
    largest = max(channels.values())
    base = max(size * count for size, count in channels.items())
    if any(min(base // size, largest) != count for size, count in channels.items()):
        raise ValueError("its channels are not min(channel_base / resolution, channel_max) of two numbers")
    return base, largest


def _assign(network: "keras.layers.Layer", weights: dict[str, np.ndarray]) -> None:
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
            raise ValueError(f"{name} of its {network.name} holds numbers that are not finite")
        variable.assign(value)
