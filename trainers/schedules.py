"""Learning-rate schedules: linear warm-up, then constant or cosine.

Warm-up keeps a flow invertible in its first steps (Glow, Kingma and Dhariwal 2018, appendix C). The
cosine schedule is that of SGDR (Loshchilov and Hutter 2017, equation 5), without restarts.
"""

from ..zoo import keras_backend  # noqa: F401  # isort: skip
import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="latentzoo")
class WarmupConstant(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak` over `warmup_steps`, then stays constant.

    The rate of step t (counted from 0) is peak * min(1, (t + 1) / warmup_steps), so the first step
    already changes the weights.

    >>> from latentzoo.trainers.schedules import WarmupConstant
    >>> schedule = WarmupConstant(0.01, warmup_steps=4)
    >>> [round(float(schedule(step)), 4) for step in (0, 1, 3, 100)]
    [0.0025, 0.005, 0.01, 0.01]
    """

    def __init__(self, peak: float, warmup_steps: int = 0):
        self.peak = peak
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        return self.peak * ops.minimum(1.0, (step + 1.0) / max(self.warmup_steps, 1))

    def get_config(self) -> dict:
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}


@keras.saving.register_keras_serializable(package="latentzoo")
class WarmupCosine(WarmupConstant):
    """Rises linearly to `peak`, then falls along half a cosine period to `final` * peak at `steps`.

    With w = warmup_steps and p = (t - w) / (steps - w), clipped to [0, 1], the rate of step t >= w
    is peak * (final + (1 - final) * (1 + cos(pi p)) / 2).

    >>> from latentzoo.trainers.schedules import WarmupCosine
    >>> schedule = WarmupCosine(0.01, warmup_steps=2, steps=12, final=0.0)
    >>> [round(float(schedule(step)), 4) for step in (0, 1, 2, 7, 12)]
    [0.005, 0.01, 0.01, 0.005, 0.0]
    """

    def __init__(self, peak: float, warmup_steps: int, steps: int, final: float = 0.02):
        super().__init__(peak, warmup_steps)
        if steps <= warmup_steps:
            raise ValueError(f"warmup_steps: got {warmup_steps}, expected fewer than the {steps} steps.")
        self.steps = steps
        self.final = final

    def __call__(self, step):
        progress = (ops.cast(step, "float32") - self.warmup_steps) / (self.steps - self.warmup_steps)
        cosine = 0.5 * (1.0 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0)))
        return super().__call__(step) * (self.final + (1.0 - self.final) * cosine)

    def get_config(self) -> dict:
        return {**super().get_config(), "steps": self.steps, "final": self.final}
