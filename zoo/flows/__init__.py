"""Normalizing flows, one readable file for each published system."""

from .flow import Flow
from .glow import Glow
from .realnvp import RealNVP

__all__ = ["Flow", "Glow", "RealNVP"]
