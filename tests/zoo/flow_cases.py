"""Every flow of the zoo in each of its kinds: what the contract in test_flow_contract.py runs over.

A new flow gets a function in tests/tiny.py and at least one row here, two if it takes classes.
"""

import pytest

from .. import tiny

OF_IMAGES = {
    # The first two differ in nothing but how gradients are computed.
    "plain": (tiny.glow, {}),
    "reversible": (tiny.glow, {"reversible": True}),
    "additive": (tiny.glow, {"coupling": "additive", "permutation": "shuffle", "num_bits": 5}),
    "conditional": (tiny.glow, {"num_classes": 10, "permutation": "reverse"}),
    "equalized": (tiny.glow, {"preprocess": "equalize"}),
    "bfloat16": (tiny.glow, {"dtype": "mixed_bfloat16"}),
    "realnvp": (tiny.realnvp, {}),
    "conditional realnvp": (tiny.realnvp, {"num_classes": 10}),
}
OF_VECTORS = {
    "realnvp of vectors": (tiny.realnvp_of_vectors, {}),
    "conditional realnvp of vectors": (tiny.realnvp_of_vectors, {"num_classes": 2}),
}
FLOWS = {**OF_IMAGES, **OF_VECTORS}
# What `make quick` runs over: of each flow one kind, with classes and without.
QUICK = {"plain", "conditional", "realnvp", "realnvp of vectors", "conditional realnvp of vectors"}
CONDITIONAL = [name for name, (_, options) in FLOWS.items() if "num_classes" in options]


def parameters(names) -> list:
    """The names as parameters of a fixture, those that are not QUICK marked as slow."""
    return [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in names]
