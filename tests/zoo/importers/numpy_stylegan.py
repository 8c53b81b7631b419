"""The official networks of the first StyleGAN in NumPy, float64, by their variables (Karras et al. 2019).

Nothing official runs on today's TensorFlow, so this is what its code says, operation by operation: images are
NCHW, every resolution has its colours, and from some size on a convolution and a doubling are one transposed
convolution. The model of the zoo is NHWC and computes all of it in another way.
"""

import math

import numpy as np

# Arguments of the official networks: those of both, of the generator, of the discriminator.
CASES = {
    "rgb": (
        {"resolution": 16, "num_channels": 3, "label_size": 0, "fmap_base": 32, "fmap_max": 6},
        {"latent_size": 5, "dlatent_size": 7, "mapping_fmaps": 7, "mapping_layers": 3, "truncation_psi": 0.7},
        {},
    ),
    # Above 64x64 convolution and doubling are one.
    "conditional_grey_fused": (
        {"resolution": 128, "num_channels": 1, "label_size": 3, "fmap_base": 128, "fmap_max": 4},
        {"latent_size": 4, "dlatent_size": 6, "mapping_fmaps": 6, "mapping_layers": 2},
        {"mbstd_group_size": 2},
    ),
    "rgba_all_fused": (
        {
            **{"resolution": 16, "num_channels": 4, "label_size": 0, "fmap_base": 16, "fmap_max": 32},
            **{"fused_scale": True, "structure": "fixed", "blur_filter": [1, 2, 1]},
        },
        {"latent_size": 6, "dlatent_size": 6, "mapping_fmaps": 6, "mapping_lrmul": 0.02},
        {"mbstd_group_size": 0},
    ),
    # Of 32x32, 16x16 is fading in.
    "growing": (
        {
            **{"resolution": 32, "num_channels": 3, "label_size": 0, "fmap_base": 64, "fmap_max": 5},
            **{"fused_scale": False, "lod": 1.25},
        },
        {"latent_size": 5, "dlatent_size": 5, "mapping_fmaps": 5, "mapping_layers": 2},
        {},
    ),
}


def make(name: str) -> tuple[dict, dict[str, np.ndarray]]:
    """The settings of a case, and its variables, `generator/...` and `discriminator/...`, float32."""
    both, generator, discriminator = CASES[name]
    both = dict(both)
    lod = both.pop("lod", 0)
    settings = {
        "version": 3,
        "generator": {**both, **generator},
        "discriminator": {**both, **discriminator},
    }
    rng = np.random.default_rng(0)
    shapes = generator_shapes(settings["generator"])
    variables = {f"generator/{name}": random(rng, name, shape) for name, shape in shapes.items()}
    for name in variables:
        if name.startswith("generator/mapping/Dense"):
            variables[name] /= np.float32(setting(settings["generator"], "mapping_lrmul"))
    shapes = discriminator_shapes(settings["discriminator"])
    variables |= {f"discriminator/{name}": random(rng, name, shape) for name, shape in shapes.items()}
    for name in ("generator/lod", "generator/synthesis/lod", "discriminator/lod"):
        variables[name] = np.array(lod, np.float32)
    return settings, variables


def random(rng, name, shape):
    scale = 1 if name.endswith("weight") and "Noise" not in name else 0.5
    return (scale * rng.standard_normal(shape)).astype(np.float32)


DEFAULTS = {"mapping_layers": 8, "mapping_lrmul": 0.01, "mbstd_group_size": 4, "fused_scale": "auto"}


def setting(settings, name):
    return settings.get(name, DEFAULTS.get(name))


def width(settings, stage):
    return min(int(settings["fmap_base"] / 2**stage), settings["fmap_max"])


def stages(settings):
    """2 for 4x4, 3 for 8x8 and so on."""
    return range(2, settings["resolution"].bit_length())


def with_colours(settings):
    """The stages at which a network has colours: all, or in the fixed structure the last."""
    return list(stages(settings))[-1:] if settings.get("structure") == "fixed" else stages(settings)


