"""Binarisation: grey values are probabilities, and each image has one draw of its own."""

import numpy as np
import tensorflow as tf

from latentzoo.zoo.vaes.binarization import binarize, binarize_once


def test_grey_values_are_probabilities_of_white():
    grey = np.repeat(np.arange(256, dtype=np.uint8), 4000).reshape(256, 40, 100, 1)
    white = np.mean(binarize_once(tf.constant(grey), seed=0), axis=(1, 2, 3))
    p = np.arange(256) / 255
    assert np.all(np.abs(white - p) <= 4 * np.sqrt(p * (1 - p) / 4000))
    assert white[0] == 0 and white[-1] == 1


def test_black_and_white_images_stay_as_they_are(clothes):
    white = clothes[0] > 127
    for noise in (0.0, 0.5, np.nextafter(np.float32(1), np.float32(0))):
        noise = tf.fill(white.shape, tf.constant(noise, tf.float32))
        np.testing.assert_array_equal(binarize(tf.constant(255 * white.astype(np.uint8)), noise), white)
    for images in (255 * white.astype(np.uint8), white.astype(np.float32)):
        np.testing.assert_array_equal(binarize_once(tf.constant(images), seed=0), white)


def test_an_image_has_one_binarisation_whatever_batch_it_comes_in(clothes):
    images = tf.constant(clothes[0])
    whole = binarize_once(images, seed=0)
    np.testing.assert_array_equal(binarize_once(images[5:8], seed=0), whole[5:8])
    np.testing.assert_array_equal(binarize_once(images[::-1], seed=0), whole[::-1])
    np.testing.assert_array_equal(tf.function(binarize_once)(images, seed=0), whole)


def test_other_seeds_and_other_images_have_other_draws(clothes):
    images = tf.constant(clothes[0])
    grey = (clothes[0] > 64) & (clothes[0] < 192)
    changed = np.mean(binarize_once(images, seed=0) != binarize_once(images, seed=1), where=grey)
    assert 0.3 < changed < 0.6
    # One pixel other by one step in 255: all the noise is another.
    other = np.copy(clothes[0])
    other[:, 0, 0, 0] ^= 1
    changed = binarize_once(tf.constant(other), seed=0) != binarize_once(images, seed=0)
    assert 0.3 < np.mean(changed, where=grey) < 0.6


def test_a_float_image_has_the_draw_of_its_8_bit_values(clothes):
    grey = clothes[0].astype(np.float32) / 255
    np.testing.assert_array_equal(
        binarize_once(tf.constant(grey), seed=0), binarize_once(tf.constant(clothes[0]), seed=0)
    )
