"""What an export holds: signatures, graphs that any TensorFlow runs, answers equal to Keras's."""

import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.tools import saved_model_cli

from latentzoo import export
from latentzoo.export import saving
from latentzoo.export.functions import compile_signatures
from latentzoo.zoo.flows import RealNVP

from .model_requests import answer_of_keras, answers_of_keras, assert_same, make
from .session import Session

SIGNATURES = {
    "sample": ({"seed", "temperature"}, {"images"}),
    "sample_to_png": ({"seed", "temperature"}, {"image_png_bytes"}),
    "log_prob": ({"images"}, {"log_prob", "bits_per_dim"}),
    "log_prob_from_png": ({"image_bytes"}, {"log_prob", "bits_per_dim"}),
    "bits_per_dim": ({"images", "seed"}, {"bits_per_dim"}),
    "bits_per_dim_from_png": ({"image_bytes", "seed"}, {"bits_per_dim"}),
    "encode": ({"images"}, {"latents"}),
    "encode_from_png": ({"image_bytes"}, {"latents"}),
    "decode": ({"latents"}, {"images"}),
    "decode_to_png": ({"latents"}, {"image_png_bytes"}),
    "reconstruct": ({"images"}, {"images"}),
    "reconstruct_from_png": ({"image_bytes"}, {"image_png_bytes"}),
}


# Signatures


def test_the_signatures_are_those_of_the_readme(session):
    found = {name: (set(s.inputs), set(s.outputs)) for name, s in session.signatures.items()}
    assert found == {**SIGNATURES, "serving_default": SIGNATURES["sample"]}


def test_the_batch_is_first_everywhere(session):
    for name, signature in session.signatures.items():
        for info in [*signature.inputs.values(), *signature.outputs.values()]:
            assert info.tensor_shape.dim[0].size == -1, name
            assert all(dim.size > 0 for dim in info.tensor_shape.dim[1:]), name


def test_a_flow_on_vectors_has_no_pictures(models_folder):
    session = Session(models_folder / "moons" / "1")
    of_images = {name for name in SIGNATURES if name.endswith("_png")} | {"bits_per_dim"}
    abilities = set(SIGNATURES) - of_images
    assert set(session.signatures) == {*abilities, "serving_default"}
    assert set(session.signatures["log_prob"].outputs) == {"log_prob"}


def test_images_with_other_channels_than_pictures_have_no_twins(make_glow):
    of_two, of_one = (
        compile_signatures(make_glow(image_shape=(4, 4, channels), levels=1, depth=1).serving_signatures())
        for channels in (2, 1)
    )
    assert {name for name in of_one if "png" not in name} == set(of_two) != set(of_one)


# The graph


