"""The official networks of StyleGAN2 as models of the zoo."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import network_pickle, pytorch_modules, tensorflow_variables
from .network_pickle import DAMAGED
from .networks import OfficialNetwork

if TYPE_CHECKING:
    import keras

    from ..gans.stylegan2 import StyleGAN2

# The learning rate of the zoo's mapping networks, by which the official weights of others are scaled.
MAPPING_MULTIPLIER = 0.01

# A discriminator's group of images that is never full: the whole batch.
WHOLE_BATCH = 2**30


@dataclasses.dataclass(frozen=True)
class OfficialStyleGAN2:
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

    def make_model(self) -> "StyleGAN2":
        """The model.

        Raises:
          ValueError: the weights are not those of the zoo's networks.
        """
        from ..gans.stylegan2 import StyleGAN2

        with _telling(self.path, ValueError):
            model = StyleGAN2(**self.arguments)
            _assign(model.generator, _in_keras_layout(self.generator))
            _assign(model.discriminator, _in_keras_layout(self.discriminator))
        return model


def import_stylegan2(path: str | os.PathLike) -> "StyleGAN2":
    """The model of an official network pickle: its averaged generator and its discriminator.

    It reads pickles of stylegan2-ada-pytorch, and TensorFlow pickles of StyleGAN2 and StyleGAN2-ADA, of any
    resolution, channels and architecture, conditional or not. PyTorch is not needed, and no code in the
    pickle is run. Images and logits are those of the official code in float32.

    Args:
      path: the .pkl file.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is no such pickle, is damaged, names something that no network needs, or has settings
        that the zoo's networks have not.
    """
    return read_stylegan2(path).make_model()


def read_stylegan2(path: str | os.PathLike) -> OfficialStyleGAN2:
    """The first half of `import_stylegan2`, which raises the same errors."""
    path = Path(path)
    content = network_pickle.read_file(path)
    with _telling(path, DAMAGED):
        if pytorch_modules.is_pytorch(content):
            code, networks = "stylegan2-ada-pytorch", pytorch_modules.read_networks(content)
        elif tensorflow_variables.is_tensorflow(content):
            code = tensorflow_variables.code(content)
            if code == "stylegan":
                raise ValueError("it holds networks of the first StyleGAN, expected StyleGAN2")
            networks = tensorflow_variables.read_networks(content)
        else:
            raise ValueError("it holds no networks named G_ema and D, nor three TensorFlow networks")
        # Weights of a pickle may share their numbers; each of a model has its own.
        weights = [value for network in networks for value in network.weights.values()]
        if sum(value.nbytes for value in weights) > path.stat().st_size:
            raise ValueError("its weights are larger than the file")
        return OfficialStyleGAN2(path, code, _arguments(*networks), *networks)


@contextlib.contextmanager
def _telling(path: Path, errors: type[Exception] | tuple[type[Exception], ...]) -> Iterator[None]:
    """Makes one sentence, with the file's name, of what goes wrong with a file's content."""
    try:
        yield
    except errors as error:
        text = str(error).strip() or type(error).__name__
        if isinstance(error, KeyError):
            text = f"it has no {error.args[0]}"
        raise ValueError(f"'{path}' makes no StyleGAN2: {text.splitlines()[0].rstrip('.')}.") from None


def _arguments(generator: OfficialNetwork, discriminator: OfficialNetwork) -> dict[str, Any]:
    """The constructor's arguments of the model, read off the shapes of the weights."""
    g, d = generator.weights, discriminator.weights
    channels = _channels(g, r"synthesis\.b(\d+)\.conv1\.bias")
    if not channels:
        raise ValueError("its generator is none of StyleGAN2")
    if channels != _channels(d, r"b(\d+)\.conv0?\.bias"):
        raise ValueError("its generator and discriminator differ in resolution or channels")
    if generator.activation_clamp != discriminator.activation_clamp:
        raise ValueError("its generator and discriminator clamp at different values")
    num_classes = _num_classes(g)
    if num_classes != _num_classes(d):
        raise ValueError(f"its generator has {num_classes} classes, and its discriminator {_num_classes(d)}")
    resolution, w_dim = max(channels), len(g["mapping.w_avg"])
    channel_base, channel_max = _base_and_max(channels)
    arguments = {
        "image_shape": (resolution, resolution, len(g[f"synthesis.b{resolution}.torgb.bias"])),
        "latent_dim": g["mapping.fc0.weight"].shape[1] - (w_dim if num_classes else 0),
        "w_dim": w_dim,
        "mapping_depth": _depth(g),
        "channel_base": channel_base,
        "channel_max": channel_max,
        "architecture": _architecture(g, "synthesis.b8.skip.weight", "synthesis.b4.torgb.weight"),
        "discriminator_architecture": _architecture(d, "b8.skip.weight", "b4.fromrgb.weight"),
        "minibatch_group": discriminator.minibatch_group or WHOLE_BATCH,
        "num_classes": num_classes,
    }
    _check_sizes(g, d, channels, w_dim)
    optional = {
        "discriminator_mapping_depth": (_depth(d), arguments["mapping_depth"] if num_classes else 0),
        "minibatch_channels": (discriminator.minibatch_channels, 1),
        "activation_clamp": (generator.activation_clamp, None),
    }
    return {**arguments, **{name: value for name, (value, usual) in optional.items() if value != usual}}


