"""Writes stylegan2/*.npz: small networks of the official StyleGAN2-ADA code, and what they compute.

Run it once, with PyTorch and a checkout of https://github.com/NVlabs/stylegan2-ada-pytorch:

    python tests/assets/make_stylegan2.py CHECKOUT

The networks have random weights, with every bias and noise strength other than zero. The files of
`TENSORFLOW` hold variables by their TensorFlow names, and what they compute after the official
conversion to PyTorch. Every file has its settings, as the official constructors take them, in
stylegan2/settings.json.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).with_name("stylegan2")
LATENTS, IMAGES = 3, 8
TRUNCATION, CUTOFF_TRUNCATION, CUTOFF = 0.7, 0.5, 3

NETWORKS = {
    "rgb_skip_resnet": {
        "generator": {
            "z_dim": 16,
            "c_dim": 0,
            "w_dim": 12,
            "img_resolution": 32,
            "img_channels": 3,
            "mapping_kwargs": {"num_layers": 8},
            "synthesis_kwargs": {"channel_base": 128, "channel_max": 8, "architecture": "skip"},
        },
        "discriminator": {
            "c_dim": 0,
            "img_resolution": 32,
            "img_channels": 3,
            "channel_base": 128,
            "channel_max": 8,
            "architecture": "resnet",
            "epilogue_kwargs": {"mbstd_group_size": 4},
        },
    },
    "conditional_grey_resnet_skip": {
        "generator": {
            "z_dim": 8,
            "c_dim": 3,
            "w_dim": 10,
            "img_resolution": 16,
            "img_channels": 1,
            "mapping_kwargs": {"num_layers": 3},
            "synthesis_kwargs": {
                "channel_base": 96,
                "channel_max": 10,
                "architecture": "resnet",
                "conv_clamp": 1.5,
            },
        },
        "discriminator": {
            "c_dim": 3,
            "img_resolution": 16,
            "img_channels": 1,
            "channel_base": 96,
            "channel_max": 10,
            "architecture": "skip",
            "conv_clamp": 1.5,
            "mapping_kwargs": {"num_layers": 3},
            "epilogue_kwargs": {"mbstd_group_size": 2},
        },
    },
    "cifar": {
        "generator": {
            "z_dim": 12,
            "c_dim": 10,
            "w_dim": 12,
            "img_resolution": 32,
            "img_channels": 3,
            "mapping_kwargs": {"num_layers": 2},
            "synthesis_kwargs": {"channel_base": 256, "channel_max": 8, "architecture": "skip"},
        },
        "discriminator": {
            "c_dim": 10,
            "img_resolution": 32,
            "img_channels": 3,
            "channel_base": 256,
            "channel_max": 8,
            "architecture": "orig",
            "epilogue_kwargs": {"mbstd_group_size": 32},
        },
    },
    "rgba_orig_clamped": {
        "generator": {
            "z_dim": 8,
            "c_dim": 0,
            "w_dim": 8,
            "img_resolution": 16,
            "img_channels": 4,
            "mapping_kwargs": {"num_layers": 2},
            "synthesis_kwargs": {
                "channel_base": 96,
                "channel_max": 8,
                "architecture": "orig",
                "conv_clamp": 1.0,
            },
        },
        "discriminator": {
            "c_dim": 0,
            "img_resolution": 16,
            "img_channels": 4,
            "channel_base": 96,
            "channel_max": 8,
            "architecture": "resnet",
            "conv_clamp": 1.0,
            "epilogue_kwargs": {"mbstd_group_size": 4},
        },
    },
}

# The arguments of the TensorFlow networks: of StyleGAN2 (version 4) and of ADA (version 5).
TENSORFLOW = {
    "tensorflow_4": {
        "version": 4,
        "generator": {
            "latent_size": 8,
            "dlatent_size": 8,
            "mapping_fmaps": 8,
            "mapping_layers": 3,
            "resolution": 16,
            "num_channels": 3,
            "fmap_base": 48,
            "fmap_max": 8,
            "architecture": "skip",
        },
        "discriminator": {
            "resolution": 16,
            "num_channels": 3,
            "fmap_base": 48,
            "fmap_max": 8,
            "architecture": "resnet",
            "mbstd_group_size": 4,
            "mbstd_num_features": 1,
        },
    },
    "tensorflow_5_conditional": {
        "version": 5,
        "generator": {
            "latent_size": 8,
            "label_size": 4,
            "dlatent_size": 8,
            "mapping_layers": 2,
            "mapping_fmaps": 8,
            "resolution": 16,
            "num_channels": 1,
            "fmap_base": 48,
            "fmap_max": 6,
            "architecture": "resnet",
        },
        "discriminator": {
            "label_size": 4,
            "resolution": 16,
            "num_channels": 1,
            "fmap_base": 48,
            "fmap_max": 6,
            "architecture": "skip",
            "mapping_layers": 2,
            "mapping_fmaps": 6,
            "mbstd_group_size": 4,
        },
    },
}


def main(checkout: str) -> None:
    sys.path.insert(0, checkout)
    from training import networks

    FOLDER.mkdir(exist_ok=True)
    for index, (name, settings) in enumerate(NETWORKS.items()):
        torch.manual_seed(index)
        generator = randomise(networks.Generator(**settings["generator"]))
        discriminator = randomise(networks.Discriminator(**settings["discriminator"]))
        arrays = {**weights("generator", generator), **weights("discriminator", discriminator)}
        write(name, {**arrays, **outputs(generator, discriminator, seed=index)})
    for index, (name, settings) in enumerate(TENSORFLOW.items()):
        variables = random_variables(settings, seed=index)
        generator, discriminator = convert(settings, variables)
        write(name, {**variables, **outputs(generator, discriminator, seed=index)})
    text = json.dumps({**NETWORKS, **TENSORFLOW}, indent=2)
    (FOLDER / "settings.json").write_text(text + "\n")


def write(name: str, arrays: dict[str, np.ndarray]) -> None:
    np.savez_compressed(FOLDER / f"{name}.npz", **arrays)
    print(name, (FOLDER / f"{name}.npz").stat().st_size)


def randomise(network: torch.nn.Module) -> torch.nn.Module:
    """Gives a random value to what is constant at first: biases, noise strengths, the average w."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith((".bias", ".noise_strength", ".w_avg")):
                # The multiplier of the mapping networks' learning rate is also one of their biases.
                scale = 50 if "mapping.fc" in name else 0.5
                value.add_(scale * torch.randn_like(value))
    return network.eval().requires_grad_(False)


