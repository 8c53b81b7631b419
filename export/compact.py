"""Short names in a saved graph: most of the file of a deep model is the names of its operations."""

from pathlib import Path

from tensorflow.core.framework import function_pb2
from tensorflow.core.protobuf import saved_model_pb2


def shorten_names(folder: Path) -> None:
    """Rewrites `saved_model.pb`: operations inside functions keep the last part of their names.

    `invertible_conv/inverse/MatMul` and its like become `MatMul`, `MatMul_1`, ...; nobody refers to an
    operation inside a function, and the names of signatures, inputs and outputs are as they were.
    """
    path = folder / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    for meta_graph in saved.meta_graphs:
        for function in meta_graph.graph_def.library.function:
            _shorten_in_function(function)
    path.write_bytes(saved.SerializeToString(deterministic=True))
    # A hash of the file as it was; optional to those who load it.
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def _shorten_in_function(function: function_pb2.FunctionDef) -> None:
    """In a function an input is "argument", "node:output:index" or "^node"."""
    short = _short_names(function)

    def renamed(reference):
        node, *output = reference.removeprefix("^").split(":")
        caret = "^" if reference.startswith("^") else ""
        return caret + ":".join([short.get(node, node), *output])

    for node in function.node_def:
        node.name = short[node.name]
        node.input[:] = [renamed(reference) for reference in node.input]
        node.attr.pop("_class", None)  # what is to be placed together, by name
        node.attr.pop("_output_shapes", None)  # TensorFlow infers them
    for returned in (function.ret, function.control_ret):
        for key, reference in list(returned.items()):
            returned[key] = renamed(reference)


def _short_names(function):
    """The name of each node -> the last part of it, with a number where that is taken."""
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