def _check_sizes(g, d, channels, w_dim):
    """Small weights must not claim that others are large: a model of those sizes is about to be made."""
    shapes = {"mapping.fc0.weight": (w_dim, g["mapping.fc0.weight"].shape[1])}
    of_discriminator = {"b4.fc.weight": (channels[4], 16 * channels[4])}
    for size, count in channels.items():
        layer = f"synthesis.b{size}.conv1"
        shapes[f"{layer}.weight"] = (count, count, 3, 3)
        shapes[f"{layer}.affine.weight"] = (count, w_dim)
        shapes[f"{layer}.noise_const"] = (size, size)
        if size > 4:
            of_discriminator[f"b{size}.conv0.weight"] = (count, count, 3, 3)
    for weights, expected in ((g, shapes), (d, of_discriminator)):
        for name, shape in expected.items():
            if name not in weights or weights[name].shape != shape:
                found = weights[name].shape if name in weights else "none"
                raise ValueError(f"the shape of {name} is {found}, expected {shape}")


def _num_classes(weights) -> int:
    return weights["mapping.embed.weight"].shape[1] if "mapping.embed.weight" in weights else 0


def _channels(weights, pattern: str) -> dict[int, int]:
    """The channels of each resolution, by the length of its layers' biases."""
    return {
        int(match[1]): len(value) for name, value in weights.items() if (match := re.fullmatch(pattern, name))
    }


def _base_and_max(channels: dict[int, int]) -> tuple[int, int]:
    """channel_base and channel_max, with which min(base / r, max) are the channels of each resolution r."""
    largest = max(channels.values())
    base = max(size * count for size, count in channels.items())
    if any(min(base // size, largest) != count for size, count in channels.items()):
        raise ValueError("its channels are not min(channel_base / resolution, channel_max) of two numbers")
    return base, largest


def _architecture(weights, skip: str, image: str) -> str:
    """By the layers that only one architecture has."""
    if skip in weights:
        return "resnet"
    return "skip" if image in weights else "orig"


def _depth(weights) -> int:
    return sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in weights)


def _in_keras_layout(network: OfficialNetwork) -> dict[str, np.ndarray]:
    """OIHW becomes HWIO, `[out, in]` becomes `[in, out]`, and layers that see an image flat see it NHWC."""
    changed = {}
    for name, value in network.weights.items():
        value = np.asarray(value, np.float32)
        if re.fullmatch(r"mapping\.fc\d+\.(weight|bias)", name):
            value = value * (network.mapping_multiplier / MAPPING_MULTIPLIER)
        if name == "b4.fc.weight":
            value = value.reshape(len(value), -1, 4, 4).transpose(2, 3, 1, 0).reshape(-1, len(value))
        elif value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
        elif name.endswith(".const"):
            value = value.transpose(1, 2, 0)
        elif name.endswith(".weight"):
            value = value.T
        changed[name] = value
    return changed


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
