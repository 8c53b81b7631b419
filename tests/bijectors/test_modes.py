"""tf.function and XLA give the values and gradients of eager mode."""

import pytest
import tensorflow as tf

from .cases import CASES, DISTINCT
from .measure import arguments, assert_close, eager, passes, value_and_gradients


@pytest.mark.parametrize("case", DISTINCT, ids=lambda case: case.name)
def test_xla_gives_the_eager_values_and_gradients(case):
    @tf.function(jit_compile=True, autograph=False)
    def run(*arguments):
        return value_and_gradients(case, *arguments)

    assert_close(run(*arguments(case)), eager(case), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_graph_of_any_batch_size_gives_the_eager_values(case):
    parameters, x, z = arguments(case)
    any_batch = [tf.TensorSpec([None, *value.shape[1:]], value.dtype) for value in (x, z)]

    @tf.function(input_signature=any_batch, autograph=False)
    def run(x, z):
        return passes(case.build(parameters), x, z, case.event_ndims)

    assert_close(run(x, z), eager(case)[0], rtol=1e-10, atol=1e-12)
