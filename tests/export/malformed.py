"""Requests that a server must refuse: tensors that no signature takes, and JSON that is no request."""

import numpy as np

from .model_requests import as_png, encode, smooth_images

IMAGES = smooth_images(np.random.default_rng(0), 2, (8, 8, 1))
PNGS = as_png(IMAGES)
COLOURS = smooth_images(np.random.default_rng(0), 1, (8, 8, 3))


def png(image, **options):
    return np.array([encode(image, "PNG", **options)], object)


def seeds(n):
    return np.zeros([n, 2], np.int32)


MALFORMED = {
    "seed of rank 1": ("sample", {"seed": seeds(2)[0], "temperature": np.ones(2, "f")}, "seed"),
    "seed of three": ("sample", {"seed": np.zeros([1, 3], "i"), "temperature": np.ones(1, "f")}, "seed"),
    "temperature of rank 2": (
        "sample",
        {"seed": seeds(2), "temperature": np.ones([2, 1], "f")},
        "temperature",
    ),
    "scalar temperature": ("sample", {"seed": seeds(1), "temperature": np.float32(1)}, "temperature"),
    "batches of 1 and 2": (
        "sample",
        {"seed": seeds(1), "temperature": np.ones(2, "f")},
        "seed, temperature must have one batch size",
    ),
    "NaN": (
        "sample",
        {"seed": seeds(2), "temperature": np.array([1, np.nan], "f")},
        "temperature must be finite and at least 0",
    ),
    "negative temperature": (
        "sample_to_png",
        {"seed": seeds(1), "temperature": np.array([-1], "f")},
        "temperature must be finite and at least 0",
    ),
    "images of rank 3": ("encode", {"images": IMAGES[0]}, "images"),
    "images of another size": ("log_prob", {"images": np.zeros([1, 8, 9, 1], "u1")}, "images"),
    "images in colour": ("reconstruct", {"images": COLOURS}, "images"),
    "infinite latents": (
        "decode",
        {"latents": np.full([1, 64], np.inf, "f")},
        "latents must be finite",
    ),
    "too few latents": ("decode", {"latents": np.zeros([1, 63], "f")}, "latents"),
    "no image at all": (
        "encode_from_png",
        {"image_bytes": np.array([b"hello"], object)},
        "image_bytes must hold a PNG or a JPEG",
    ),
    "no bytes at all": (
        "encode_from_png",
        {"image_bytes": np.array([b""], object)},
        "image_bytes must hold a PNG or a JPEG",
    ),
    "half a PNG": ("encode_from_png", {"image_bytes": np.array([PNGS[0][:60]], object)}, "image_bytes"),
    "a PNG of another size": (
        "log_prob_from_png",
        {"image_bytes": png(np.zeros([9, 8, 1], "u1"))},
        "image_bytes [9,8,1] is not compatible with expected shape [8,8,1]",
    ),
    "a PNG in colour": (
        "reconstruct_from_png",
        {"image_bytes": png(COLOURS[0])},
        "image_bytes [8,8,3] is not compatible with expected shape [8,8,1]",
    ),
    "one good PNG and one bad": (
        "encode_from_png",
        {"image_bytes": np.array([PNGS[0], PNGS[1][:-30]], object)},
        "image_bytes",
    ),
    "rank of the bytes": ("encode_from_png", {"image_bytes": PNGS[:, None]}, "image_bytes"),
    "bytes for numbers": ("encode", {"images": PNGS}, "images"),
    "a missing input": ("sample", {"seed": seeds(1)}, "temperature"),
}

NO_REQUESTS = [
    b"", b"{", b"[]", b"null", b"[" * 100_000, b"{}",
    {"inputs": {}, "instances": []},
    {"signature_name": "sample", "inputs": {"seed": [[0, 0]], "temperature": [1.0], "colour": [1]}},
    {"signature_name": "sample", "inputs": {"sed": [[0, 0]], "temperature": [1.0]}},
    {"signature_name": "sample", "instances": [{"seed": [0, 0], "temperature": 1, "colour": 1}]},
    {"signature_name": "sample", "instances": [{"seed": [0, 0]}, {"temperature": 1}]},
    {"signature_name": "sample", "instances": []},
    {"signature_name": "sample", "instances": 7},
    {"signature_name": "sample", "inputs": {"seed": [[0.5, 0]], "temperature": [1.0]}},
    {"signature_name": "sample", "inputs": {"seed": [[2**40, 0]], "temperature": [1.0]}},
    {"signature_name": "sample", "inputs": {"seed": [[True, False]], "temperature": [1.0]}},
    {"signature_name": "sample", "inputs": {"seed": [["0", 0]], "temperature": [1.0]}},
    {"signature_name": "sample", "inputs": {"seed": [[0, 0], [1]], "temperature": [1.0]}},
    {"signature_name": "sample", "inputs": {"seed": [], "temperature": []}},
    {"signature_name": "encode", "inputs": [{"b64": "AAAA"}]},
    {"signature_name": "encode_from_png", "inputs": [{"b64": 5}]},
    {"signature_name": "encode_from_png", "inputs": ["text"]},
    {"signature_name": ["sample"], "inputs": {}},
]  # fmt: skip
