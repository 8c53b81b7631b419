"""Imports official network pickles as models of the zoo, without PyTorch and without running the pickles."""

from .. import keras_backend as keras_backend
from .models import OfficialModel
from .stylegan import import_stylegan, read_stylegan
from .stylegan2 import import_stylegan2, read_stylegan2

__all__ = ["OfficialModel", "import_stylegan", "import_stylegan2", "read_stylegan", "read_stylegan2"]
