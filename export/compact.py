"""Shortens operation names in a saved graph: they make up most of the file of a deep model."""

from pathlib import Path

from tensorflow.core.framework import function_pb2
from tensorflow.core.protobuf import saved_model_pb2


def shorten_names(folder: Path) -> None:
    """Rewrites `saved_model.pb`: operations inside functions keep only the last part of their names.

    Names such as `invertible_conv/inverse/MatMul` become `MatMul`, `MatMul_1`, ...; nothing outside a
    function refers to its operations. The names of signatures, inputs and outputs do not change.
    """
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in saved.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            _shorten_in_function(function)
    path.write_bytes(saved.SerializeToString(deterministic=True))
    # A hash of the original file; loaders do not require it.
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def _shorten_in_function(function: function_pb2.FunctionDef) -> None:
    """Shortens the nodes of a function, whose inputs are "argument", "node:output:index" or "^node"."""
    short = _short_names(function)

    def renamed(reference):
        node, *output = reference.removeprefix("^").split(":")
        caret = "^" if reference.startswith("^") else ""
        return caret + ":".join([short.get(node, node), *output])

    for node in function.node_def:
        node.name = short[node.name]
        node.input[:] = [renamed(reference) for reference in node.input]
        node.attr.pop("_class", None)  # colocation constraints, which contain names
        node.attr.pop("_output_shapes", None)  # TensorFlow infers them
    for returned in (function.ret, function.control_ret):
        for key, reference in list(returned.items()):
            returned[key] = renamed(reference)


def _short_names(function):
    """Maps each node's name to the last part of it, with a number if that is taken."""
    taken = {argument.name for argument in function.signature.input_arg}
    counts, short = {}, {}
    for node in function.node_def:
        last = name = node.name.rsplit("/", 1)[-1]
        while name in taken:
            counts[last] = counts.get(last, 0) + 1
            name = f"{last}_{counts[last]}"
        taken.add(name)
        short[node.name] = name
    return short
