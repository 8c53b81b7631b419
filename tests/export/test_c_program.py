"""A C program runs an export: no Python at all."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

PROGRAM = Path(__file__).with_name("run_sample.c")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program, linked with the TensorFlow library that is in the Python package."""
    assert shutil.which("gcc"), "this test needs a C compiler: apt-get install gcc libc6-dev"
    package = Path(tf.__file__).parent
    libraries = [package / "libtensorflow_cc.so.2", package / "libtensorflow_framework.so.2"]
    made = tmp_path_factory.mktemp("program") / "run_sample"
    options = ["-Wall", "-Werror", f"-I{tf.sysconfig.get_include()}", f"-Wl,-rpath,{package}"]
    subprocess.run(["gcc", *options, PROGRAM, "-o", made, *libraries], check=True)
    return made


def test_it_draws_the_image_that_keras_draws(program, exported, session, glow):
    signature = session.signatures["sample"]
    names = [signature.inputs["seed"].name, signature.inputs["temperature"].name]
    names.append(signature.outputs["images"].name)
    assert all(name.endswith(":0") for name in names)
    operations = [name.removesuffix(":0") for name in names]
    command = [program, exported, *operations, "12", "-3", "0.7"]
    printed = subprocess.run(command, check=True, capture_output=True).stdout
    expected = np.asarray(glow.sample(1, np.array([[12, -3]], np.int32), 0.7))
    expected = np.floor(expected * 256).clip(0, 255).astype(int).reshape(-1)
    drawn = np.frombuffer(printed, np.uint8).astype(int)
    assert drawn.shape == expected.shape and np.abs(drawn - expected).max() <= 1
    assert drawn.std() > 1  # not a blank image
