"""Network pickles with the names and instructions of the official ones, made without the official code.

Classes of the same names stand in for PyTorch's and NVIDIA's while a pickle is written. The numbers are
those of tests/assets/stylegan2, and for the first StyleGAN those of `numpy_stylegan`. Compared once with
pickles of the official code under PyTorch 2.13, these have the same names and, but for their keys, the same
bytes of storages.
"""

import io
import json
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from . import numpy_stylegan

DATA = Path(__file__).parents[2] / "assets" / "stylegan2"
SETTINGS = json.loads((DATA / "settings.json").read_text())


class EasyDict(dict):
    """dnnlib's: a dict with attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class FloatStorage:
    """A torch storage, which pickles as the bytes that torch.save writes."""

    def __init__(self, numbers: np.ndarray):
        self.numbers = numbers.astype("<f4").ravel()

    def __reduce__(self):
        return sys.modules["torch.storage"]._load_from_bytes, (legacy_torch_file(self, [self]),)


class Tensor:
    def __init__(self, array: np.ndarray):
        self.storage, self.shape = FloatStorage(array), array.shape
        self.strides = np.empty(array.shape, np.uint8).strides

    def __reduce__(self):
        arguments = (self.storage, 0, self.shape, self.strides, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class Parameter(Tensor):
    def __reduce__(self):
        tensor = Tensor(self.storage.numbers.reshape(self.shape))
        return sys.modules["torch._utils"]._rebuild_parameter, (tensor, False, OrderedDict())


class Module:
    """A module of the official code, under torch_utils.persistence."""

    def __init__(self, class_name: str, source: str):
        self.class_name, self.source = class_name, source
        names = "_parameters _buffers _modules _backward_hooks _forward_hooks _forward_pre_hooks"
        self.state = {name: OrderedDict() for name in names.split()}
        self.state.update(training=False, _non_persistent_buffers_set=set())

    def __reduce__(self):
        meta = {"type": "class", "version": 6, "module_src": self.source, "class_name": self.class_name}
        reconstruct = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
        return reconstruct, ({**meta, "state": self.state},), None


class Network:
    """dnnlib.tflib's, with the attributes that it is saved with."""

    def __init__(self, **state):
        self.state = state

    def __getstate__(self):
        return self.state


def legacy_torch_file(value, storages) -> bytes:
    """What torch.save writes in its older format."""
    stream = io.BytesIO()
    sizes = {"short": 2, "int": 4, "long": 4}
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
    for header in (0x1950A86A20F9469CFC6C, 1001, machine):
        pickle.dump(header, stream, protocol=2)
    pickler = pickle.Pickler(stream, protocol=2)
    pickler.persistent_id = lambda found: persistent_id(found, storages)
    pickler.dump(value)
    pickle.dump([str(index) for index in range(len(storages))], stream, protocol=2)
    for storage in storages:
        stream.write(struct.pack("<q", storage.numbers.size) + storage.numbers.tobytes())
    return stream.getvalue()


def persistent_id(value, storages):
    for index, storage in enumerate(storages):
        if value is storage:
            return "storage", sys.modules["torch"].FloatStorage, str(index), "cpu", storage.numbers.size, None
    return None


@pytest.fixture
def official_names(monkeypatch):
    """Modules of the official names, for the pickler alone: it looks up whether a name is what it says."""
    functions = {
        "torch._utils": ("_rebuild_tensor_v2", "_rebuild_parameter"),
        "torch.storage": ("_load_from_bytes",),
        "torch_utils.persistence": ("_reconstruct_persistent_obj",),
    }
    for module, names in functions.items():
        monkeypatch.setitem(sys.modules, module, named_module(module, {name: named(name) for name in names}))
    classes = {
        "torch": {"FloatStorage": FloatStorage},
        "dnnlib.util": {"EasyDict": EasyDict},
        "dnnlib.tflib.network": {"Network": Network},
    }
    for module, content in classes.items():
        monkeypatch.setitem(sys.modules, module, named_module(module, content))
        for value in content.values():
            monkeypatch.setattr(value, "__module__", module)
    for package in ("torch_utils", "dnnlib", "dnnlib.tflib"):
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))


def named(name):
    def function(*arguments):
        raise AssertionError(f"{name} was called")

    function.__name__ = function.__qualname__ = name
    return function


def named_module(name, content):
    module = types.ModuleType(name)
    for key, value in content.items():
        if isinstance(value, types.FunctionType):
            value.__module__ = name
        setattr(module, key, value)
    return module