def generator_shapes(settings):
    z_dim, w_dim, classes = (settings[name] for name in ("latent_size", "dlatent_size", "label_size"))
    shapes = {"dlatent_avg": (w_dim,)}
    if classes:
        shapes["mapping/LabelConcat/weight"] = (classes, z_dim)
    size_in = 2 * z_dim if classes else z_dim
    for i in range(setting(settings, "mapping_layers")):
        shapes[f"mapping/Dense{i}/weight"] = (size_in, w_dim)
        shapes[f"mapping/Dense{i}/bias"] = (w_dim,)
        size_in = w_dim
    last = stages(settings)[-1]
    for stage in stages(settings):
        channels, size = width(settings, stage - 1), 2**stage
        names = ("Conv0_up", "Conv1") if stage > 2 else ("Const", "Conv")
        for j, name in enumerate(names):
            layer = f"synthesis/{size}x{size}/{name}"
            if name == "Const":
                shapes[f"{layer}/const"] = (1, channels, 4, 4)
            else:
                channels_in = width(settings, stage - 2) if name == "Conv0_up" else channels
                shapes[f"{layer}/weight"] = (3, 3, channels_in, channels)
            shapes[f"{layer}/bias"] = shapes[f"{layer}/Noise/weight"] = (channels,)
            shapes[f"{layer}/StyleMod/weight"] = (w_dim, 2 * channels)
            shapes[f"{layer}/StyleMod/bias"] = (2 * channels,)
            shapes[f"synthesis/noise{2 * stage - 4 + j}"] = (1, 1, size, size)
        if stage in with_colours(settings):
            colours = settings["num_channels"]
            shapes[f"synthesis/ToRGB_lod{last - stage}/weight"] = (1, 1, channels, colours)
            shapes[f"synthesis/ToRGB_lod{last - stage}/bias"] = (colours,)
    return shapes


def discriminator_shapes(settings):
    shapes, last = {}, stages(settings)[-1]

    def layer(name, *shape):
        shapes[f"{name}/weight"], shapes[f"{name}/bias"] = shape, shape[-1:]

    for stage in stages(settings):
        channels, below, size = width(settings, stage - 1), width(settings, stage - 2), 2**stage
        if stage in with_colours(settings):
            layer(f"FromRGB_lod{last - stage}", 1, 1, settings["num_channels"], channels)
        if stage > 2:
            layer(f"{size}x{size}/Conv0", 3, 3, channels, channels)
            layer(f"{size}x{size}/Conv1_down", 3, 3, channels, below)
        else:
            spread = setting(settings, "mbstd_group_size") > 1
            layer("4x4/Conv", 3, 3, channels + spread, channels)
            layer("4x4/Dense0", 16 * channels, below)
            layer("4x4/Dense1", below, max(settings["label_size"], 1))
    return shapes


# Operations, on images NCHW and kernels HWIO.


def correlation(x, kernel, stride=1):
    """TensorFlow's convolution with padding "SAME", of kernels of 1, 3, or with stride 2 of 4."""
    size, height, width = len(kernel), x.shape[2] // stride, x.shape[3] // stride
    before = (size - stride) // 2
    padded = np.pad(x, [(0, 0), (0, 0), (before, before), (before, before)])
    return sum(
        np.einsum(
            "nchw,co->nohw",
            padded[:, :, i : i + stride * height : stride, j : j + stride * width : stride],
            kernel[i, j],
        )
        for i in range(size)
        for j in range(size)
    )


def transposed_correlation(x, kernel):
    """The transpose of `correlation` with stride 2 and a kernel `[4, 4, C_in, C_out]` of x to it.

    Each pixel of x, times the kernel, is added to a patch of 4x4 pixels.
    """
    count, _, height, width = x.shape
    y = np.zeros([count, kernel.shape[3], 2 * height + 2, 2 * width + 2])
    for i in range(4):
        for j in range(4):
            part = np.einsum("nchw,co->nohw", x, kernel[i, j])
            y[:, :, i : i + 2 * height : 2, j : j + 2 * width : 2] += part
    return y[:, :, 1:-1, 1:-1]


def four_by_four(kernel):
    """The sum of a kernel at four places."""
    padded = np.pad(kernel, [(1, 1), (1, 1), (0, 0), (0, 0)])
    return padded[1:, 1:] + padded[:-1, 1:] + padded[1:, :-1] + padded[:-1, :-1]


def doubled(x):
    return x.repeat(2, axis=2).repeat(2, axis=3)


def halved(x):
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def blur(x):
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16


GAIN = math.sqrt(2)


def he(weight, gain=GAIN):
    return weight * gain / math.sqrt(np.prod(weight.shape[:-1]))


def biased(x, bias):
    return x + (bias if x.ndim == 2 else bias[:, None, None])


def lrelu(x):
    return np.maximum(x, 0.2 * x)


def normalised(x):
    return x / np.sqrt(np.mean(x**2, axis=1, keepdims=True) + 1e-8)


def faded(detailed, coarse, amount):
    return detailed + (coarse - detailed) * min(max(amount, 0), 1)


def is_fused(settings, size):
    fused = setting(settings, "fused_scale")
    return size >= 128 if fused == "auto" else fused


# Networks.


def of(variables, network):
    return {
        name.removeprefix(f"{network}/"): value.astype(np.float64)
        for name, value in variables.items()
        if name.startswith(f"{network}/")
    }


def one_hot(labels, settings):
    return np.eye(settings["label_size"])[labels]


