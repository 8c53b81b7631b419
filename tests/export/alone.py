"""Asks exports in a process that has TensorFlow, and can import neither Keras, TFP nor latentzoo.

    python alone.py FOLDER REQUESTS.npz ANSWERS.npz [FOLDER REQUESTS.npz ANSWERS.npz ...]

An array of REQUESTS.npz is called "signature/input"; one of ANSWERS.npz, "signature/output". Bytes are
kept as uint8 arrays "signature/name/row".
"""

import sys

import numpy as np

FOREIGN = ("keras", "tf_keras", "tensorflow_probability", "latentzoo")


def load(path) -> dict[str, dict[str, np.ndarray]]:
    """Requests or answers by signature."""
    by_signature = {}
    with np.load(path) as arrays:
        for key in arrays.files:
            signature, name, *row = key.split("/")
            values = by_signature.setdefault(signature, {})
            if row:
                values.setdefault(name, []).append(arrays[key].tobytes())
            else:
                values[name] = arrays[key]
    return {
        signature: {name: np.array(v, object) if isinstance(v, list) else v for name, v in values.items()}
        for signature, values in by_signature.items()
    }


def save(path, by_signature: dict[str, dict[str, np.ndarray]]) -> None:
    arrays = {}
    for signature, values in by_signature.items():
        for name, array in values.items():
            if array.dtype == object:
                rows = {f"{signature}/{name}/{i}": np.frombuffer(b, np.uint8) for i, b in enumerate(array)}
                arrays.update(rows)
            else:
                arrays[f"{signature}/{name}"] = array
    np.savez(path, **arrays)


if __name__ == "__main__":
    # From here on, to import one is an error. (TensorFlow by itself imports Keras, if it is there.)
    assert not set(FOREIGN) & set(sys.modules)
    sys.modules.update(dict.fromkeys(FOREIGN))
    from session import Session

    for folder, requests, answers in zip(*[iter(sys.argv[1:])] * 3, strict=True):
        session = Session(folder)
        save(answers, {name: session.run(name, inputs) for name, inputs in load(requests).items()})
        session.close()
