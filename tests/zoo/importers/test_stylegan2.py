"""Imported networks compute what the official code does."""

import json
from pathlib import Path

import numpy as np
import pytest

from latentzoo.zoo.importers import import_stylegan2, read_stylegan2

DATA = Path(__file__).parents[2] / "assets" / "stylegan2"
NAMES = sorted(json.loads((DATA / "settings.json").read_text()))


def nhwc(images):
    return images.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("name", NAMES)
def test_images_and_logits_are_the_official_ones(name, write_network_pickle):
    path, expected = write_network_pickle(name)
    model = import_stylegan2(path)
    mapping, synthesis = model.generator.mapping, model.generator.synthesis
    z, labels = expected["z"], expected.get("labels")
    w = mapping(z, labels)
    w_cutoff = mapping(z, labels, truncation=0.5, cutoff=3)
    found = {
        "w": w,
        "w_truncated": mapping(z, labels, truncation=0.7),
        "w_cutoff": w_cutoff,
        "images_const": synthesis(w, noise="const"),
        "images_none": synthesis(w, noise="none"),
        "images_cutoff": synthesis(w_cutoff, noise="const"),
        "logits": model.discriminator(
            nhwc(expected["pixels"]).astype(np.float32) / 127.5 - 1, expected.get("image_labels")
        ),
    }
    for key, value in found.items():
        reference = nhwc(expected[key]) if key.startswith("images") else expected[key]
        np.testing.assert_allclose(value, reference, rtol=0, atol=1e-4, err_msg=key)


def test_the_code_in_a_pickle_is_not_run(write_network_pickle, tmp_path):
    trace = tmp_path / "trace"
    source = f"open({str(trace)!r}, 'w').close()"
    for name in ("conditional_grey_resnet_skip", "tensorflow_4"):
        path, _ = write_network_pickle(name, source)
        assert source.encode() in path.read_bytes()
        read_stylegan2(path)
    assert not trace.exists()


def test_classes_and_settings_are_read_off_the_weights(write_network_pickle):
    path, _ = write_network_pickle("cifar")
    assert read_stylegan2(path).arguments == {
        "image_shape": (32, 32, 3),
        "latent_dim": 12,
        "w_dim": 12,
        "mapping_depth": 2,
        "discriminator_mapping_depth": 8,
        "channel_base": 256,
        "channel_max": 8,
        "architecture": "skip",
        "discriminator_architecture": "orig",
        "minibatch_group": 32,
        "num_classes": 10,
    }


def test_the_group_of_tensorflow_is_that_of_its_version(write_network_pickle):
    def without_group(content):
        for network in content:
            network.state["static_kwargs"].pop("mbstd_group_size", None)

    groups = {}
    for name in ("tensorflow_4", "tensorflow_5_conditional"):
        path, _ = write_network_pickle(name, change=without_group)
        groups[name] = read_stylegan2(path).arguments["minibatch_group"]
    assert groups == {"tensorflow_4": 4, "tensorflow_5_conditional": 2**30}


def layer(content, network, *path):
    module = content[network]
    for part in path:
        module = module.state["_modules"][part]
    return module.state


def set_attribute(network, *path, **changes):
    return lambda content: layer(content, network, *path).update(changes)


def set_tensorflow(**changes):
    return lambda content: [network.state.update(changes) for network in content]


def set_argument(**changes):
    return lambda content: content[2].state["static_kwargs"].update(changes)


def other_filter(content):
    layer(content, "D", "b16", "conv1")["_buffers"]["resample_filter"].storage.numbers[:] = 1 / 16


def not_finite(content):
    dict(content[2].state["components"]["mapping"].state["variables"])["Dense0/bias"][1] = np.nan


def another_class(content):
    content["G_ema"].class_name = "StyleNeRFGenerator"


def in_a_circle(content):
    layer(content, "G_ema", "synthesis")["_modules"]["b4"] = content["G_ema"]


def without_weight(content):
    variables = content[1].state["variables"]
    variables[:] = [(name, value) for name, value in variables if name != "4x4/Dense0/bias"]


def without_average(content):
    content[2].state["variables"].clear()


def with_variable(content):
    content[1].state["variables"].append(("8x8/Extra/weight", np.zeros([3], np.float32)))


