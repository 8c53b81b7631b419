"""Imports the official networks of the first StyleGAN as models of the zoo.

Only TensorFlow pickles of version 3 contain them. `zoo.gans.stylegan_generator` describes how the names and
the layout of its weights differ from the official ones.
"""

import dataclasses
import math
import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tensorflow_variables
from .models import MAPPING_MULTIPLIER, OfficialModel, base_and_max, check_shapes, lengths
from .official_network import OfficialNetwork, Shapes, Weights
from .pickles import Record, printable

if TYPE_CHECKING:
    from ..gans.stylegan import StyleGAN

# Settings for which the zoo's networks support only one value.
FIXED = {
    "mapping_nonlinearity": "lrelu",
    "nonlinearity": "lrelu",
    "normalize_latents": True,
    "use_wscale": True,
    "use_styles": True,
    "use_noise": True,
    "use_instance_norm": True,
    "use_pixel_norm": False,
    "const_input_layer": True,
    "mbstd_num_features": 1,
    "dtype": "float32",
}

# Settings that are read here, that follow from the shapes of the weights, or that do not change the networks.
OTHERS = {
    *("fused_scale", "blur_filter", "mapping_lrmul", "mbstd_group_size"),
    *("num_channels", "resolution", "label_size", "latent_size", "dlatent_size", "dlatent_broadcast"),
    *("mapping_layers", "mapping_fmaps", "fmap_base", "fmap_decay", "fmap_max"),
    *("truncation_psi", "truncation_cutoff", "truncation_psi_val", "truncation_cutoff_val"),
    *("dlatent_avg_beta", "style_mixing_prob", "randomize_noise", "structure"),
    *("is_training", "is_validation", "is_template_graph", "force_clean_graph"),
}

# The filter of the blur, along each axis.
ROW = (1, 2, 1)

# The smallest size at which Conv0_up is one transposed convolution, by the setting fused_scale.
FUSED_FROM = {"auto": 128, True: 8, False: math.inf}


class OfficialStyleGAN(OfficialModel):
    """A pickle of the first StyleGAN."""

    name = "StyleGAN"

    @staticmethod
    def _networks(content):
        if not tensorflow_variables.is_tensorflow(content):
            raise ValueError("it does not contain three TensorFlow networks")
        code = tensorflow_variables.code(content)
        if code != "stylegan":
            raise ValueError(f"it contains networks of {code}, expected the first StyleGAN")
        _, discriminator, generator = content
        return code, (_generator(generator), _discriminator(discriminator))

    @staticmethod
    def _arguments_and_networks(generator, discriminator):
        growing = any(_lod(network.weights) for network in (generator, discriminator))
        if not growing:
            generator, discriminator = _without_growing(generator), _without_growing(discriminator)
        return _arguments(generator, discriminator, growing), generator, discriminator

    @staticmethod
    def _in_keras_layout(network: OfficialNetwork) -> Weights:
        """The layout is the same; weights of a mapping with another learning rate multiplier are scaled."""
        factor = network.mapping_multiplier / MAPPING_MULTIPLIER
        return {
            name: np.asarray(value * (factor if name.startswith("mapping.Dense") else 1), np.float32)
            for name, value in network.weights.items()
        }


def import_stylegan(path: str | os.PathLike) -> "StyleGAN":
    """Imports an official network pickle: its averaged generator and its discriminator.

    Reads TensorFlow pickles of the first StyleGAN, of any resolution of at least 16 and any channels,
    conditional or not. No code in the pickle is run. Images and logits are those of the official code in
    float32. Networks that were still growing continue from the same point, with all their resolutions.

    Args:
      path: the .pkl file.

    Raises:
      OSError: the file cannot be read.
      ValueError: it is not such a pickle, is damaged, names something that no network needs, or has settings
        that the zoo's networks do not support.
    """
    return read_stylegan(path).make_model()


def read_stylegan(path: str | os.PathLike) -> OfficialStyleGAN:
    """Reads and checks a pickle: the first half of `import_stylegan`, which raises the same errors."""
    return OfficialStyleGAN.read(path)


def _generator(network: Record) -> OfficialNetwork:
    settings = _settings(network)
    fused_from = FUSED_FROM[settings.get("fused_scale", "auto")]
    variables = tensorflow_variables.read_variables(network)
    # The generator's lod sets that of its synthesis network.
    variables["synthesis/lod"] = variables.pop("lod", np.zeros([]))
    return OfficialNetwork(
        dict(_generator_weight(name, value, fused_from) for name, value in variables.items()),
        mapping_multiplier=tensorflow_variables.number(settings, "mapping_lrmul", MAPPING_MULTIPLIER),
    )


def _discriminator(network: Record) -> OfficialNetwork:
    settings = _settings(network)
    # Fused convolutions have the same weights as others here.
    variables = {"lod": np.zeros([]), **tensorflow_variables.read_variables(network)}
    return OfficialNetwork(
        dict(_discriminator_weight(name, value) for name, value in variables.items()),
        minibatch_group=tensorflow_variables.number(settings, "mbstd_group_size", 4, int),
    )


def _settings(network: Record) -> dict[str, Any]:
    """The arguments of a network, all known and supported."""
    settings = tensorflow_variables.read_settings(network)
    for name in settings:
        if name not in FIXED and name not in OTHERS:
            raise ValueError(f"it has the setting {printable(str(name))}, which is not supported")
    tensorflow_variables.check_fixed(settings, FIXED)
    tensorflow_variables.check_kernel(settings, "blur_filter", ROW)
    fused = settings.get("fused_scale", "auto")
    if not isinstance(fused, bool | str) or fused not in FUSED_FROM:
        raise ValueError("fused_scale is not True, False or 'auto', which is not supported")
    return settings


