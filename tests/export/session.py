"""An export as TF Serving has it: loaded by `tf.compat.v1.saved_model.loader` into a session, and no more."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2


class Session:
    """A loaded version of a model.

    Attributes:
      signatures: name -> SignatureDef.
    """

    def __init__(self, path: Path):
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], str(path))
        self.signatures = {
            name: signature
            for name, signature in meta_graph.signature_def.items()
            if not name.startswith("__")
        }
        self._callables = {}

    def run(self, signature: str, inputs: dict, outputs: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
        """Runs a signature, or the part of it that some outputs need.

        Python's own checks of shapes are left out, for a server has none.
        """
        definition = self.signatures[signature]
        outputs = outputs or tuple(definition.outputs)
        key = (signature, outputs)
        if key not in self._callables:
            self._callables[key] = self._callable(definition, outputs)
        arrays = [
            np.asarray(inputs[name], object if info.dtype == tf.string else None)
            for name, info in definition.inputs.items()
        ]
        return dict(zip(outputs, self._callables[key](*arrays), strict=True))

    def _callable(self, definition, outputs):
        return self._session._make_callable_from_options(
            config_pb2.CallableOptions(
                feed=[info.name for info in definition.inputs.values()],
                fetch=[definition.outputs[name].name for name in outputs],
            )
        )

    def close(self):
        self._session.close()
