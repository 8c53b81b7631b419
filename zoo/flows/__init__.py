"""Normalizing flows, one readable file for each published system."""

from .. import keras_backend as keras_backend
from .flow import Flow
from .glow import Glow
from .multi_scale_flow import MultiScaleFlow
from .realnvp import RealNVP

__all__ = ["Flow", "Glow", "MultiScaleFlow", "RealNVP"]
