"""What a pickle may not do: anything but give numbers."""

import collections
import copyreg
import io
import os
import pickle
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentzoo.zoo.importers import read_stylegan, read_stylegan2
from latentzoo.zoo.importers.models import check_bytes
from latentzoo.zoo.importers.network_pickle import read_file
from latentzoo.zoo.importers.pickles import Budget

PROTO = b"\x80\x04"


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def call(module: str, name: str, *arguments: bytes) -> bytes:
    """A call by the instructions of protocol 4: STACK_GLOBAL, the arguments, REDUCE."""
    return text(module) + text(name) + b"\x93(" + b"".join(arguments) + b"tR"


def in_storage(pickled: bytes) -> bytes:
    """The call that a tensor's storage is, of a file in torch.save's older format."""
    headers = [pickle.dumps(header, 2) for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    blob = b"".join(headers) + b"\x80\x02" + pickled + b"." + pickle.dumps([], 2)
    return call("torch.storage", "_load_from_bytes", b"B" + struct.pack("<I", len(blob)) + blob)


def in_zip(pickled: bytes, compression=zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickled + b".")
    return stream.getvalue()


@pytest.fixture
def trace(tmp_path, monkeypatch):
    """A file that the attacks below write."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "trace"
    assert not (tmp_path / "trace").exists()


@pytest.fixture
def write(tmp_path):
    def write(content: bytes):
        path = tmp_path / "network.pkl"
        path.write_bytes(content)
        return path

    return write


SYSTEM = call("os", "system", text("touch trace"))
OBJECT = call("numpy.core.multiarray", "_reconstruct", b"cnumpy\nndarray\n", b"K\x00\x85", b"C\x01b")
OBJECTS = OBJECT + b"(K\x01K\x01\x85cnumpy\ndtype\n" + text("f4") + b"\x89\x88\x87R\x89]Natb"
DEEP = b")" + b"\x85" * 30_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SYSTEM, "os.system"),
        (b"cposix\nsystem\n(" + text("touch trace") + b"tR", "posix.system"),
        (call("builtins", "eval", text("open('trace', 'w')")), "builtins.eval"),
        (call("builtins", "exec", text("open('trace', 'w')")), "builtins.exec"),
        (call("builtins", "__import__", text("os")), "builtins.__import__"),
        (call("builtins", "getattr", text("a"), text("b")), "builtins.getattr"),
        (call("operator", "attrgetter", text("system")), "operator.attrgetter"),
        (call("functools", "partial"), "functools.partial"),
        (call("torch.hub", "load"), "torch.hub.load"),
        # Attributes of what is allowed.
        (call("collections", "OrderedDict.__class__"), "collections.OrderedDict.__class__"),
        (call("collections.OrderedDict", "__reduce_ex__"), "collections.OrderedDict.__reduce_ex__"),
        (call("numpy", "load"), "numpy.load"),
        (call("torch", "load"), "torch.load"),
        (call("numpy", "core.multiarray.os.system"), "numpy.core.multiarray.os.system"),
        (text("os\nx") + text("system") + b"\x93", r"os\nx.system"),
        # A call of what is no name, or of a name that only may be an argument.
        (text("os.system") + b")R", "calls a str"),
        (b"cnumpy\nndarray\n)R", "calls numpy.ndarray"),
        (b"ctorch\nFloatStorage\n)\x81", "calls torch.FloatStorage"),
        (b"cnumpy\nndarray\n}" + text("__reduce__") + text("x") + b"sb", "changes numpy.ndarray"),
        (b"ccollections\nOrderedDict\n}b", "changes collections.OrderedDict"),
        (b"]}b", "changes a list"),
        # Instructions that official pickles do not have.
        (b"\x82\x01", "instruction EXT1"),
        (b"\x83\x01\x00", "instruction EXT2"),
        (b"\x84\x01\x00\x00\x00", "instruction EXT4"),
        (b"(" + text("touch trace") + b"ios\nsystem\n", "instruction INST"),
        (b"(cos\nsystem\n" + text("touch trace") + b"o", "os.system"),
        (b"(ccollections\nOrderedDict\no", "instruction OBJ"),
        (b"ccollections\nOrderedDict\n)}\x92", "instruction NEWOBJ_EX"),
        (b"Pos.system\n", "instruction PERSID"),
        (text("storage") + b"Q", "persistent id"),
        (b"\x97", "instruction NEXT_BUFFER"),
        (b"I1\n", "instruction INT"),
        # A file within the file.
        (in_storage(SYSTEM), "os.system"),
        (in_storage(in_storage(SYSTEM)), "torch.storage._load_from_bytes"),
        (in_storage(call("dnnlib.util", "EasyDict")), "dnnlib.util.EasyDict"),
        (in_storage(b"(" + text("module") + b"cos\nsystem\n" + text("0") + b"NK\x01NtQ"), "os.system"),
        (in_storage(b"(" + text("module") + b"Nctorch\nFloatStorage\nNK\x01NtQ"), "not a storage of a"),
        # Arrays of objects, whose numbers would be a pickle.
        (OBJECTS, "array of Python objects"),
        (call("numpy", "dtype", text("O8"), b"\x89", b"\x88"), "dtype O8"),
        (call("numpy", "dtype", text("V8"), b"\x89", b"\x88"), "dtype V8"),
        # More work than such a file is worth.
        (b"}" + DEEP + b"K\x01s", "as a key"),
        (b"\x8f(" + DEEP + b"\x90", "a set of more than"),
        (b"}\x8a\x09" + (2**61 - 1).to_bytes(9, "little") + b"K\x01s", "a long string or number as a key"),
        (b"}" + text("x" * 2_000) + b"K\x01s", "a long string or number as a key"),
        (call("numpy", "dtype", b"]", b"\x89", b"\x88"), "dtype a list"),
        (call("_codecs", "encode", text("x"), text("rot13")), "encodes a string"),
        (call("collections", "OrderedDict", b"]" + text("x") + b"a"), "a dict of a list"),
    ],
)
def test_a_pickle_is_refused_by_the_name_of_what_it_asks_for(content, words, write, trace):
    with pytest.raises(ValueError) as error:
        read_file(write(PROTO + content + b"."))
    assert "network.pkl' is refused: it " in str(error.value)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_the_attacks_would_work_on_python_itself(trace, tmp_path):
    pickle.loads(PROTO + SYSTEM + b".")
    assert trace.exists()
    trace.unlink()


def test_a_name_in_the_cache_of_extensions_is_refused(write, trace):
    copyreg.add_extension("os", "system", 1)
    try:
        assert pickle.loads(PROTO + b"\x82\x01.") is os.system  # from now on, it is in Python's cache
        with pytest.raises(ValueError, match="instruction EXT1"):
            read_file(write(PROTO + b"\x82\x01" + b"(" + text("touch trace") + b"tR."))
    finally:
        copyreg.remove_extension("os", "system", 1)
        copyreg.clear_extension_cache()


@pytest.mark.parametrize("pickled", [SYSTEM, in_storage(SYSTEM)])
def test_a_file_of_torch_save_is_read_as_strictly(pickled, write, trace):
    with pytest.raises(ValueError, match="is refused: it names os.system"):
        read_file(write(in_zip(pickled)))
    with pytest.raises(ValueError, match="archive is compressed"):
        read_file(write(in_zip(b"N" * 10_000, zipfile.ZIP_DEFLATED)))


def tensor(shape, strides, offset=0, size=4) -> bytes:
    """A tensor over a storage of some numbers 0, 1, 2 ..., in a file of torch.save's older format."""
    numbers = np.arange(size, dtype="<f4").tobytes()
    persistent = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("7") + text("cpu") + b"K\x04NtQ"
    arguments = [persistent, pickle.dumps(offset, 2)[2:-1]]
    arguments += [pickle.dumps(numbers, 2)[2:-1] for numbers in (shape, strides)] + [b"\x89", b"N"]
    headers = [pickle.dumps(header, 2) for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    rebuilt = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + b"".join(arguments) + b"tR."
    return b"".join([*headers, rebuilt, pickle.dumps(["7"], 2), struct.pack("<q", 4), numbers])


def test_a_tensor_is_a_view_of_its_storage(write):
    assert read_file(write(tensor((2, 2), (1, 2)))).array.tolist() == [[0, 2], [1, 3]]
    assert read_file(write(tensor((2,), (1,), offset=2))).array.tolist() == [2, 3]
    assert read_file(write(tensor((), (), offset=3))).array.item() == 3
    assert read_file(write(tensor((0, 5), (1, 1)))).array.shape == (0, 5)


@pytest.mark.parametrize(
    "content",
    [
        tensor((2**30, 4), (0, 1)),  # much out of little
        tensor((5,), (1,)),
        tensor((2,), (1,), offset=3),
        tensor((2,), (1,), offset=-1),
        tensor((2,), (-1,)),
        tensor((2,), (1, 1)),
        tensor((4,), (1,), size=3),
        tensor((1,) * 50, (1,) * 50),
    ],
)
def test_a_tensor_outside_of_its_storage_is_refused(content, write):
    with pytest.raises(ValueError, match=r"network.pkl' is not a complete network pickle: it is damaged"):
        read_file(write(content))


def test_arrays_of_numpy_come_as_they_were(write):
    arrays = {
        "floats": np.arange(6, dtype=np.float32).reshape(2, 3),
        "by columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big-endian": np.arange(4, dtype=">i4"),
        "booleans": np.array([True, False]),
        "none": np.zeros([0, 3], np.float16),
        "zero-dimensional": np.array(2.5),
    }
    for protocol in (2, 3, 4, 5):
        found = read_file(write(pickle.dumps(arrays, protocol=protocol)))
        for name, array in arrays.items():
            assert found[name].array.dtype == array.dtype
            np.testing.assert_array_equal(found[name].array, array)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_as_they_were(protocol, write):
    shared = [1, 2]
    values = {
        "numbers": [0, -1, 255, 65536, 2**70, 1.5, True, False, None],
        "texts": ("a", "é\n", b"\x00\xff", bytearray(b"x")) if protocol == 5 else ("a", "é\n"),
        "sets": ({1, "a"}, frozenset([2])) if protocol >= 4 else ({1},),
        "nested": [((), [], {}), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "shared": [shared, shared],
        "scalar": np.float64(0.25),
        "ordered": collections.OrderedDict(a=1, b=2),
    }
    found = read_file(write(pickle.dumps(values, protocol=protocol)))
    assert found == values
    assert found["shared"][0] is found["shared"][1]


def test_work_is_bounded(write, monkeypatch):
    """The steps of one pickle, those of a file within it, and copies of one text."""
    monkeypatch.setattr(Budget, "MAX_STEPS", 10_000)
    blob = in_storage(b"N0" * 100 + b"N").partition(b"B")[2][4:]
    again = b"ctorch.storage\n_load_from_bytes\nr\0\0\0\0" + b"B" + struct.pack("<I", len(blob)) + blob
    again += b"r\1\0\0\0" + b"j\0\0\0\0j\1\0\0\0\x85R0" * 100 + b"N"
    copies = b"c_codecs\nencode\nr\0\0\0\0" + text("x" * 100_000) + b"\x85r\1\0\0\0"
    copies += b"j\0\0\0\0j\1\0\0\0R" * 100
    for content in (b"N0" * 10_000 + b"N", again, copies):
        with pytest.raises(ValueError, match="more steps or memory"):
            read_file(write(PROTO + content + b"."))


def laughs(depth: int, opening: bytes, closing: bytes) -> bytes:
    """A value of a few bytes that unfolds to 2^depth others, in containers that share their parts."""
    return opening + b"K\x01" * 2 + closing + b"".join(
        b"r" + struct.pack("<I", i) + b"0" + opening + (b"j" + struct.pack("<I", i)) * 2 + closing
        for i in range(depth)
    )  # fmt: skip


def networks(settings: bytes = b"}", variables: bytes = b"]", version: bytes = b"K\x05") -> bytes:
    """Three TensorFlow networks, all of them the same."""
    state = text("version") + version + text("static_kwargs") + settings
    state += text("variables") + variables + text("components") + b"}"
    return PROTO + (b"cdnnlib.tflib.network\nNetwork\n)\x81}(" + state + b"ub") * 3 + b"\x87."


TUPLES, LISTS = laughs(40, b"(", b"t"), laughs(40, b"](", b"e")


def shared_text(size: int, count: int) -> bytes:
    """Variables of Python 2 that share the text of their numbers."""
    shared = text("a" * size) + b"q\0000" + call("numpy", "dtype", text("u1"), b"\x89", b"\x88") + b"q\x010"
    one = OBJECT + b"(K\x01J" + struct.pack("<i", size) + b"\x85h\x01\x89h\x00tb"
    return shared + b"](" + (text("v") + one + b"\x86") * count + b"e"


@pytest.mark.parametrize(
    "content",
    [
        networks(version=TUPLES),
        networks(b"}" + text("resample_kernel") + LISTS + b"s"),
        networks(b"}" + text("resample_kernel") + TUPLES + b"s"),
        networks(b"}" + text("mapping_lrmul") + LISTS + b"s"),
        networks(b"}" + text("nonlinearity") + TUPLES + b"s"),
        networks(b"}" + text("mapping_lrmul") + b"\x8b" + struct.pack("<i", 200) + b"\x01" * 200 + b"s"),
        networks(variables=LISTS),
        networks(variables=shared_text(2**20, 500)),
        networks(variables=b"](" + (text("x" * 10_000) + b"K\x01\x86") * 2 + b"e"),
        networks(variables=b"](" + text("synthesis/noise99999999999") + b"K\x01\x86e"),
        networks(variables=b"](" + (text("v") + b"\x8b\xff\0\0\0" + b"\x01" * 255 + b"\x86") + b"e"),
    ],
)  # fmt: skip
def test_small_files_that_unfold_are_refused_at_once(content, write):
    """Billions of parts by sharing, long names and numbers, copies of one text: less than a second each."""
    path, start = write(content), time.process_time()
    for read in (read_stylegan2, read_stylegan):
        with pytest.raises(ValueError, match=r"network\.pkl' ") as error:
            read(path)
        assert "\n" not in str(error.value)
    assert time.process_time() - start < 2


def test_an_empty_weight_claims_no_size(write):
    path = write(b"x" * 1_000)
    check_bytes(path, [np.zeros([10, 10], np.float32)])
    with pytest.raises(ValueError, match="it has an empty weight"):
        check_bytes(path, [np.zeros([0, 10**8], np.float32)])
    with pytest.raises(ValueError, match="weights are larger than the file"):
        check_bytes(path, [np.zeros([10, 10], np.float32)] * 3)


def test_an_archive_read_again_counts_again(write):
    inner = in_zip(b"N." + b"\0" * 100_000)
    load = b"ctorch.storage\n_load_from_bytes\nq\0000B" + struct.pack("<I", len(inner)) + inner + b"q\x010"
    with pytest.raises(ValueError, match="more steps or memory"):
        read_file(write(PROTO + load + b"h\x00h\x01\x85R0" * 100 + b"N."))


def test_a_small_file_needs_little_memory(write):
    path = write(pickle.dumps([1, 2], 4))
    tracemalloc.start()
    try:
        assert read_file(path) == [1, 2]
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_pipe_or_a_device_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.pkl")
    for path in (tmp_path / "pipe.pkl", "/dev/zero", tmp_path):
        with pytest.raises(OSError, match="is no regular file|Is a directory"):
            read_file(path)


@pytest.mark.parametrize(
    "content", [b"", b"no pickle at all", b"\x89PNG\r\n\x1a\n", b"\x89HDF\r\n\x1a\n", b"cos\nsystem\n."]
)
def test_another_kind_of_file_is_told(content, write):
    with pytest.raises(ValueError, match="is not a network pickle: it does not begin like a pickle"):
        read_file(write(content))


def test_a_file_cut_short_anywhere_is_told(write_network_pickle, tmp_path):
    path, _ = write_network_pickle("tensorflow_4")
    content = path.read_bytes()
    cut = tmp_path / "cut.pkl"
    for length in np.linspace(1, len(content) - 1, 25).astype(int):
        cut.write_bytes(content[:length])
        message = "cut.pkl' is not a complete network pickle: it is damaged"
        with pytest.raises(ValueError, match=message) as error:
            read_file(cut)
        assert "\n" not in str(error.value)


SMALL = [tensor((2, 2), (2, 1)), in_zip(b"]K\x01a"), pickle.dumps({"x": np.arange(3.0), "y": [1, "a"]}, 4)]


@pytest.mark.filterwarnings("ignore:invalid escape:DeprecationWarning")
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_an_error_of_one_sentence_or_harmless(data, tmp_path_factory):
    content = bytearray(data.draw(st.sampled_from(SMALL)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(content)
    try:
        read_file(path)
    except ValueError as error:
        assert "damaged.pkl'" in str(error) and "\n" not in str(error)
