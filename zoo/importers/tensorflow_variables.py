"""Reads networks in pickles of NVIDIA's TensorFlow code: variables by their names, HWIO.

Version 3 of the format is the first StyleGAN's: see `stylegan`. Version 4 is StyleGAN2's, version 5
StyleGAN2-ADA's: their names and layout become those of the PyTorch code, for one importer of both.
"""

import re
from typing import Any

import numpy as np

from .arrays import Lazy
from .official_network import ROW, Kind, OfficialNetwork, Weights, check_filter, check_name, check_setting
from .pickles import Record, printable

# The code that writes each version of the format.
CODES = {3: "stylegan", 4: "stylegan2", 5: "stylegan2-ada"}

# More than a network has, nested or next to each other.
MAX_COMPONENTS = 3
MAX_VARIABLES = 10_000

# Settings for which the zoo's networks support only one value.
FIXED = {
    "mapping_nonlinearity": "lrelu",
    "nonlinearity": "lrelu",
    "normalize_latents": True,
    "use_noise": True,
}


def is_tensorflow(content: Any) -> bool:
    """Returns whether a pickle's content is three networks of the TensorFlow code."""
    return (
        isinstance(content, tuple)
        and len(content) == 3
        and all(isinstance(network, Record) and network.kind == "Network" for network in content)
    )


def code(content: tuple[Record, ...]) -> str:
    """Returns the official code that wrote the networks: a value of `CODES`.

    Raises:
      ValueError: the version is unknown.
    """
    version, *others = ((network.state or {}).get("version") for network in content)
    if not isinstance(version, int) or version not in CODES or any(other != version for other in others):
        raise ValueError("it is a TensorFlow pickle of an unknown version, expected 3, 4 or 5")
    return CODES[version]


def read_networks(content: tuple[Record, ...]) -> tuple[OfficialNetwork, OfficialNetwork]:
    """Returns the averaged generator and the discriminator of StyleGAN2 or StyleGAN2-ADA.

    Raises:
      ValueError: they have variables or settings that the zoo's networks do not support.
    """
    _, discriminator, generator = content
    # By default, StyleGAN2 compares groups of 4 images, and StyleGAN2-ADA the whole batch.
    usual_group = 4 if code(content) == "stylegan2" else None
    return _generator(generator), _discriminator(discriminator, usual_group)


def _generator(network: Record) -> OfficialNetwork:
    settings = _settings(network)
    variables = read_variables(network)
    variables.pop("lod", None)  # only growing networks use it
    weights = {}
    for name, value in variables.items():
        new_name, value = _generator_weight(name, value, _resolution(variables))
        weights[new_name] = value
    return OfficialNetwork(
        weights,
        activation_clamp=number(settings, "conv_clamp", None),
        mapping_multiplier=number(settings, "mapping_lrmul", 0.01),
    )


def _discriminator(network: Record, usual_group: int | None) -> OfficialNetwork:
    settings = _settings(network)
    variables = read_variables(network)
    weights = {}
    for name, value in variables.items():
        new_name, value = _discriminator_weight(name, value, _resolution(variables))
        weights[new_name] = value
    return OfficialNetwork(
        weights,
        activation_clamp=number(settings, "conv_clamp", None),
        mapping_multiplier=number(settings, "mapping_lrmul", 0.1),
        minibatch_group=number(settings, "mbstd_group_size", usual_group, int),
        minibatch_channels=number(settings, "mbstd_num_features", 1, int),
    )


# The new names of the layers in a block.
SYNTHESIS_LAYERS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}
DISCRIMINATOR_LAYERS = {
    **{"Conv0": "conv0", "Conv1_down": "conv1", "FromRGB": "fromrgb", "Skip": "skip"},
    **{"Conv": "conv", "Dense0": "fc"},
}


def _generator_weight(name: str, value: np.ndarray, resolution: int) -> tuple[str, np.ndarray]:
    """A weight's new name and its value in the new layout."""
    if name == "dlatent_avg":
        return "mapping.w_avg", value
    if match := re.fullmatch(r"mapping/(LabelEmbed|Dense\d+)/(weight|bias)", name):
        layer, kind = match.groups()
        layer = "embed" if layer == "LabelEmbed" else layer.replace("Dense", "fc")
        return f"mapping.{layer}.{kind}", value.T
    if name == "synthesis/4x4/Const/const":
        return "synthesis.b4.const", only(value, 1)
    if match := re.fullmatch(r"synthesis/noise(\d{1,2})", name):
        index = int(match[1])  # 0: 4x4, 1 and 2: 8x8, 3 and 4: 16x16 ...
        return f"synthesis.b{4 << (index + 1) // 2}.conv{1 - index % 2}.noise_const", only(value, 2)
    block, layer, kind = _in_block(name.removeprefix("synthesis/"), "ToRGB", resolution)
    layer = SYNTHESIS_LAYERS.get(layer)
    if layer == "conv0" and kind == "weight":
        value = value[::-1, ::-1]  # a correlation in TensorFlow, a convolution in PyTorch
    kinds = {
        "weight": lambda: ("weight", value.transpose(3, 2, 0, 1)),
        "bias": lambda: ("bias", value),
        "noise_strength": lambda: ("noise_strength", value),
        "mod_weight": lambda: ("affine.weight", value.T),
        "mod_bias": lambda: ("affine.bias", value + 1),
    }
    if not name.startswith("synthesis/") or layer is None or kind not in kinds:
        raise ValueError(f"its generator has the variable {printable(name)}, which is not supported")
    new_kind, value = kinds[kind]()
    return f"synthesis.{block}.{layer}.{new_kind}", value