def mapping(variables, settings, z, labels=None, psi=1.0, cutoff=None):
    v = of(variables, "generator")
    x = z.astype(np.float64)
    if labels is not None:
        x = np.concatenate([x, one_hot(labels, settings) @ v["mapping/LabelConcat/weight"]], axis=1)
    x = normalised(x)
    multiplier = setting(settings, "mapping_lrmul")
    for i in range(setting(settings, "mapping_layers")):
        x = x @ (he(v[f"mapping/Dense{i}/weight"]) * multiplier)
        x = lrelu(biased(x, v[f"mapping/Dense{i}/bias"] * multiplier))
    num_ws = 2 * len(stages(settings))
    w = np.tile(x[:, None], [1, num_ws, 1])
    cutoff = num_ws if cutoff is None else cutoff
    amounts = np.where(np.arange(num_ws) < cutoff, psi, 1.0)[None, :, None]
    return v["dlatent_avg"] + (w - v["dlatent_avg"]) * amounts


def synthesis(variables, settings, w, noise=True):
    v = of(variables, "generator")
    v = {name.removeprefix("synthesis/"): value for name, value in v.items()}

    def epilogue(x, layer, index):
        if noise:
            x = x + v[f"noise{index}"] * v[f"{layer}/Noise/weight"][:, None, None]
        x = lrelu(biased(x, v[f"{layer}/bias"]))
        x = x - x.mean(axis=(2, 3), keepdims=True)
        x = x / np.sqrt(np.mean(x**2, axis=(2, 3), keepdims=True) + 1e-8)
        style = biased(w[:, index] @ he(v[f"{layer}/StyleMod/weight"], 1), v[f"{layer}/StyleMod/bias"])
        style = style.reshape(-1, 2, x.shape[1], 1, 1)
        return x * (style[:, 0] + 1) + style[:, 1]

    def conv0_up(x, layer, size):
        kernel = he(v[f"{layer}/weight"])
        if is_fused(settings, size):
            return blur(transposed_correlation(x, four_by_four(kernel)))
        return blur(correlation(doubled(x), kernel))

    images, last = None, stages(settings)[-1]
    for stage in stages(settings):
        block, index = f"{2**stage}x{2**stage}", 2 * stage - 4
        if stage == 2:
            const = np.tile(v["4x4/Const/const"], [len(w), 1, 1, 1])
            x = epilogue(const, "4x4/Const", 0)
            second = "4x4/Conv"
        else:
            x = epilogue(conv0_up(x, f"{block}/Conv0_up", 2**stage), f"{block}/Conv0_up", index)
            second = f"{block}/Conv1"
        x = epilogue(correlation(x, he(v[f"{second}/weight"])), second, index + 1)
        if stage in with_colours(settings):
            rgb = f"ToRGB_lod{last - stage}"
            detailed = biased(correlation(x, he(v[f"{rgb}/weight"], 1)), v[f"{rgb}/bias"])
            coarse = detailed if images is None else doubled(images)
            images = faded(detailed, coarse, v["lod"] - (last - stage))
    return images


def discriminator(variables, settings, images, labels=None):
    v = of(variables, "discriminator")
    last = stages(settings)[-1]

    def layer(name, x, convolve=correlation):
        return lrelu(biased(convolve(x, he(v[f"{name}/weight"])), v[f"{name}/bias"]))

    def down(x, kernel):
        if is_fused(settings, x.shape[2]):
            return correlation(blur(x), four_by_four(kernel) / 4, stride=2)
        return halved(correlation(blur(x), kernel))

    images = images.astype(np.float64)
    x = layer("FromRGB_lod0", images)
    for stage in stages(settings)[:0:-1]:
        block, lod = f"{2**stage}x{2**stage}", last - stage
        x = layer(f"{block}/Conv1_down", layer(f"{block}/Conv0", x), down)
        if stage - 1 in with_colours(settings):
            images = halved(images)
            x = faded(x, layer(f"FromRGB_lod{lod + 1}", images), v["lod"] - lod)
    if setting(settings, "mbstd_group_size") > 1:
        x = with_spread(x, setting(settings, "mbstd_group_size"))
    x = layer("4x4/Conv", x).reshape(len(x), -1)
    x = layer("4x4/Dense0", x, np.matmul)
    x = biased(x @ he(v["4x4/Dense1/weight"], 1), v["4x4/Dense1/bias"])
    return x[:, 0] if labels is None else np.sum(x * one_hot(labels, settings), axis=1)


def with_spread(x, group):
    """Minibatch standard deviation of images i, i + N / group, i + 2 N / group ..."""
    group = min(group, len(x))
    y = x.reshape(group, -1, *x.shape[1:])
    y = np.sqrt(np.mean((y - y.mean(axis=0)) ** 2, axis=0) + 1e-8).mean(axis=(1, 2, 3))
    y = np.tile(y, group)[:, None, None, None]
    return np.concatenate([x, np.broadcast_to(y, [len(x), 1, *x.shape[2:]])], axis=1)