@pytest.fixture
def write_network_pickle(tmp_path, official_names):
    """A function from a name in tests/assets/stylegan2 to its network pickle, and to its arrays.

    `source` is the code that comes with the networks; `change` may change the networks before.
    """

    def write(name: str, source="", change=lambda content: None) -> tuple[Path, dict[str, np.ndarray]]:
        with np.load(DATA / f"{name}.npz") as file:
            arrays = dict(file)
        path = tmp_path / f"{name}.pkl"
        if "version" in SETTINGS[name]:
            write_pickle(path, tensorflow_content(SETTINGS[name], arrays, source), change)
        else:
            # Python 3.7, which the official pickles were made with, has protocol 3; later ones 4.
            protocol = 3 + (name == "cifar")
            write_pickle(path, pytorch_content(SETTINGS[name], arrays, source), change, protocol)
        return path, arrays

    return write


@pytest.fixture
def write_stylegan_pickle(tmp_path, official_names):
    """A function from a case of `numpy_stylegan` to its pickle, to its settings and to its variables."""

    def write(name: str, source="", change=lambda content: None) -> tuple[Path, dict, dict[str, np.ndarray]]:
        settings, variables = numpy_stylegan.make(name)
        path = tmp_path / f"{name}.pkl"
        write_pickle(path, tensorflow_content(settings, variables, source), change)
        return path, settings, variables

    return write


def write_pickle(path, content, change, protocol=4):
    change(content)
    path.write_bytes(pickle.dumps(content, protocol=protocol))


def pytorch_content(settings, arrays, source):
    generator = network("Generator", "generator.", settings["generator"], arrays, source)
    # Presets hold the averaged generator, so the other one has other weights.
    other = {name: value + 1 for name, value in arrays.items()}
    return {
        "training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset", "path": "x.zip"},
        "G": network("Generator", "generator.", settings["generator"], other, source),
        "D": network("Discriminator", "discriminator.", settings["discriminator"], arrays, source),
        "G_ema": generator,
        "augment_pipe": None,
    }


def network(class_name, prefix, settings, arrays, source) -> Module:
    """The tree of modules of a network, with the attributes that an importer may look at."""
    root = Module(class_name, source)
    options = easy({**settings, **settings.get("synthesis_kwargs", {})})
    root.state["_init_args"], root.state["_init_kwargs"] = (), options
    for name, value in arrays.items():
        if name.startswith(prefix):
            *path, leaf = name.removeprefix(prefix).split(".")
            module = root
            for depth, part in enumerate(path):
                children = module.state["_modules"]
                if part not in children:
                    children[part] = Module("Layer", source)
                    children[part].state.update(attributes(".".join(path[: depth + 1]), options))
                module = children[part]
            buffer = leaf in ("w_avg", "noise_const")
            kind, tensor = ("_buffers", Tensor) if buffer else ("_parameters", Parameter)
            module.state[kind][leaf] = tensor(value)
    if class_name == "Discriminator":
        spread = Module("MinibatchStdLayer", source)
        spread.state.update(group_size=settings["epilogue_kwargs"]["mbstd_group_size"], num_channels=1)
        root.state["_modules"]["b4"].state["_modules"]["mbstd"] = spread
    return root


def attributes(name, options) -> dict:
    """Attributes of a module by its name, such as `synthesis.b8.conv0`."""
    layer = name.split(".")[-1]
    linear = layer in ("affine", "embed", "skip", "out")
    found = {"activation": "linear" if linear else "lrelu", "weight_gain": np.float64(0.25)}
    if layer.startswith("fc") and name.startswith("mapping"):
        found["bias_gain"] = 0.01
    if layer.startswith(("conv", "fromrgb", "torgb", "skip")):
        cut = layer != "skip" and name != "b4.fromrgb"
        found["conv_clamp"] = options.get("conv_clamp") if cut else None
        row = np.array([1, 3, 3, 1], np.float32) / 8
        found["_buffers"] = OrderedDict(resample_filter=Tensor(np.outer(row, row)))
    return found


def easy(value):
    return EasyDict({key: easy(item) for key, item in value.items()}) if isinstance(value, dict) else value


def tensorflow_content(settings, arrays, source):
    """Three networks of any version. Sessions give variables without a shape as numbers, not as arrays."""
    parts = {}
    if settings["version"] == 4:
        arrays = {"generator/lod": np.zeros([], np.float32), **arrays}
    for name, value in arrays.items():
        if "/" in name:
            kind, _, rest = name.partition("/")
            component, _, inner = rest.partition("/")
            if component not in ("mapping", "synthesis"):
                component, inner = "", rest
            parts.setdefault((kind, component), []).append((inner, value[()]))

    def made(kind, component="", components=None):
        state = {"version": settings["version"], "name": component or kind, "build_module_src": source}
        options = easy(settings[kind]) if not component else EasyDict()
        return Network(
            **state,
            build_func_name="build",
            static_kwargs=options,
            components=components or {},
            variables=parts.get((kind, component), []),
        )

    def generator():
        inside = {name: made("generator", name) for name in ("synthesis", "mapping")}
        return made("generator", components=inside)

    return generator(), made("discriminator"), generator()