@pytest.fixture(scope="module")
def nodes(exported):
    """Every node of the export, those of its functions included."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((exported / "saved_model.pb").read_bytes())
    (meta_graph,) = saved.meta_graphs
    graph = meta_graph.graph_def
    return [*graph.node, *(node for function in graph.library.function for node in function.node_def)]


def test_there_is_no_python_and_no_stateful_randomness(nodes):
    ops = {node.op for node in nodes}
    assert {"StatelessRandomNormalV2", "DecodeImage", "EncodePng"} <= ops  # the walk sees them
    random = {op for op in ops if "Random" in op and not op.startswith("Stateless")}
    assert not random
    assert not {op for op in ops if "PyFunc" in op or "Xla" in op or op.startswith("Rng")}


def test_nothing_is_in_float64(nodes):
    for node in nodes:
        assert not any(value.type == tf.float64.as_datatype_enum for value in node.attr.values()), node.name


def test_nothing_must_be_compiled(nodes):
    for node in nodes:
        assert not node.attr["_XlaMustCompile"].b, node.name


# Answers


@pytest.mark.parametrize("signature", SIGNATURES)
def test_answers_are_those_of_keras(signature, session, glow):
    inputs = make(glow, signature, 5)
    assert_same(session.run(signature, inputs), answer_of_keras(glow, signature, inputs))


def test_a_seed_gives_the_images_that_it_gives_in_keras(session, glow):
    seeds = np.array([[7, i] for i in range(4)], np.int32)
    inputs = {"seed": seeds, "temperature": np.ones(4, np.float32)}
    expected = {"images": np.floor(np.asarray(glow.sample(4, seed=7)) * 256).clip(0, 255).astype(np.uint8)}
    assert_same(session.run("serving_default", inputs), expected, step=0)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_row_is_answered_alike_in_every_batch(signature, session, glow):
    inputs = make(glow, signature, 6)
    together = session.run(signature, inputs)
    for rows in ([0], [3], [5, 0, 3], [2, 2, 2, 2], [4, 3, 2, 1, 0, 5, 5, 5]):
        answer = session.run(signature, {name: values[rows] for name, values in inputs.items()})
        assert_same(answer, {name: values[rows] for name, values in together.items()}, 1e-6, step=0)


VARIANTS = {
    "conditional, reversible, five bits in color": {
        "num_classes": 3,
        "reversible": True,
        "num_bits": 5,
        "image_shape": (4, 4, 3),
    },
    "bfloat16": {"dtype": "mixed_bfloat16"},
}


def tuned():
    """A flow on vectors after plain Keras has trained it."""
    model = RealNVP(event_shape=(2,), depth=2, width=8)
    before = model.get_weights()
    model.compile(optimizer=keras.optimizers.Adam(1e-2), run_eagerly=True)
    points = np.random.default_rng(2).normal(size=[16, 2]).astype(np.float32)
    model.fit(points, batch_size=8, verbose=0)
    assert any(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))
    return model


def trained_by_two(mirrored_strategy):
    """A flow on vectors that two replicas have trained."""
    points = np.random.default_rng(0).normal(size=[64, 2]).astype(np.float32)
    with mirrored_strategy.scope():
        model = RealNVP(event_shape=(2,), depth=2, width=8)
        model.compile(optimizer=keras.optimizers.SGD(1e-2), run_eagerly=True)
    model.fit(tf.data.Dataset.from_tensor_slices(points).batch(32), verbose=0)
    assert model.optimizer.iterations == 2
    return model


@pytest.mark.parametrize("variant", [*VARIANTS, "fine-tuned", "two replicas"])
def test_every_kind_of_model_is_exported_alike(variant, make_glow, mirrored_strategy, tmp_path):
    if variant == "fine-tuned":
        model = tuned()
    elif variant == "two replicas":
        model = trained_by_two(mirrored_strategy)
    else:
        model = make_glow(**{"levels": 1, "depth": 1, **VARIANTS[variant]})
    session = Session(export.saved_model(model, tmp_path / "model"))
    requests = {name: make(model, name, 3) for name in set(session.signatures) - {"serving_default"}}
    for signature, answer in answers_of_keras(model, requests).items():
        assert_same(session.run(signature, requests[signature]), answer)


# Other ways to run it


def test_tensorflow_loads_it(exported, glow):
    loaded = tf.saved_model.load(exported)
    inputs = make(glow, "sample", 3)
    expected = answer_of_keras(glow, "sample", inputs)
    tensors = {name: tf.constant(values) for name, values in inputs.items()}
    for function in (loaded.signatures["sample"], loaded.sample):
        answer = {name: values.numpy() for name, values in function(**tensors).items()}
        assert_same(answer, expected)


@pytest.mark.parametrize("signature", ["log_prob", "sample"])
def test_a_layer_of_keras_runs_it(signature, exported, glow):
    layer = keras.layers.TFSMLayer(exported, call_endpoint=signature)
    inputs = make(glow, signature, 3)
    first, *others = (tf.constant(values) for values in inputs.values())
    answer = layer(first, **dict(zip(list(inputs)[1:], others, strict=True)))
    expected = answer_of_keras(glow, signature, inputs)
    assert_same({name: values.numpy() for name, values in answer.items()}, expected)


def run_cli(*arguments) -> None:
    parsed = saved_model_cli.create_parser().parse_args([*map(str, arguments)])
    parsed.func()


def test_saved_model_cli_shows_and_runs_it(exported, glow, tmp_path, capsys):
    choice = ["--dir", exported, "--tag_set", "serve", "--signature_def", "sample"]
    run_cli("show", *choice)
    shown = capsys.readouterr().out
    assert "inputs['seed'] tensor_info:" in shown and "outputs['images'] tensor_info:" in shown
    expressions = "seed=[[5, 0], [5, 1]];temperature=[0.5, 0.5]"
    run_cli("run", *choice, "--input_exprs", expressions, "--outdir", tmp_path)
    expected = np.floor(np.asarray(glow.sample(2, seed=5, temperature=0.5)) * 256).astype(np.uint8)
    assert_same({"images": np.load(tmp_path / "images.npy")}, {"images": expected})


# Versions


def test_the_next_version_is_taken(quick_save, moons, tmp_path):
    base = tmp_path / "new" / "moons"
    assert [export.saved_model(moons, base).name for _ in range(2)] == ["1", "2"]
    assert export.saved_model(moons, base, version=10).name == "10"
    (base / "notes").mkdir()
    assert export.saved_model(moons, base).name == "11"


def test_a_version_that_is_there_is_refused_and_kept(quick_save, moons, tmp_path):
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "saved_model.pb").write_bytes(b"old")
    with pytest.raises(FileExistsError) as error:
        export.saved_model(moons, tmp_path, version=3)
    assert (
        str(error.value) == f"version 3 exists in '{tmp_path}', expected another version or overwrite=True."
    )
    assert (tmp_path / "3" / "saved_model.pb").read_bytes() == b"old"
    export.saved_model(moons, tmp_path, version=3, overwrite=True)
    assert (tmp_path / "3" / "saved_model.pb").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["3"]


@pytest.mark.usefixtures("quick_save")
def test_two_exports_at_once_are_two_versions(moons, tmp_path):
    threads = [threading.Thread(target=export.saved_model, args=(moons, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_server_never_sees_half_a_version(overwrite, moons, tmp_path, monkeypatch):
    if overwrite:
        (tmp_path / "1").mkdir()
        (tmp_path / "1" / "saved_model.pb").write_bytes(b"old")

    def fail(model, folder):
        (folder / "saved_model.pb").write_bytes(b"half")
        seen = [path for path in tmp_path.iterdir() if path.name.isdecimal()]
        assert [path.name for path in seen] == (["1"] if overwrite else [])
        raise OSError("the disk is full")

    monkeypatch.setattr(saving, "_write", fail)
    with pytest.raises(OSError, match="the disk is full"):
        export.saved_model(moons, tmp_path, version=1, overwrite=overwrite)
    left = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.pb")}
    assert left == ({"1/saved_model.pb": b"old"} if overwrite else {})
    assert len(list(tmp_path.iterdir())) == overwrite


def test_errors(moons, tmp_path):
    (tmp_path / "file").write_text("")
    for options, message in [
        ({"version": 0}, "version is 0, expected an integer of at least 1."),
        ({"base_path": tmp_path / "file"}, f"'{tmp_path / 'file' / '1'}' cannot be written: File exists."),
        ({"model": "glow"}, "model is of type str, expected a model of latentzoo.zoo."),
    ]:
        with pytest.raises((ValueError, OSError)) as error:
            export.saved_model(**{"model": moons, "base_path": tmp_path / "new", **options})
        assert str(error.value) == message
    assert not (tmp_path / "new").exists()


def test_importing_the_package_does_not_import_tensorflow():
    script = "import sys; from latentzoo.export import client; print(sorted(sys.modules))"
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "'tensorflow'" not in printed and "'latentzoo.export.client'" in printed


def test_what_the_package_does_not_have():
    with pytest.raises(AttributeError, match="has no attribute 'onnx'"):
        _ = export.onnx
