"""Imported networks of the first StyleGAN compute what the official graph does, in float64 NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from latentzoo import zoo
from latentzoo.zoo.importers import import_stylegan, read_stylegan, read_stylegan2

from . import numpy_stylegan as official

RNG = np.random.default_rng(1)


def numbers(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def nhwc(images):
    return images.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("name", official.CASES)
def test_images_and_logits_are_those_of_the_official_graph(name, write_stylegan_pickle, tmp_path):
    trace = tmp_path / "trace"
    path, settings, variables = write_stylegan_pickle(name, f"open({str(trace)!r}, 'w').close()")
    assert str(trace).encode() in path.read_bytes()
    model = import_stylegan(path)
    assert not trace.exists()  # the code in the pickle is not run
    mapping, synthesis = model.generator.mapping, model.generator.synthesis
    of_g, of_d = settings["generator"], settings["discriminator"]

    z = numbers(2, of_g["latent_size"])
    pixels = numbers(4, of_d["num_channels"], *2 * [of_d["resolution"]])
    labels, image_labels = (np.array([2, 0]), np.array([1, 0, 2, 2])) if of_g["label_size"] else (None, None)
    for options in ({}, {"psi": 0.7}, {"psi": 0.5, "cutoff": 3}):
        w = official.mapping(variables, of_g, z, labels, **options)
        found = mapping(z, labels, truncation=options.get("psi", 1.0), cutoff=options.get("cutoff"))
        np.testing.assert_allclose(found, w, rtol=0, atol=1e-5, err_msg=str(options))
        for noise in ("const", "none"):
            expected = nhwc(official.synthesis(variables, of_g, w, noise == "const"))
            np.testing.assert_allclose(synthesis(found, noise=noise), expected, rtol=0, atol=1e-4)
    expected = official.discriminator(variables, of_d, pixels, image_labels)
    np.testing.assert_allclose(model.discriminator(nhwc(pixels), image_labels), expected, rtol=0, atol=1e-4)


def test_the_strided_operations_are_tensorflows():
    """The graph's own, of which the transposed one takes its kernel's channels the other way round."""
    x, kernel = numbers(2, 3, 6, 6), numbers(4, 4, 3, 2)
    found = tf.nn.conv2d_transpose(nhwc(x), kernel.transpose(0, 1, 3, 2), [2, 12, 12, 2], 2, "SAME")
    np.testing.assert_allclose(found, nhwc(official.transposed_correlation(x, kernel)), rtol=0, atol=1e-5)
    found = tf.nn.conv2d(nhwc(x), kernel, 2, "SAME")
    np.testing.assert_allclose(found, nhwc(official.correlation(x, kernel, 2)), rtol=0, atol=1e-5)


def test_a_fused_convolution_is_another_one():
    """So the comparisons above would not pass with kernels turned around at other resolutions."""
    settings, variables = official.make("conditional_grey_fused")
    w = numbers(1, 12, 6)
    images = [
        official.synthesis(variables, {**settings["generator"], "fused_scale": value}, w)
        for value in ("auto", True, False)
    ]
    for i in range(3):
        assert np.abs(images[i] - images[i - 1]).max() > 0.1


def test_arguments_are_read_off_the_weights(write_stylegan_pickle):
    path, *_ = write_stylegan_pickle("conditional_grey_fused")
    assert read_stylegan(path).arguments == {
        "image_shape": (128, 128, 1),
        "latent_dim": 4,
        "w_dim": 6,
        "mapping_depth": 2,
        "channel_base": 256,
        "channel_max": 4,
        "minibatch_group": 2,
        "num_classes": 3,
        "progressive": False,
    }


def test_growing_networks_stay_where_they_are(write_stylegan_pickle, tmp_path):
    path, *_ = write_stylegan_pickle("growing")
    model = import_stylegan(path)
    assert model.lod == 1.25 and model.doublings == 3
    model.save_to_preset(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert loaded.lod == 1.25
    z = numbers(1, 5)
    np.testing.assert_array_equal(loaded.generator(z), model.generator(z))


def change_settings(index, **changes):
    return lambda content: content[index].state["static_kwargs"].update(changes)


def change_component(name, **changes):
    return lambda content: content[2].state["components"][name].state["static_kwargs"].update(changes)


def change_variable(index, name, value, component=None):
    """Replaces a variable of a network; None: takes it away."""

    def change(content):
        network = content[index]
        network = network.state["components"][component] if component else network
        kept = [pair for pair in network.state["variables"] if pair[0] != name]
        network.state["variables"] = kept + ([] if value is None else [(name, value)])

    return change


def set_version(version):
    return lambda content: [network.state.update(version=version) for network in content]


def zeros(*shape):
    return np.zeros(shape, np.float32)


G, D = 2, 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_version(5), "contains networks of stylegan2-ada, expected the first StyleGAN"),
        (set_version(2), "unknown version, expected 3, 4 or 5"),
        (change_settings(G, use_styles=False), "use_styles is not True, which is not supported"),
        (change_settings(G, use_pixel_norm=True), "use_pixel_norm is not False, which is not supported"),
        (change_settings(D, nonlinearity="relu"), "nonlinearity is not 'lrelu', which is not supported"),
        (change_settings(D, mbstd_num_features=2), "mbstd_num_features is not 1, which is not supported"),
        (change_settings(D, blur_filter=None), r"blur_filter is not the filter \[1, 2, 1\]"),
        (change_settings(G, blur_filter=[1, 3, 3, 1]), r"blur_filter is not the filter \[1, 2, 1\]"),
        (change_settings(G, fused_scale="always"), "fused_scale is not True, False or 'auto'"),
        (change_settings(G, self_attention=64), "the setting self_attention, which is not supported"),
        (change_settings(G, mapping_lrmul=None), "mapping_lrmul is not a number"),
        (change_component("synthesis", const_input_layer=False), "const_input_layer is not True"),
        (change_component("mapping", normalize_latents=False), "normalize_latents is not True"),
        (change_variable(G, "lod", np.float32(9)), "its lod is 9.0, expected a number from 0 to 2"),
        (change_variable(D, "lod", np.float32(np.nan)), "its lod is nan, expected a number from 0 to 2"),
        (change_variable(G, "dlatent_avg", None), "it has no mapping.w_avg"),
        (change_variable(G, "Dense0/weight", None, "mapping"), "it has no mapping.Dense0.weight"),
        (change_variable(G, "4x4/Conv/bias", None, "synthesis"), "its generator is not of the first"),
        (change_variable(G, "LabelConcat/weight", zeros(3, 5), "mapping"), "3 classes, and its discr"),
        (change_variable(D, "4x4/Conv/bias", zeros(5)), "differ in resolution or channels"),
        (change_variable(D, "4x4/Dense0/bias", zeros(4000)), "channels are not min"),
        (change_variable(G, "dlatent_avg", zeros(4000)), r"Dense0.weight is \(5, 7\), expected \(5, 4000\)"),
        (change_variable(G, "noise5", zeros(1, 1, 8, 8), "synthesis"), "noise_const is"),
    ],
)
def test_what_the_networks_have_not_is_refused(change, words, write_stylegan_pickle):
    path, *_ = write_stylegan_pickle("rgb", change=change)
    with pytest.raises(ValueError, match=words) as error:
        read_stylegan(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_variable(D, "8x8/Conv0/bias2", zeros(6)), "an unknown weight 8x8.Conv0.bias2"),
        (change_variable(D, "4x4/Dense1/weight", None), "no weight 4x4.Dense1.weight"),
        (change_variable(G, "dlatent_avg", zeros(7) + np.inf), "w_avg of its generator contains NaN"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change, words, write_stylegan_pickle):
    path, *_ = write_stylegan_pickle("rgb", change=change)
    with pytest.raises(ValueError, match=f"cannot be imported as StyleGAN: .*{words}"):
        import_stylegan(path)


def test_each_importer_tells_the_other_ones_pickles(write_stylegan_pickle, write_network_pickle):
    path, *_ = write_stylegan_pickle("rgb")
    with pytest.raises(ValueError, match="of the first StyleGAN, expected StyleGAN2"):
        read_stylegan2(path)
    path, _ = write_network_pickle("tensorflow_4")
    with pytest.raises(ValueError, match="contains networks of stylegan2, expected the first StyleGAN"):
        read_stylegan(path)
    path, _ = write_network_pickle("cifar")
    with pytest.raises(ValueError, match="does not contain three TensorFlow networks"):
        read_stylegan(path)


def test_images_of_8x8_are_refused(write_stylegan_pickle, monkeypatch):
    both, *others = official.CASES["rgb"]
    monkeypatch.setitem(official.CASES, "small", ({**both, "resolution": 8}, *others))
    path, *_ = write_stylegan_pickle("small")
    with pytest.raises(ValueError, match="its images are 8x8, expected 16x16 or larger"):
        read_stylegan(path)