def _generator_weight(name: str, value: np.ndarray, fused_from: float) -> tuple[str, np.ndarray]:
    """A weight's new name and its value in the new layout."""
    if name == "dlatent_avg":
        return "mapping.w_avg", value
    if name == "mapping/LabelConcat/weight":
        return "mapping.LabelConcat", value
    if name == "synthesis/4x4/Const/const":
        return "synthesis.4x4.Const.const", tensorflow_variables.only(value, 1).transpose(1, 2, 0)
    if match := re.fullmatch(r"synthesis/noise(\d{1,2})", name):
        level, second = divmod(int(match[1]), 2)  # two layers of each resolution
        layer = ("Conv0_up", "Conv1") if level else ("Const", "Conv")
        noise = tensorflow_variables.only(value, 2)
        return f"synthesis.{_block(4 << level)}.{layer[second]}.noise_const", noise
    match = re.fullmatch(r"synthesis/(\d{1,5})x\1/Conv0_up/weight", name)
    if match and int(match[1]) >= fused_from:
        value = value[::-1, ::-1]  # the kernel of a transposed convolution
    return _dotted(name), value


def _discriminator_weight(name: str, value: np.ndarray) -> tuple[str, np.ndarray]:
    if name == "4x4/Dense0/weight":  # its rows are a flattened image: NCHW becomes NHWC
        value = value.reshape(-1, 4, 4, value.shape[1]).transpose(1, 2, 0, 3).reshape(value.shape)
    return _dotted(name), value


def _dotted(name: str) -> str:
    return printable(name).replace("/", ".")


def _block(size: int) -> str:
    return f"{size}x{size}"


def _lod(weights: Weights) -> float:
    return float(weights["synthesis.lod"] if "synthesis.lod" in weights else weights["lod"])


def _without_growing(network: OfficialNetwork) -> OfficialNetwork:
    """Without the weights that only growing needs: only the highest resolution keeps its color layers."""
    of_growing = re.compile(r"(.*\.)?(lod|(ToRGB|FromRGB)_lod[1-9]\d*\.\w+)")
    kept = {name: value for name, value in network.weights.items() if not of_growing.fullmatch(name)}
    return dataclasses.replace(network, weights=kept)


def _arguments(generator: OfficialNetwork, discriminator: OfficialNetwork, growing: bool) -> dict[str, Any]:
    """The constructor arguments of the model, from the shapes of the weights."""
    g, d = generator.weights, discriminator.weights
    channels = lengths(g, r"synthesis\.(\d+)x\1\.Conv1?\.bias")
    resolution = max(channels, default=0)
    if sorted(channels) != [2**i for i in range(2, resolution.bit_length())]:
        raise ValueError("its generator is not of the first StyleGAN")
    if channels != lengths(d, r"(\d+)x\1\.Conv0?\.bias"):
        raise ValueError("its generator and discriminator differ in resolution or channels")
    if resolution < 16:
        raise ValueError(f"its images are {_block(resolution)}, expected 16x16 or larger")
    for weights in (g, d) if growing else ():
        if not 0 <= _lod(weights) <= len(channels) - 1:
            raise ValueError(f"its lod is {_lod(weights)}, expected a number from 0 to {len(channels) - 1}")
    num_classes = len(g["mapping.LabelConcat"]) if "mapping.LabelConcat" in g else 0
    outputs = len(d["4x4.Dense1.bias"])
    if outputs != max(num_classes, 1):
        raise ValueError(f"its generator has {num_classes} classes, and its discriminator {outputs} outputs")
    channel_base, channel_max = base_and_max({2: len(d["4x4.Dense0.bias"]), **channels})
    arguments = {
        "image_shape": (resolution, resolution, len(g["synthesis.ToRGB_lod0.bias"])),
        "latent_dim": len(g["mapping.Dense0.weight"]) // (2 if num_classes else 1),
        "w_dim": len(g["mapping.w_avg"]),
        "mapping_depth": len(lengths(g, r"mapping\.Dense(\d+)\.weight")),
        "channel_base": channel_base,
        "channel_max": channel_max,
        "minibatch_group": max(discriminator.minibatch_group or 1, 1),
        "num_classes": num_classes,
        "progressive": growing,
    }
    _check_sizes(g, d, channels, arguments)
    # The official networks have the color layers of all resolutions, wherever growing started.
    return {**arguments, "first_resolution": 4} if growing else arguments


def _check_sizes(g: Weights, d: Weights, channels: dict[int, int], arguments: dict[str, Any]) -> None:
    w_dim, depth = arguments["w_dim"], arguments["mapping_depth"]
    sizes = [len(g["mapping.Dense0.weight"])] + [w_dim] * depth
    shapes: Shapes = {f"mapping.Dense{i}.weight": (sizes[i], w_dim) for i in range(depth)}
    of_discriminator: Shapes = {"4x4.Dense0.weight": (16 * channels[4], len(d["4x4.Dense0.bias"]))}
    for size, count in channels.items():
        layer = f"synthesis.{_block(size)}.{'Conv1' if size > 4 else 'Conv'}"
        shapes[f"{layer}.weight"] = (3, 3, count, count)
        shapes[f"{layer}.StyleMod.weight"] = (w_dim, 2 * count)
        shapes[f"{layer}.noise_const"] = (size, size)
        if size > 4:
            of_discriminator[f"{_block(size)}.Conv0.weight"] = (3, 3, count, count)
    check_shapes(g, shapes)
    check_shapes(d, of_discriminator)
