"""Networks, and what they are made of, that more than one family uses."""

from .. import keras_backend as keras_backend