def doubled(name):
    """Puts a variable of the synthesis network twice along its first axis."""

    def change(content):
        variables = content[2].state["components"]["synthesis"].state["variables"]
        index = [key for key, _ in variables].index(name)
        variables[index] = (name, np.concatenate([variables[index][1]] * 2))

    return change


def cut_to(network, *path, size):
    """Makes the bias of a layer shorter."""

    def change(content):
        bias = layer(content, network, *path)["_parameters"]["bias"]
        bias.shape, bias.storage.numbers = (size,), np.zeros(size, "<f4")

    return change


def sharing_numbers(content):
    """Many weights of one storage."""
    bias = layer(content, "D", "b4", "out")["_parameters"]["bias"]
    bias.storage.numbers, bias.shape = np.zeros(2**14, "<f4"), (2**14,)
    tensor = type(layer(content, "D", "b4", "conv")["_buffers"]["resample_filter"])(bias.storage.numbers)
    layer(content, "D", "b4")["_parameters"].update({f"copy{i}": tensor for i in range(50)})


def claiming_size(content):
    """A bias that says its layers have 4096 channels, at all resolutions of both networks."""
    for network, path, name in (("G_ema", ("synthesis",), "conv1"), ("D", (), "conv0")):
        for block in ("b4", "b8", "b16"):
            at = "conv" if (network, block) == ("D", "b4") else name
            cut_to(network, *path, block, at, size=4096)(content)


PYTORCH, TENSORFLOW = "rgba_orig_clamped", "tensorflow_4"


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (PYTORCH, another_class, "StyleNeRFGenerator, expected a Generator of StyleGAN2"),
        (PYTORCH, set_attribute("D", "b8", "conv0", activation="relu"), "b8.conv0.activation"),
        (PYTORCH, set_attribute("D", "b8", "conv0", conv_clamp=7.0), "clamp at several values"),
        (PYTORCH, set_attribute("D", "b4", "mbstd", group_size="4"), "group_size of a MinibatchStdLayer"),
        (PYTORCH, other_filter, r"is not the filter \[1, 3, 3, 1\]"),
        (PYTORCH, cut_to("D", "b8", "conv0", size=3), "differ in resolution or channels"),
        (PYTORCH, claiming_size, r"b4.conv1.weight is \(8, 8, 3, 3\), expected \(4096"),
        (PYTORCH, sharing_numbers, "larger than the file"),
        (PYTORCH, in_a_circle, "is not a module"),
        (PYTORCH, lambda content: content.pop("D"), "neither networks named G_ema and D"),
        (TENSORFLOW, set_tensorflow(version=3), "of the first StyleGAN"),
        (TENSORFLOW, set_tensorflow(version=7), "unknown version, expected 3, 4 or 5"),
        (TENSORFLOW, set_tensorflow(variables=None), "no variables"),
        (TENSORFLOW, set_argument(nonlinearity="relu"), "nonlinearity is not 'lrelu'"),
        (TENSORFLOW, set_argument(resample_kernel=[1, 2, 1]), "is not the filter"),
        (TENSORFLOW, without_average, "has no mapping.w_avg"),
        (TENSORFLOW, set_tensorflow(components={}), "its generator is not of StyleGAN2"),
        (TENSORFLOW, doubled("4x4/Const/const"), r"shape \(2, 8, 4, 4\), expected \[1\] as its first axes"),
        (TENSORFLOW, doubled("noise0"), r"shape \(2, 1, 4, 4\), expected \[1, 1\] as its first axes"),
        (TENSORFLOW, with_variable, "the variable 8x8/Extra/weight, which is not supported"),
    ],
)
def test_what_the_networks_have_not_is_refused(name, change, words, write_network_pickle):
    path, _ = write_network_pickle(name, change=change)
    with pytest.raises(ValueError, match=words) as error:
        read_stylegan2(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_weight, "has no weight b4.fc.bias"),
        (not_finite, "mapping.fc0.bias of its generator contains NaN or infinity"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, words, write_network_pickle):
    path, _ = write_network_pickle(TENSORFLOW, change=change)
    with pytest.raises(ValueError, match=words):
        import_stylegan2(path)
