"""Requests for any export, and what Keras answers to them."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image


def make(model, signature: str, n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """`n` rows for a signature of a model."""
    rng = np.random.default_rng([seed, n])
    asked = _without_png(signature)
    (declared,) = (declared for declared in model.serving_signatures() if declared.name == asked)
    inputs = {name: _values(rng, model, name, taken.shape, n) for name, taken in declared.inputs.items()}
    if signature.endswith("_from_png"):
        inputs["image_bytes"] = as_png(inputs.pop("images"))
    return inputs


def _without_png(signature):
    return signature.removesuffix("_from_png").removesuffix("_to_png")


def _values(rng, model, name, shape, n):
    match name:
        case "images":
            return smooth_images(rng, n, shape)
        case "seed":
            return rng.integers(-(2**31), 2**31, [n, 2]).astype(np.int32)
        case "labels":
            return rng.integers(0, model.num_classes, n).astype(np.int32)
        case "crossover":
            return rng.integers(0, model.num_ws + 1, n).astype(np.int32)
        case "temperature" | "truncation":
            return rng.uniform(0, 1.1, n).astype(np.float32)
    return rng.normal(size=[n, *shape]).astype(np.float32)


def smooth_images(rng, n, image_shape) -> np.ndarray:
    """uint8 images with a slope in every direction and some noise: not all alike, nothing saturated."""
    height, width, channels = image_shape
    y, x = np.linspace(-1, 1, height)[:, None, None], np.linspace(-1, 1, width)[None, :, None]
    slopes = rng.uniform(-40, 40, [n, 2, 1, 1, channels])
    images = 128 + slopes[:, 0] * y + slopes[:, 1] * x + rng.normal(0, 8, [n, *image_shape])
    return images.round().clip(0, 255).astype(np.uint8)


def as_png(images) -> np.ndarray:
    """PNG bytes `[N]` of uint8 images."""
    return np.array([encode(image, "PNG") for image in images], object)


def encode(image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(buffer, kind, **options)
    return buffer.getvalue()


def decode(image_bytes) -> np.ndarray:
    """uint8 images `[N, H, W, C]` of encoded bytes `[N]`."""
    images = np.stack([np.asarray(Image.open(io.BytesIO(contents))) for contents in image_bytes])
    return images[..., None] if images.ndim == 3 else images


def answer_of_keras(model, signature: str, inputs: dict) -> dict[str, np.ndarray]:
    """The outputs that an export must give: by the model's own methods, images quantised."""
    # Tracing takes longer than one call. (But eagerly, bfloat16 is rounded in other places.)
    tf.config.run_functions_eagerly(model.dtype_policy.compute_dtype == "float32")
    try:
        return _answer(model, signature, dict(inputs))
    finally:
        tf.config.run_functions_eagerly(False)


def answers_of_keras(model, requests: dict[str, dict]) -> dict[str, dict[str, np.ndarray]]:
    """The answers to requests by signature. One of PNGs asks what its twin does, so Keras answers once."""
    answers = {}
    for signature in sorted(requests, key=len):  # a twin has the longer name
        inputs, asked = requests[signature], _without_png(signature)
        if asked == signature:
            answers[signature] = answer_of_keras(model, signature, inputs)
            continue
        _assert_same_request(inputs, requests[asked])
        answer = answers[asked]
        pictures = "images" in answer
        answers[signature] = {"image_png_bytes": as_png(answer["images"])} if pictures else answer
    return answers


def _assert_same_request(twin, inputs):
    twin = {**twin}
    if "image_bytes" in twin:
        twin["images"] = decode(twin.pop("image_bytes"))
    assert set(twin) == set(inputs) and all(np.array_equal(twin[name], inputs[name]) for name in twin)


def _answer(model, signature, inputs):
    name = _without_png(signature)
    if "image_bytes" in inputs:
        inputs["images"] = decode(inputs.pop("image_bytes"))
    labels = inputs.pop("labels", None)
    if name == "sample":
        # Of a flow or a VAE the temperature, of a style model the truncation, of a plain GAN nothing.
        seeds, *scales = inputs.values()
        rows = [
            model.sample(1, seed[None], *(float(scale[i]) for scale in scales), labels=_row(labels, i))[0]
            for i, seed in enumerate(seeds)
        ]
        return _named(model, signature, np.stack(rows))
    if name in ("mapping", "map"):
        rows = np.stack(
            [
                model.mapping(z[None], _row(labels, i), float(inputs["truncation"][i]))[0]
                for i, z in enumerate(inputs["latents"])
            ]
        )
        return {"w": rows} if name == "mapping" else {"styles": rows.reshape(len(rows), -1)}
    if name in ("synthesis", "synthesize"):
        return _named(model, signature, np.asarray(_synthesize(model, *inputs.values())))
    if name == "style_mix":
        first = np.arange(model.num_ws) < inputs["crossover"][:, None]
        first = np.repeat(first, model.w_dim, axis=1)
        mixed = np.where(first, inputs["styles"], inputs["other_styles"])
        return _named(model, signature, np.asarray(_synthesize(model, mixed)))
    if name == "elbo":
        reconstruction, kl = model.elbo_parts(inputs["images"], inputs["seed"], labels)
        return {"elbo": np.asarray(reconstruction - kl), "kl": np.asarray(kl)}
    if name == "bits_per_dim":
        return {"bits_per_dim": np.asarray(model.bits_per_dim(**inputs, labels=labels))}
    (values,) = inputs.values()
    if name == "encode":
        return {"latents": np.asarray(model.encode(values, labels))}
    if name == "log_prob":
        scores = {"log_prob": np.asarray(model.log_prob(values, labels))}
        if len(model.event_shape) == 3:
            seeds = np.zeros([len(values), 2], np.int32)
            scores["bits_per_dim"] = np.asarray(model.bits_per_dim(values, seeds, labels))
        return scores
    return _named(model, signature, np.asarray(getattr(model, name)(values, labels)))


def _row(labels, i):
    return None if labels is None else labels[i : i + 1]


def _synthesize(model, styles):
    return model.synthesis(styles.reshape(-1, model.num_ws, model.w_dim), noise="const")


def _named(model, signature, events):
    if len(model.event_shape) == 1:
        return {"vectors": events}
    images = np.floor(events.astype(np.float64) * 256).clip(0, 255).astype(np.uint8)
    if signature.endswith("_png"):
        return {"image_png_bytes": as_png(images)}
    return {"images": images}


def size_of_export(folder) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def assert_same(answer: dict, expected: dict, tolerance: float = 1e-5, step: int = 1) -> None:
    """Floats to `tolerance` of the largest of the row, bytes to `step`."""
    assert set(answer) == set(expected)
    for name, values in expected.items():
        found = answer[name]
        assert len(found) == len(values)
        if name == "image_png_bytes":
            found, values = decode(found), decode(values)
        assert found.dtype == values.dtype and found.shape == values.shape
        if values.dtype == np.uint8:
            assert np.abs(found.astype(int) - values).max() <= step, name
        else:
            rows = values.reshape(len(values), -1)
            error = np.abs(found.reshape(rows.shape) - rows).max(axis=1)
            np.testing.assert_array_less(error, tolerance * np.abs(rows).max(axis=1) + 1e-30, name)
