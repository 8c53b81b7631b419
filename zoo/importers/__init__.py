"""Official network pickles as models of the zoo, without PyTorch and without running the pickles."""

from .stylegan2 import OfficialStyleGAN2, import_stylegan2, read_stylegan2

__all__ = ["OfficialStyleGAN2", "import_stylegan2", "read_stylegan2"]