def _discriminator_weight(name: str, value: np.ndarray, resolution: int) -> tuple[str, np.ndarray]:
    if match := re.fullmatch(r"(LabelEmbed|Mapping\d+|Output)/(weight|bias)", name):
        layer, kind = match.groups()
        layer = {"LabelEmbed": "mapping.embed", "Output": "b4.out"}.get(layer, layer)
        return f"{layer.replace('Mapping', 'mapping.fc')}.{kind}", value.T
    block, layer, kind = _in_block(name, "FromRGB", resolution)
    layer = DISCRIMINATOR_LAYERS.get(layer)
    if layer is None or kind not in ("weight", "bias"):
        raise ValueError(f"its discriminator has the variable {printable(name)}, which is not supported")
    if value.ndim == 4:
        value = value.transpose(3, 2, 0, 1)
    return f"{block}.{layer}.{kind}", value.T if value.ndim == 2 else value


def _in_block(name: str, image_layer: str, resolution: int) -> tuple[str, str, str]:
    """The block, layer and kind of `8x8/Conv1/weight`, or of `ToRGB_lod0/weight`, of resolution / 2^0."""
    if match := re.fullmatch(rf"{image_layer}_lod(\d+)/(\w+)", name):
        return f"b{resolution >> int(match[1])}", image_layer, match[2]
    match = re.fullmatch(r"(\d+)x\1/(\w+)/(\w+)", name)
    return (f"b{match[1]}", match[2], match[3]) if match else ("", "", "")


def _resolution(variables: Weights) -> int:
    sizes = [int(match[1]) for name in variables if (match := re.search(r"(\d{1,5})x\1/", name))]
    return max(sizes, default=0)


def _settings(network: Record) -> dict[str, Any]:
    settings = read_settings(network)
    check_fixed(settings, FIXED)
    check_kernel(settings, "resample_kernel", ROW)
    return settings


# Functions for all versions of the format.


def read_variables(network: Record, prefix: str = "", depth: int = 0) -> Weights:
    """Returns the variables of a network and its components, by names such as `mapping/Dense0/bias`.

    Raises:
      ValueError: it is not a network with variables.
    """
    pairs = (network.state or {}).get("variables")
    if not isinstance(pairs, list) or len(pairs) > MAX_VARIABLES:
        raise ValueError("a Network has no variables, or too many")
    variables = {}
    for name, value in pairs:
        key = prefix + check_name(name)
        if not isinstance(value, Lazy | int | float):
            raise ValueError(f"{printable(key)} is not an array")
        if isinstance(value, int):
            check_setting(key, value)
        # A variable without a shape is saved as a number.
        variables[key] = value.array if isinstance(value, Lazy) else np.asarray(value)
    for name, component in _components(network, depth).items():
        variables.update(read_variables(component, f"{prefix}{name}/", depth + 1))
    return variables


def read_settings(network: Record, depth: int = 0) -> dict[str, Any]:
    """Returns the arguments of a network, and those that only its components have.

    Raises:
      ValueError: it has none.
    """
    own = (network.state or {}).get("static_kwargs")
    if not isinstance(own, dict):
        raise ValueError("a Network has no static_kwargs")
    settings: dict[str, Any] = {}
    for component in _components(network, depth).values():
        settings.update(read_settings(component, depth + 1))
    return {**settings, **own}


def _components(network: Record, depth: int) -> dict[str, Record]:
    components = (network.state or {}).get("components", {})
    if not isinstance(components, dict):
        raise ValueError("a Network has no components")
    if depth + len(components) > MAX_COMPONENTS:
        raise ValueError("a Network has more components than an official one")
    if not all(isinstance(component, Record) for component in components.values()):
        raise ValueError("a component of a Network is not a Network")
    return {check_name(name): component for name, component in components.items()}


def check_fixed(settings: dict[str, Any], fixed: dict[str, Any]) -> None:
    """Checks settings for which the zoo's networks support only one value.

    Raises:
      ValueError: a setting has another value.
    """
    for name, value in fixed.items():
        if settings.get(name, value) != value:
            raise ValueError(f"{name} is not {value!r}, which is not supported")


def check_kernel(settings: dict[str, Any], name: str, row: tuple[int, ...]) -> None:
    """Checks a setting that is a filter along each axis, up to scale, if it is given.

    Raises:
      ValueError: it is not `row`.
    """
    if name in settings:
        kernel = settings[name]
        if not isinstance(kernel, list | tuple) or len(kernel) != len(row):
            raise ValueError(f"{name} is not the filter {list(row)}, which is not supported")
        kernel = np.array([check_setting(name, value) for value in kernel], np.float64)
        check_filter(kernel / kernel.sum(), name, row)


def only(value: np.ndarray, axes: int) -> np.ndarray:
    """Returns the only entry along the first axes of a variable.

    Raises:
      ValueError: there are several.
    """
    if value.shape[:axes] != (1,) * axes:
        raise ValueError(f"a variable has shape {value.shape}, expected {[1] * axes} as its first axes")
    return value[(0,) * axes]


def number(settings: dict[str, Any], name: str, default: float | None, kind: Kind = (int, float)) -> Any:
    """Returns a setting that is a number, or None if that is the default.

    Raises:
      ValueError: it is something else.
    """
    value = settings.get(name, default)
    return None if value is None and default is None else check_setting(name, value, kind)
