"""Imports the official networks of StyleGAN2 as models of the zoo."""

import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from . import pytorch_modules, tensorflow_variables
from .models import MAPPING_MULTIPLIER, OfficialModel, base_and_max, check_shapes, lengths
from .official_network import OfficialNetwork, Shapes, Weights

if TYPE_CHECKING:
    from ..gans.stylegan2 import StyleGAN2

# A group size of the discriminator that no batch reaches: the whole batch is one group.
WHOLE_BATCH = 2**30


class OfficialStyleGAN2(OfficialModel):
    """A pickle of StyleGAN2, of PyTorch or of TensorFlow."""

    name = "StyleGAN2"

    @staticmethod
    def _networks(content):
        if pytorch_modules.is_pytorch(content):
            return "stylegan2-ada-pytorch", pytorch_modules.read_networks(content)
        if not tensorflow_variables.is_tensorflow(content):
            raise ValueError("it contains neither networks named G_ema and D nor three TensorFlow networks")
        code = tensorflow_variables.code(content)
        if code == "stylegan":
            raise ValueError("it contains networks of the first StyleGAN, expected StyleGAN2")
        return code, tensorflow_variables.read_networks(content)

    @staticmethod
    def _arguments_and_networks(generator, discriminator):
        return _arguments(generator, discriminator), generator, discriminator

    @staticmethod
    def _in_keras_layout(network: OfficialNetwork) -> Weights:
        """OIHW becomes HWIO, `[out, in]` becomes `[in, out]`, and flattened images NHWC."""
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


def import_stylegan2(path: str | os.PathLike) -> "StyleGAN2":
    """Imports an official network pickle: its averaged generator and its discriminator.

    Reads pickles of stylegan2-ada-pytorch, and TensorFlow pickles of StyleGAN2 and StyleGAN2-ADA, of any
    resolution, channels and architecture, conditional or not. PyTorch is not needed, and no code in the
    pickle is run. Images and logits are those of the official code in float32.

    Args:
      path: the .pkl file.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is not such a pickle, is damaged, names something that no network needs, or has settings
        that the zoo's networks do not support.
    """
    return read_stylegan2(path).make_model()


def read_stylegan2(path: str | os.PathLike) -> OfficialStyleGAN2:
    """Reads and checks a pickle: the first half of `import_stylegan2`, which raises the same errors."""
    return OfficialStyleGAN2.read(path)


def _arguments(generator: OfficialNetwork, discriminator: OfficialNetwork) -> dict[str, Any]:
    """The constructor arguments of the model, from the shapes of the weights."""
    g, d = generator.weights, discriminator.weights
    channels = lengths(g, r"synthesis\.b(\d+)\.conv1\.bias")
    if not channels:
        raise ValueError("its generator is not of StyleGAN2")
    if channels != lengths(d, r"b(\d+)\.conv0?\.bias"):
        raise ValueError("its generator and discriminator differ in resolution or channels")
    if generator.activation_clamp != discriminator.activation_clamp:
        raise ValueError("its generator and discriminator clamp at different values")
    num_classes = _num_classes(g)
    if num_classes != _num_classes(d):
        raise ValueError(f"its generator has {num_classes} classes, and its discriminator {_num_classes(d)}")
    resolution, w_dim = max(channels), len(g["mapping.w_avg"])
    channel_base, channel_max = base_and_max(channels)
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


def _check_sizes(g: Weights, d: Weights, channels: dict[int, int], w_dim: int) -> None:
    shapes: Shapes = {"mapping.fc0.weight": (w_dim, g["mapping.fc0.weight"].shape[1])}
    of_discriminator: Shapes = {"b4.fc.weight": (channels[4], 16 * channels[4])}
    for size, count in channels.items():
        layer = f"synthesis.b{size}.conv1"
        shapes[f"{layer}.weight"] = (count, count, 3, 3)
        shapes[f"{layer}.affine.weight"] = (count, w_dim)
        shapes[f"{layer}.noise_const"] = (size, size)
        if size > 4:
            of_discriminator[f"b{size}.conv0.weight"] = (count, count, 3, 3)
    check_shapes(g, shapes)
    check_shapes(d, of_discriminator)


def _num_classes(weights: Weights) -> int:
    return weights["mapping.embed.weight"].shape[1] if "mapping.embed.weight" in weights else 0


def _depth(weights: Weights) -> int:
    return len(lengths(weights, r"mapping\.fc(\d+)\.weight"))


def _architecture(weights: Weights, skip: str, image: str) -> str:
    """The architecture, from the layers that only one has."""
    if skip in weights:
        return "resnet"
    return "skip" if image in weights else "orig"
