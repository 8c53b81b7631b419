"""The old name of `stylegan_layers`, `stylegan_generator` and `stylegan_discriminator`."""

from ..deprecation import old_module
from . import stylegan_discriminator, stylegan_generator, stylegan_layers

__getattr__ = old_module(__name__, stylegan_generator, stylegan_discriminator, stylegan_layers)
