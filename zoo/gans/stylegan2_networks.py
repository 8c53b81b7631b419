"""The old name of `stylegan2_generator` and `stylegan2_discriminator`."""

from ..deprecation import old_module
from . import stylegan2_discriminator, stylegan2_generator

__getattr__ = old_module(__name__, stylegan2_generator, stylegan2_discriminator)
