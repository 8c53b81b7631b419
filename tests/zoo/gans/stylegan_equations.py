"""The first StyleGAN's networks as equations, in NumPy."""

import numpy as np


def lrelu(x):
    # TensorFlow keeps the slope in float32.
    return np.where(x > 0, x, np.float32(0.2) * x)


def conv(x, kernel):
    """What TensorFlow calls a convolution, of the same size."""
    size, height, width = len(kernel), *x.shape[1:3]
    padded = np.pad(x, [(0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)])
    return sum(
        padded[:, i : i + height, j : j + width] @ kernel[i, j] for i in range(size) for j in range(size)
    )


def blur(x):
    for axis in (1, 2):
        padding = [(1, 1) if k == axis else (0, 0) for k in range(4)]
        padded, length = np.pad(x, padding), x.shape[axis]
        parts = [np.take(padded, range(k, k + length), axis) for k in range(3)]
        x = (parts[0] + 2 * parts[1] + parts[2]) / 4
    return x


def doubled(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def halved(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def he(kernel):
    return kernel * np.sqrt(2 / np.prod(kernel.shape[:-1]))


def layer(weights, name, x, w, noise):
    """A layer of the synthesis: convolution, blur, noise, bias, leaky ReLU, instance norm, style."""
    if name.endswith("Const"):
        y = np.tile(weights[f"{name}.const"], [len(w), 1, 1, 1])
    elif name.endswith("Conv0_up"):
        y = blur(conv(doubled(x), he(weights[f"{name}.weight"])))
    else:
        y = conv(x, he(weights[f"{name}.weight"]))
    y = lrelu(y + noise * weights[f"{name}.Noise.weight"] + weights[f"{name}.bias"])
    y -= y.mean(axis=(1, 2), keepdims=True)
    y /= np.sqrt((y**2).mean(axis=(1, 2), keepdims=True) + 1e-8)
    style = w @ weights[f"{name}.StyleMod.weight"] / np.sqrt(w.shape[1]) + weights[f"{name}.StyleMod.bias"]
    scale, shift = np.split(style[:, None, None], 2, axis=3)
    return y * (1 + scale) + shift


def synthesis(weights, resolution, w, noise, lod):
    """The "linear structure": all resolutions, each image faded into the next."""
    x = image = None
    for i, size in enumerate(2**k for k in range(2, resolution.bit_length())):
        level = int(np.log2(resolution // size))
        for j, name in enumerate(("Conv0_up", "Conv1") if i else ("Const", "Conv")):
            x = layer(weights, f"{size}x{size}.{name}", x, w[:, 2 * i + j], noise[2 * i + j])
        kernel, bias = (weights[f"ToRGB_lod{level}.{kind}"] for kind in ("weight", "bias"))
        rgb = x @ kernel[0, 0] / np.sqrt(len(kernel[0, 0])) + bias
        image = rgb if image is None else rgb + (doubled(image) - rgb) * np.clip(lod - level, 0, 1)
    return image


def discriminator(weights, images, lod, group, labels=None):
    def conv_of(name, x, before=lambda x: x, after=lambda x: x):
        return lrelu(after(conv(before(x), he(weights[f"{name}.weight"]))) + weights[f"{name}.bias"])

    size, level = images.shape[1], 0
    x = conv_of("FromRGB_lod0", images)
    while size > 4:
        x = conv_of(f"{size}x{size}.Conv1_down", conv_of(f"{size}x{size}.Conv0", x), blur, halved)
        images, size = halved(images), size // 2
        x += (conv_of(f"FromRGB_lod{level + 1}", images) - x) * np.clip(lod - level, 0, 1)
        level += 1
    groups = x.reshape(group, -1, *x.shape[1:])
    spread = np.sqrt(groups.var(axis=0) + 1e-8).mean(axis=(1, 2, 3))
    spread = np.tile(spread, group)[:, None, None, None] * np.ones([1, 4, 4, 1])
    x = conv_of("4x4.Conv", np.concatenate([x, spread], axis=3)).reshape(len(x), -1)
    x = lrelu(x @ he(weights["4x4.Dense0.weight"]) + weights["4x4.Dense0.bias"])
    weight = weights["4x4.Dense1.weight"]
    y = x @ weight / np.sqrt(len(weight)) + weights["4x4.Dense1.bias"]
    return y[:, 0] if labels is None else y[np.arange(len(y)), labels]
