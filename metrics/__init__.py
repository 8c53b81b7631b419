"""Metrics of models. Each is declared in its own file (see `metrics.metric`); `METRICS` finds them all.

Importing this package does not import TensorFlow; the first use of `evaluate` does.
"""

from typing import TYPE_CHECKING

from ..zoo.lazy import attach

if TYPE_CHECKING:
    from .evaluation import evaluate
    from .feature_sets import FeatureSets, compare_images, compare_samples
    from .register import METRICS, names_for

__all__ = [
    "METRICS",
    "FeatureSets",
    "compare_images",
    "compare_samples",
    "evaluate",
    "names_for",
]
_MODULES = {
    "METRICS": "register",
    "FeatureSets": "feature_sets",
    "compare_images": "feature_sets",
    "compare_samples": "feature_sets",
    "evaluate": "evaluation",
    "names_for": "register",
}
__getattr__, __dir__ = attach(__name__, __all__, _MODULES)
