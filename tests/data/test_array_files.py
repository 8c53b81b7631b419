"""Files of arrays: damage is one sentence that names the file, and no size is believed unchecked."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest

from latentzoo.data import loading as data
from latentzoo.data.array_files import array_names, read_array


def saved(save=np.savez, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back(tmp_path, save, order):
    array = np.asarray(np.random.default_rng(0).normal(size=[3, 4, 5]), order=order)
    path = tmp_path / "a.npz"
    path.write_bytes(saved(save, x=array, y=np.arange(3, dtype=">i2")))
    assert array_names(path) == ("x", "y")
    np.testing.assert_array_equal(read_array(path, "x"), array)
    np.testing.assert_array_equal(read_array(path, "y"), [0, 1, 2])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_damage_is_told_with_the_files_name(tmp_path, save):
    good = saved(save, x_train=np.random.default_rng(0).integers(0, 256, [5, 4, 4, 1]).astype(np.uint8))
    path = tmp_path / "images.npz"
    spoiled = [good[:i] + bytes([good[i] ^ 255]) + good[i + 1 :] for i in range(0, len(good), 3)]
    for content in spoiled + [good[:i] for i in range(0, len(good), 11)]:
        path.write_bytes(content)
        try:
            data.source(path)
        except (ValueError, OSError) as error:
            assert "images.npz" in str(error) and len(str(error)) < 400


def header(shape, dtype="|u1"):
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize("shape", [(10**12,), (2**40, 2**40), (-1, 4), (3,)])
def test_a_header_of_another_size_than_its_array_is_refused_before_memory_is_taken(tmp_path, shape):
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_train.npy", header(shape) + bytes(4))
    with pytest.raises(ValueError, match="dataset '.*huge.npz' is damaged: the header of x_train declares"):
        data.source(path)


def test_an_archive_that_claims_more_than_deflate_can_hold_is_refused(tmp_path):
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", header((10**9,)) + bytes(4))
    content = path.read_bytes()
    entry = content.rindex(b"PK\x01\x02") + 24  # of the uncompressed size in the central directory
    claimed = struct.pack("<I", len(header((10**9,))) + 10**9)
    path.write_bytes(content[:entry] + claimed + content[entry + 4 :])
    with pytest.raises(ValueError, match="dataset '.*huge.npz' is damaged: the header of x_train declares"):
        data.source(path)


def test_python_objects_are_not_loaded(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, x_train=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(ValueError, match="evil.npz': x_train holds Python objects, .*allow_pickle=False"):
        read_array(path, "x_train")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(OSError, match="pipe.npz' is not a regular file."):
        data.source(tmp_path / "pipe.npz")


def test_what_is_wrong_with_the_values_names_the_file(tmp_path):
    np.savez(tmp_path / "nan.npz", x_train=np.full([2, 3], np.nan))
    with pytest.raises(ValueError, match="dataset '.*nan.npz': arrays must be finite"):
        data.source(tmp_path / "nan.npz")
