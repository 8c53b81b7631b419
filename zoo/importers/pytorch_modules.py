"""Reads networks in pickles of stylegan2-ada-pytorch: a tree of modules, each with its attributes."""

from collections.abc import Iterator
from typing import Any

from .arrays import Lazy
from .official_network import Kind, OfficialNetwork, Weights, check_filter, check_name, check_setting
from .pickles import Record, printable

# The generator with averaged weights, and the discriminator.
GENERATOR, DISCRIMINATOR = "G_ema", "D"

# More than any network has. In a pickle, modules may contain each other.
MAX_DEPTH, MAX_MODULES, MAX_WEIGHTS = 8, 2_000, 10_000

# The attributes in which a module keeps its weights.
KINDS = ("_parameters", "_buffers")


def is_pytorch(content: Any) -> bool:
    """Returns whether a pickle's content is of stylegan2-ada-pytorch."""
    return isinstance(content, dict) and all(
        isinstance(content.get(name), Record) for name in (GENERATOR, DISCRIMINATOR)
    )


def read_networks(content: dict) -> tuple[OfficialNetwork, OfficialNetwork]:
    """Returns the averaged generator and the discriminator.

    Raises:
      ValueError: they are not networks of StyleGAN2, or have settings that the zoo's do not support.
    """
    return _generator(content[GENERATOR]), _discriminator(content[DISCRIMINATOR])


def _generator(network: Record) -> OfficialNetwork:
    modules = _modules(network, "Generator")
    if not {"mapping.fc0", "synthesis.b4.conv1"} <= set(modules):
        raise ValueError("its generator is not of StyleGAN2")
    return OfficialNetwork(
        _weights(modules),
        _clamp(modules, {name for name in modules if not name.endswith(".skip")}),
        _multiplier(modules),
    )


def _discriminator(network: Record) -> OfficialNetwork:
    modules = _modules(network, "Discriminator")
    if not {"b4.conv", "b4.fc", "b4.out"} <= set(modules):
        raise ValueError("its discriminator is not of StyleGAN2")
    # The discriminator's features of a 4x4 image are not clamped, nor are skip connections.
    clamped = {name for name in modules if not name.endswith(".skip") and name != "b4.fromrgb"}
    deviation = modules.get("b4.mbstd")
    group = None if deviation is None else _number(deviation, "group_size", int, optional=True)
    return OfficialNetwork(
        _weights(modules),
        _clamp(modules, clamped),
        _multiplier(modules),
        minibatch_group=group,
        minibatch_channels=0 if deviation is None else _number(deviation, "num_channels", int),
    )


def _modules(network: Record, kind: str) -> dict[str, Record]:
    """All modules in a network by their names, such as `synthesis.b8.conv0`."""
    if network.kind != kind:
        raise ValueError(f"it has the class {network.kind}, expected a {kind} of StyleGAN2")
    modules = {}
    for name, module in _walk(network, "", 0):
        modules[name] = module
        if len(modules) > MAX_MODULES:
            raise ValueError("it has more modules than a network of StyleGAN2")
        activation = (module.state or {}).get("activation", "lrelu")
        linear = name.endswith((".affine", "embed", ".skip")) or name == "b4.out"
        if activation != ("linear" if linear else "lrelu"):
            raise ValueError(f"{name}.activation is not that of StyleGAN2, which is not supported")
    return modules


def _walk(module: Record, name: str, depth: int) -> Iterator[tuple[str, Record]]:
    yield name, module
    children = _dict(module, "_modules")
    if len(children) > MAX_MODULES:
        raise ValueError("it has more modules than a network of StyleGAN2")
    for key, child in children.items():
        if child is None:
            continue
        path = f"{name}.{check_name(key)}" if name else check_name(key)
        if not isinstance(child, Record) or not isinstance(child.state, dict) or depth == MAX_DEPTH:
            raise ValueError(f"{printable(path)} is not a module")
        yield from _walk(child, path, depth + 1)


def _weights(modules: dict[str, Record]) -> Weights:
    """Parameters and buffers by their names in the state dict; checks filters and leaves them out."""
    weights = {}
    if sum(len(_dict(module, kind)) for module in modules.values() for kind in KINDS) > MAX_WEIGHTS:
        raise ValueError("it has more weights than a network of StyleGAN2")
    for name, module in modules.items():
        for kind in KINDS:
            for key, value in _dict(module, kind).items():
                if value is None:
                    continue
                path = f"{name}.{check_name(key)}"
                if not isinstance(value, Lazy):
                    raise ValueError(f"{printable(path)} is not a tensor")
                if key == "resample_filter":
                    check_filter(value.array, path)
                else:
                    weights[path] = value.array
    return weights


def _clamp(modules: dict[str, Record], names: set[str]) -> float | None:
    values = {
        _number(modules[name], "conv_clamp", (int, float), optional=True)
        for name in names
        if "conv_clamp" in (modules[name].state or {})
    }
    if len(values) != 1:
        raise ValueError("its layers clamp at several values, which is not supported")
    return values.pop()


def _multiplier(modules: dict[str, Record]) -> float:
    layer = modules.get("mapping.fc0")
    return 0.01 if layer is None else float(_number(layer, "bias_gain", (int, float)))


def _dict(module: Record, name: str) -> dict:
    value = (module.state or {}).get(name)
    if not isinstance(value, dict):
        raise ValueError(f"a {module.kind} has no {name}")
    return value


def _number(module: Record, name: str, kind: Kind, optional: bool = False) -> Any:
    value = (module.state or {}).get(name)
    return None if optional and value is None else check_setting(f"{name} of a {module.kind}", value, kind)
