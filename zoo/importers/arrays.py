"""NumPy arrays and PyTorch tensors in pickles, as views of the bytes in the file.

Each is a `Lazy` array, evaluated on access, since a pickle may set an array's data after using the array.
Only booleans, integers and floating-point numbers are read; an array of Python objects is refused.
"""

import functools
import io
import math
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from . import pickles
from .pickles import Budget, Global, Names, Refused

# The dtypes that a network may have, as NumPy's codes.
CODES = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")

# PyTorch's storage classes. A bfloat16 is the upper half of a float32.
STORAGES = {
    "torch.BoolStorage": "b1",
    "torch.ByteStorage": "u1",
    "torch.CharStorage": "i1",
    "torch.ShortStorage": "i2",
    "torch.IntStorage": "i4",
    "torch.LongStorage": "i8",
    "torch.HalfStorage": "f2",
    "torch.BFloat16Storage": "bfloat16",
    "torch.FloatStorage": "f4",
    "torch.DoubleStorage": "f8",
}

# A PyTorch file of the legacy format begins with the pickle of this number.
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001


class Lazy:
    """An array whose data may be set later."""

    @property
    def array(self) -> np.ndarray:
        raise NotImplementedError


class DType:
    """A NumPy dtype: its code, and its byte order, which is set later."""

    def __init__(self, code: Any, align: Any = False, copy: Any = False):
        if code not in CODES:
            name = pickles.printable(code) if isinstance(code, str) else f"a {type(code).__name__}"
            raise Refused(f"it contains an array of dtype {name}, expected numbers")
        self.code, self.order = code, "<"

    def set_state(self, state: Any) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise ValueError("a dtype has an invalid byte order")
        self.order = {"=": "<"}.get(order, order)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class Array(Lazy):
    """A NumPy array."""

    def __init__(self, budget: Budget):
        self._budget = budget
        self._parts: tuple | None = None

    def set_state(self, state: Any) -> None:
        _, shape, dtype, by_columns, data = state
        self.fill(data, dtype, shape, "F" if by_columns else "C")

    def fill(self, data: Any, dtype: Any, shape: Any, order: str) -> "Array":
        if not isinstance(dtype, DType):
            raise TypeError("an array has no dtype")
        if not isinstance(data, bytes | bytearray | str):
            raise Refused("it contains an array of Python objects, expected numbers")
        if order not in ("C", "F"):
            raise ValueError("an array has an invalid memory order")
        if isinstance(data, str):  # a pickle of Python 2
            self._budget.spend(copied=len(data))
            data = data.encode("latin-1")
        self._parts = (data, dtype, _counts(shape), order)
        return self

    @property
    def array(self) -> np.ndarray:
        if self._parts is None:
            raise ValueError("an array has no data")
        data, dtype, shape, order = self._parts
        return np.frombuffer(data, dtype.dtype).reshape(shape, order=order)


class Storage(Lazy):
    """The flat data behind PyTorch's tensors."""

    def __init__(self, code: str, size: int, budget: Budget):
        self.code, self.size, self._budget = code, size, budget
        self.data: memoryview | None = None  # follows the pickle

    @property
    def num_bytes(self) -> int:
        return self.size * (2 if self.code == "bfloat16" else np.dtype(self.code).itemsize)

    @functools.cached_property
    def array(self) -> np.ndarray:
        if self.data is None:
            raise ValueError("a tensor has no data")
        if self.code == "bfloat16":
            self._budget.spend(copied=2 * self.num_bytes)
            return (np.frombuffer(self.data, "<u2").astype(np.uint32) << 16).view(np.float32)
        return np.frombuffer(self.data, np.dtype(self.code).newbyteorder("<"))


