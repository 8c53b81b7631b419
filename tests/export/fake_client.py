"""A client with a server in itself, and the signatures of that."""

import numpy as np

from latentzoo.export import client
from latentzoo.export.client.errors import Refused, TooLarge

I4, F4, U1 = np.dtype("i4"), np.dtype("f4"), np.dtype("u1")
IMAGES = {"images": (U1, (-1, 2, 2, 1))}
LATENTS = {"latents": (F4, (-1, 4))}
SEED = {"seed": (I4, (-1, 2))}
TEMPERATURE = {"temperature": (F4, (-1,))}
SIGNATURES = {
    "sample": {"inputs": {**SEED, **TEMPERATURE, "labels": (I4, (-1,))}, "outputs": IMAGES},
    "encode": {"inputs": IMAGES, "outputs": LATENTS},
    "decode": {"inputs": LATENTS, "outputs": IMAGES},
    "style_mix": {
        "inputs": {"styles": (F4, (-1, 6)), "other_styles": (F4, (-1, 6)), "crossover": (I4, (-1,))},
        "outputs": IMAGES,
    },
}
W = {"w": (F4, (-1, 3, 2))}
OF_STYLES = {
    "mapping": {"inputs": {**LATENTS, "truncation": (F4, (-1,))}, "outputs": W},
    "synthesis": {"inputs": W, "outputs": IMAGES},
}


class Fake(client.Client):
    """A server in the client itself, whose images are the low byte of each row's second seed."""

    signatures = SIGNATURES

    def __init__(self, largest=64, bad_neighbours=False):
        super().__init__("fake", "here:1")
        self.largest, self.bad_neighbours = largest, bad_neighbours
        self.asked = []

    def close(self):
        pass

    def predict(self, signature, inputs):
        n = len(next(iter(inputs.values())))
        self.asked.append((signature, n, inputs))
        if n > self.largest:
            raise TooLarge(f"Task size {n} is larger than {self.largest}")
        if self.bad_neighbours and n < self.largest:
            raise Refused("temperature must be finite and at least 0, got nan")
        if signature == "encode":
            return {"latents": inputs["images"].reshape(n, 4).astype("f4")}
        rows = inputs["seed"][:, 1] if signature == "sample" else np.arange(n)
        return {"images": np.broadcast_to(rows[:, None, None, None], [n, 2, 2, 1]).astype("u1")}
