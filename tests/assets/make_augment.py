"""Writes augment/official.npz: images augmented by the official code of ADA, and what random numbers it drew.

    git clone https://github.com/NVlabs/stylegan2-ada-pytorch
    PYTHONPATH=stylegan2-ada-pytorch python tests/assets/make_augment.py

It needs PyTorch (2.13 was used), which the tests do not. Each image is a batch of its own, since the official
code continues all images of a batch as far as one of them needs it.
"""

import math
from pathlib import Path

import numpy as np
import torch
from training.augment import AugmentPipe

BLIT = ["xflip", "rotate90", "xint"]
GEOMETRY = ["scale", "rotate", "aniso", "xfrac"]
COLOUR = ["brightness", "contrast", "lumaflip", "hue", "saturation"]
SHAPES = {"colour": (3, 24, 32), "grey": (1, 24, 32)}


def recorded(pipe, image):
    """The image [C, H, W] through the pipeline, and its random numbers in their order."""
    record = []

    def recording(draw):
        def drawn(shape, **options):
            record.append(draw(shape, **options))
            return record[-1]

        return drawn

    rand, randn = torch.rand, torch.randn
    torch.rand, torch.randn = recording(rand), recording(randn)
    try:
        result = pipe(image[None])[0]
    finally:
        torch.rand, torch.randn = rand, randn
    return result, iter([values[0].squeeze().numpy().astype(np.float64) for values in record])


def named(record, pipe, is_colour):
    """The random numbers by our names, each with the probability that chose it or not."""
    p = float(pipe.p)

    def chosen(values, otherwise=0.0, probability=p):
        return values if next(record) < probability else np.full_like(values, otherwise)

    def factor(deviation):
        return chosen(2 ** (deviation * next(record)), 1.0)

    p_rotation = 1 - math.sqrt(1 - p)
    draws = {
        "flip": chosen(np.floor(2 * next(record))),
        "quarter_turns": chosen(np.floor(4 * next(record))),
        "shift": chosen((2 * next(record) - 1) * pipe.xint_max),
        "scale": factor(pipe.scale_std),
        "rotation_before": chosen(math.pi * (2 * next(record) - 1), 0.0, p_rotation),
        "stretch": factor(pipe.aniso_std),
        "rotation_after": chosen(math.pi * (2 * next(record) - 1), 0.0, p_rotation),
        "drift": chosen(pipe.xfrac_std * next(record)),
        "brightness": chosen(pipe.brightness_std * next(record)),
        "contrast": factor(pipe.contrast_std),
        "luma_flip": chosen(np.floor(2 * next(record))),
        "hue": chosen(math.pi * (2 * next(record) - 1)) if is_colour else np.zeros([]),
        "saturation": factor(pipe.saturation_std) if is_colour else np.ones([]),
        "band_gains": np.array([factor(pipe.imgfilter_std) for _ in range(4)]),
    }
    if pipe.noise:
        level = np.abs(chosen(pipe.noise_std * next(record)))
        draws["noise"] = (level * next(record))[..., None]
    draws["cutout_size"] = chosen(np.float64(pipe.cutout_size))
    draws["cutout_centre"] = next(record)
    assert next(record, None) is None
    return draws


def main():
    torch.manual_seed(0)
    arrays = {}
    for kind, shape in SHAPES.items():
        is_colour = kind == "colour"
        image = torch.rand(shape) * 2 - 1
        arrays[f"{kind}/image"] = image.numpy().transpose(1, 2, 0)

        groups = BLIT + GEOMETRY + COLOUR + ["imgfilter", "cutout"] + ([] if is_colour else ["noise"])
        pipe = AugmentPipe(**dict.fromkeys(groups, 1))
        pipe.p.fill_(0.8)
        results = [recorded(pipe, image) for _ in range(10 if is_colour else 6)]
        rows = [named(record, pipe, is_colour) for _, record in results]
        for name in rows[0]:
            arrays[f"{kind}/draws/{name}"] = np.stack([row[name] for row in rows]).astype(np.float32)
        arrays[f"{kind}/drawn"] = torch.stack([result for result, _ in results]).numpy().transpose(0, 2, 3, 1)

        # All of its draws at one percentile: the official code's own mode for tests.
        pipe = AugmentPipe(**dict.fromkeys(BLIT + GEOMETRY + COLOUR, 1))
        percentiles = np.float32([0.1, 0.3, 0.45, 0.6, 0.9])
        results = [pipe(image[None], debug_percentile=percentile)[0] for percentile in percentiles]
        arrays[f"{kind}/percentiles"] = percentiles
        arrays[f"{kind}/at_percentiles"] = torch.stack(results).numpy().transpose(0, 2, 3, 1)
    np.savez_compressed(Path(__file__).parent / "augment" / "official.npz", **arrays)


if __name__ == "__main__":
    main()