def weights(prefix: str, network: torch.nn.Module) -> dict[str, np.ndarray]:
    """The state dict without the filter, which is [1, 3, 3, 1] everywhere."""
    state = network.state_dict().items()
    return {f"{prefix}.{name}": value.numpy() for name, value in state if "resample_filter" not in name}


def outputs(generator, discriminator, seed: int) -> dict[str, np.ndarray]:
    """Random inputs, and what the networks make of them, in the official layout: NCHW."""
    rng = np.random.default_rng([seed, 1])
    size, channels = generator.img_resolution, generator.img_channels
    z = rng.standard_normal((LATENTS, generator.z_dim)).astype(np.float32)
    # Each image has a mean colour and a contrast of its own.
    mean = rng.uniform(30, 225, (IMAGES, channels, 1, 1))
    contrast = rng.uniform(5, 80, (IMAGES, 1, 1, 1))
    pixels = mean + contrast * rng.standard_normal((IMAGES, channels, size, size))
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    arrays = {"z": z, "pixels": pixels}
    generator_labels = discriminator_labels = None
    if generator.c_dim:
        arrays["labels"] = rng.permutation(generator.c_dim)[:LATENTS]
        arrays["image_labels"] = rng.integers(0, generator.c_dim, IMAGES)
        one_hot = torch.eye(generator.c_dim)
        generator_labels = one_hot[arrays["labels"]]
        discriminator_labels = one_hot[arrays["image_labels"]]
    z, images = torch.from_numpy(z), torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)
    cutoff = {"truncation_psi": CUTOFF_TRUNCATION, "truncation_cutoff": CUTOFF}
    w = generator.mapping(z, generator_labels)
    found = {
        "w": w,
        "w_truncated": generator.mapping(z, generator_labels, truncation_psi=TRUNCATION),
        "w_cutoff": generator.mapping(z, generator_labels, **cutoff),
        "images_const": generator.synthesis(w, noise_mode="const"),
        "images_none": generator.synthesis(w, noise_mode="none"),
        "images_cutoff": generator(z, generator_labels, noise_mode="const", **cutoff),
        "logits": discriminator(images, discriminator_labels)[:, 0],
    }
    return {**arrays, **{name: value.numpy() for name, value in found.items()}}


def random_variables(settings: dict, seed: int) -> dict[str, np.ndarray]:
    """Random variables of a TensorFlow generator and discriminator, by their names and in their shapes."""
    rng = np.random.default_rng(seed)
    shapes = {
        **{f"generator/{name}": shape for name, shape in generator_shapes(settings["generator"]).items()},
        **{
            f"discriminator/{name}": shape
            for name, shape in discriminator_shapes(settings["discriminator"]).items()
        },
    }
    variables = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    for name in variables:
        if "/mapping/Dense" in name or "/Mapping" in name:
            variables[name] *= 100 if "generator" in name else 10  # one over the learning rate's multiplier
        elif name.endswith("bias") or name.endswith("noise_strength"):
            variables[name] *= 0.5
    return variables


