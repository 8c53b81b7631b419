"""What signatures declare is what their functions give, eagerly and exported, for a model of each family."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo.export.checks import check, check_outputs
from latentzoo.export.functions import compile_signatures
from latentzoo.zoo import signatures
from latentzoo.zoo.signatures import STANDARD, Signature

from .conftest import MODELS
from .model_requests import make
from .session import Session

BATCH = 3


@pytest.fixture(scope="module", params=MODELS)
def family(request):
    return request.param


def test_a_function_gives_what_is_declared(family, models, eager_test):
    for signature in models[family].serving_signatures():
        inputs = make(models[family], signature.name, BATCH)
        tensors = {name: tf.constant(values) for name, values in inputs.items()}
        outputs = signature.function(*check(tensors, signature.inputs))
        assert list(outputs) == list(signature.outputs), signature.name
        for name, info in signature.outputs.items():
            values = outputs[name].numpy()
            assert (values.dtype, values.shape) == (info.dtype, (BATCH, *info.shape)), (signature.name, name)
            assert info.minimum is None or info.contains(values).all()


def test_an_export_has_what_is_declared(family, models, exports):
    """The declarations, those of the twins on encoded images too, need no trace."""
    declared = {
        name: made for name, (made, _) in compile_signatures(models[family].serving_signatures()).items()
    }
    served = Session(exports / family / "1").signatures
    assert set(served) == {*declared, "serving_default"}
    for name, signature in declared.items():
        for tensors, infos in (
            (signature.inputs, served[name].inputs),
            (signature.outputs, served[name].outputs),
        ):
            found = {
                key: (tf.as_dtype(info.dtype), [dim.size for dim in info.tensor_shape.dim])
                for key, info in infos.items()
            }
            expected = {key: (tf.as_dtype(info.dtype), [-1, *info.shape]) for key, info in tensors.items()}
            assert found == expected, name


def test_one_name_means_one_thing(family, models):
    for signature in models[family].serving_signatures():
        if not signature.replaced_by:
            for name, info in {**signature.inputs, **signature.outputs}.items():
                assert (info.meaning, info.dtype) == (STANDARD[name].meaning, STANDARD[name].dtype)


def test_signatures_are_called_as_methods_are(family, models):
    for signature in models[family].serving_signatures():
        assert signature.replaced_by or callable(getattr(models[family], signature.name))


@pytest.mark.parametrize("labels", [-1, 3])
def test_labels_are_checked(labels, models, exports):
    session = Session(exports / "flow" / "1")
    inputs = {**make(models["flow"], "encode", 2), "labels": np.array([0, labels], np.int32)}
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels must be at least 0 and below 3, got"):
        session.run("encode", inputs)


@pytest.mark.parametrize(
    "outputs",
    [
        {},
        {"latents": tf.zeros([2, 4])},
        {"latents": tf.zeros([2, 3], tf.int32)},
        {"latents": tf.zeros([2, 3]), "more": tf.zeros([2])},
    ],
)
def test_other_outputs_than_declared_are_an_error(outputs):
    signature = Signature("encode", signatures.images((4, 4, 1)), signatures.encoded(3), lambda _: outputs)
    with pytest.raises(
        ValueError, match=r"^encode gives .*, expected its declared outputs: encode\(images u"
    ):
        check_outputs(signature, outputs)


def test_a_declaration_in_words():
    signature = Signature("decode", signatures.latents(3), signatures.images((8, 8, 1)), lambda _: {})
    assert str(signature) == "decode(latents float32 [B, 3]) -> images uint8 [B, 8, 8, 1]"
    known = {**signatures.latents(3), **signatures.vectors(2), **signatures.labels(3), **signatures.seeds()}
    assert {name: info.expected for name, info in known.items()} == {
        "latents": "finite and at least -1e+06 and at most 1e+06",
        "vectors": "finite",
        "labels": "at least 0 and below 3",
        "seed": "",
    }
    values = np.array([0, np.nan, np.inf, -2e6, 1e6], np.float32)
    assert known["latents"].contains(values).tolist() == [True, False, False, False, True]
    assert known["vectors"].contains(values).tolist() == [True, False, False, True, True]
