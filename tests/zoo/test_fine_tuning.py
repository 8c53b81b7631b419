"""A loaded preset, trained on other images of the same shape."""

import keras
import numpy as np

from latentzoo import zoo


def test_fine_tuning_a_preset_on_other_images(trained, clothes, tmp_path):
    trained("plain").save_to_preset(tmp_path / "clothes")
    negatives = 255 - clothes[0]

    model = zoo.load(tmp_path / "clothes")
    model.compile(optimizer=keras.optimizers.Adamax(1e-2), run_eagerly=True)
    before = model.evaluate(negatives, verbose=0)
    model.fit(negatives, batch_size=64, epochs=5, verbose=0)

    np.testing.assert_allclose(
        before, np.mean(trained("plain")(negatives)), rtol=1e-5
    )  # started from the preset
    assert model.evaluate(negatives, verbose=0) < before - 0.05
    model.save_to_preset(tmp_path / "negatives", metadata={"dataset": "negatives"})
    again = zoo.load(tmp_path / "negatives")
    np.testing.assert_array_equal(again.log_prob(negatives), model.log_prob(negatives))


def test_a_trained_top_prior_is_enough_to_lower_the_loss(trained, tiny, clothes):
    """Only one part is trained: all but the prior of the last level is frozen."""
    model = tiny()
    model.set_weights(trained("plain").get_weights())
    for layer in model.layers:
        layer.trainable = layer.name == "top_prior"
    assert [weight.path.split("/")[-2:] for weight in model.trainable_weights] == [["top_prior", "prior"]]
    model.compile(optimizer=keras.optimizers.Adam(0.03), run_eagerly=True)
    negatives = 255 - clothes[0]
    before = model.evaluate(negatives, verbose=0)
    model.fit(negatives, batch_size=64, epochs=4, verbose=0)
    assert model.evaluate(negatives, verbose=0) < before - 0.01