def resolutions(settings: dict) -> list[int]:
    return [2**i for i in range(3, settings["resolution"].bit_length())]


def channels(settings: dict, resolution: int) -> int:
    return min(2 * settings["fmap_base"] // resolution, settings["fmap_max"])


def generator_shapes(settings: dict) -> dict[str, tuple[int, ...]]:
    z_dim, w_dim = settings["latent_size"], settings["dlatent_size"]
    classes, colours = settings.get("label_size", 0), settings["num_channels"]
    shapes = {"dlatent_avg": (w_dim,)}
    width = z_dim
    if classes:
        shapes |= {"mapping/LabelEmbed/weight": (classes, w_dim), "mapping/LabelEmbed/bias": (w_dim,)}
        width += w_dim
    for i in range(settings["mapping_layers"]):
        shapes |= {f"mapping/Dense{i}/weight": (width, w_dim), f"mapping/Dense{i}/bias": (w_dim,)}
        width = w_dim

    def modulated(name, kernel, inputs, outputs):
        return {
            f"synthesis/{name}/weight": (kernel, kernel, inputs, outputs),
            f"synthesis/{name}/bias": (outputs,),
            f"synthesis/{name}/mod_weight": (w_dim, inputs),
            f"synthesis/{name}/mod_bias": (inputs,),
        }

    def layer(name, inputs, outputs, index, size):
        noise = {f"synthesis/{name}/noise_strength": (), f"synthesis/noise{index}": (1, 1, size, size)}
        return {**modulated(name, 3, inputs, outputs), **noise}

    width = channels(settings, 4)
    shapes |= {"synthesis/4x4/Const/const": (1, width, 4, 4), **layer("4x4/Conv", width, width, 0, 4)}
    if settings["architecture"] == "skip":
        shapes |= modulated("4x4/ToRGB", 1, width, colours)
    for block, size in enumerate(resolutions(settings)):
        name, inputs, width = f"{size}x{size}", width, channels(settings, size)
        shapes |= layer(f"{name}/Conv0_up", inputs, width, 2 * block + 1, size)
        shapes |= layer(f"{name}/Conv1", width, width, 2 * block + 2, size)
        if settings["architecture"] == "resnet":
            shapes[f"synthesis/{name}/Skip/weight"] = (1, 1, inputs, width)
        if settings["architecture"] == "skip" or size == settings["resolution"]:
            shapes |= modulated(f"{name}/ToRGB", 1, width, colours)
    return shapes


def discriminator_shapes(settings: dict) -> dict[str, tuple[int, ...]]:
    classes, colours = settings.get("label_size", 0), settings["num_channels"]
    skip = settings["architecture"] == "skip"
    width = channels(settings, 4)
    shapes = {}

    def layer(name, kernel, inputs, outputs):
        return {f"{name}/weight": (kernel, kernel, inputs, outputs), f"{name}/bias": (outputs,)}

    def dense(name, inputs, outputs):
        return {f"{name}/weight": (inputs, outputs), f"{name}/bias": (outputs,)}

    if classes:
        features = settings["mapping_fmaps"]
        shapes |= dense("LabelEmbed", classes, features)
        for i in range(settings["mapping_layers"]):
            shapes |= dense(f"Mapping{i}", features, features)
    for size in resolutions(settings):
        name, inputs, outputs = f"{size}x{size}", channels(settings, size), channels(settings, size // 2)
        if skip or size == settings["resolution"]:
            shapes |= layer(f"{name}/FromRGB", 1, colours, inputs)
        shapes |= layer(f"{name}/Conv0", 3, inputs, inputs)
        shapes |= layer(f"{name}/Conv1_down", 3, inputs, outputs)
        if settings["architecture"] == "resnet":
            shapes[f"{name}/Skip/weight"] = (1, 1, inputs, outputs)
    if skip:
        shapes |= layer("4x4/FromRGB", 1, colours, width)
    shapes |= layer("4x4/Conv", 3, width + 1, width)
    shapes |= dense("4x4/Dense0", 16 * width, width)
    shapes |= dense("Output", width, settings["mapping_fmaps"] if classes else 1)
    return shapes


def convert(settings: dict, variables: dict[str, np.ndarray]) -> list[torch.nn.Module]:
    """The networks that the official code makes of the variables."""
    import dnnlib
    import legacy

    networks = []
    for kind in ("generator", "discriminator"):
        own = [(k.removeprefix(f"{kind}/"), v) for k, v in variables.items() if k.startswith(f"{kind}/")]
        convert = getattr(legacy, f"convert_tf_{kind}")
        network = dnnlib.EasyDict(
            version=settings["version"], static_kwargs=settings[kind], variables=own, components={}
        )
        networks.append(convert(network).eval())
    return networks


if __name__ == "__main__":
    main(sys.argv[1])