class Tensor(Lazy):
    """A PyTorch tensor: a view of a storage with an offset, a shape and strides."""

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any):
        if not isinstance(storage, Storage):
            raise TypeError("a tensor has no storage")
        self.storage, self.shape, self.strides = storage, _counts(shape), _counts(strides)
        (self.offset,) = _counts((offset,))
        if len(self.shape) != len(self.strides):
            raise ValueError("a tensor's shape and strides disagree")
        # With strides of 0, a small storage would become a huge array.
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if math.prod(self.shape) > storage.size or (0 not in self.shape and last >= storage.size):
            raise ValueError("a tensor is larger than its storage")

    @property
    def array(self) -> np.ndarray:
        numbers = self.storage.array[self.offset :]
        if numbers.size == 0:
            return numbers.reshape(self.shape)
        strides = [step * numbers.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(numbers, self.shape, strides, writeable=False)


def _counts(numbers: Any) -> tuple[int, ...]:
    """Checks a shape: a few nonnegative integers."""
    numbers = (numbers,) if isinstance(numbers, int) else numbers
    is_row = isinstance(numbers, tuple | list) and len(numbers) <= 16
    if not is_row or not all(isinstance(n, int) and 0 <= n < 2**40 for n in numbers):
        raise ValueError("a shape is out of range")
    return tuple(numbers)


def names(budget: Budget) -> dict[str, Callable[..., Any] | None]:
    """Returns the allowed names of NumPy and PyTorch in a pickle, with the functions that replace them."""

    def empty(*_):
        return Array(budget)

    def scalar(dtype, data):
        return empty().fill(data, dtype, (), "C").array.item()

    def from_buffer(data, dtype, shape, order):
        return empty().fill(data, dtype, shape, order)

    def load_from_bytes(data):
        # Only tensors are allowed inside: no further nested files.
        if not isinstance(data, bytes):
            raise TypeError("a tensor's data is not bytes")
        return read_torch(data, _tensor_names(), budget)

    table: dict[str, Callable[..., Any] | None] = {
        "numpy.ndarray": None,
        "numpy.dtype": DType,
        **_tensor_names(),
        "torch.storage._load_from_bytes": load_from_bytes,
    }
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray._reconstruct"] = empty
        table[f"{core}.multiarray.scalar"] = scalar
        table[f"{core}.numeric._frombuffer"] = from_buffer
    return table


def _tensor_names() -> dict[str, Callable[..., Any] | None]:
    return {
        "collections.OrderedDict": to_dict,
        "torch.Size": _counts,
        "torch._utils._rebuild_tensor": Tensor,
        "torch._utils._rebuild_tensor_v2": Tensor,
        "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
        **dict.fromkeys(STORAGES),
    }


def to_dict(pairs: Any = ()) -> dict:
    """Replaces the constructors of dicts, which networks call without arguments."""
    if len(pairs):
        raise Refused("it makes a dict of a list, which no network needs")
    return {}


def is_torch_file(data: bytes) -> bool:
    """Returns whether the bytes begin like a file of `torch.save`, in its zip format or the legacy one."""
    number = struct.pack("<Q", MAGIC_NUMBER & (2**64 - 1))
    return data[:4] == b"PK\x03\x04" or number in data[:16]


def read_torch(data: bytes, names: Names, budget: Budget) -> Any:
    """Reads a file of `torch.save`, in its zip format or the legacy one, with `Tensor`s and `Storage`s."""
    budget.spend(copied=len(data))
    if data[:4] == b"PK\x03\x04":
        return _read_zip(data, names, budget)
    return _read_legacy(data, names, budget)


def _read_legacy(data: bytes, names: Names, budget: Budget) -> Any:
    """Reads the pickles of a magic number, a version, the machine, the value and the keys, then storages."""
    stream = io.BytesIO(data)
    for expected in (MAGIC_NUMBER, LEGACY_PROTOCOL):
        if pickles.read(stream, {}, budget) != expected:
            raise ValueError("a tensor's data does not begin like a file of torch.save")
    machine = pickles.read(stream, {}, budget)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError("its tensors are not little-endian")
    storages = Storages(budget)
    value = pickles.read(stream, names, budget, storages)
    for key in pickles.read(stream, {}, budget):
        storage = storages[pickles.check_key(key)]
        (size,) = struct.unpack("<q", stream.read(8))
        if size != storage.size or storage.data is not None:
            raise ValueError("a storage does not have its declared size")
        storage.data = _slice(data, stream.tell(), storage.num_bytes)
        stream.seek(storage.num_bytes, io.SEEK_CUR)
    return value


def _read_zip(data: bytes, names: Names, budget: Budget) -> Any:
    """Reads an uncompressed archive of `data.pkl` and a file for each storage."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        budget.spend(len(archive.infolist()))
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        for info in members.values():
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > len(data):
                raise Refused("its archive is compressed, which PyTorch's never is")
        if "byteorder" in members and archive.read(members["byteorder"]) != b"little":
            raise ValueError("its tensors are not little-endian")
        storages = Storages(budget)
        value = pickles.read(io.BytesIO(archive.read(members["data.pkl"])), names, budget, storages)
        for key, storage in storages.items():
            member = members[f"data/{key}"]
            budget.spend(copied=member.file_size)
            content = archive.read(member)
            storage.data = _slice(content, 0, storage.num_bytes)
    return value


def _slice(data: bytes, start: int, size: int) -> memoryview:
    part = memoryview(data)[start : start + size]
    if len(part) != size:
        raise ValueError("a tensor is truncated")
    return part


class Storages(dict[str, Storage]):
    """The storages of one file by their keys, created as persistent ids refer to them."""

    def __init__(self, budget: Budget):
        super().__init__()
        self._budget = budget

    def __call__(self, persistent_id: Any) -> Storage:
        if not isinstance(persistent_id, tuple) or not 5 <= len(persistent_id) <= 6:
            raise TypeError("it contains a persistent id that is not a storage of a tensor")
        kind, storage_class, key, _, size = persistent_id[:5]
        if kind != "storage" or not isinstance(storage_class, Global) or storage_class.name not in STORAGES:
            raise Refused("it contains a persistent id that is not a storage of a tensor")
        if any(part is not None for part in persistent_id[5:]):
            raise Refused("it contains a storage that is part of another, which no network needs")
        if not pickles.is_short(key):
            raise TypeError("a storage has no key")
        (size,) = _counts((size,))
        storage = self.setdefault(key, Storage(STORAGES[storage_class.name], size, self._budget))
        if (storage.code, storage.size) != (STORAGES[storage_class.name], size):
            raise ValueError("a storage has two sizes or dtypes")
        return storage
