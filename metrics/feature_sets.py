"""Features of real images and of samples, computed once for all metrics that compare them."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, SupportsFloat

import numpy as np

from ..data import draws
from ..data.batches import Data, as_dataset, batches
from ..zoo.deprecation import old_arguments
from ..zoo.features import FeatureNetwork, feature_network
from ..zoo.model import ZooModel
from ..zoo.pictures import to_uint8
from ..zoo.progress import Progress
from .feature_cache import cached_features, fingerprint
from .samples import as_bytes, check_sampling, describe_samples, labels_like, sample_batches

# The default number of samples and of real images.
USUAL_NUM = 10_000


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureSets:
    """The outputs of a feature network for real images and for samples.

    Attributes:
      real: features of the real images, `[N, F]`.
      fake: features of the samples, `[M, F]`.
      probabilities: class probabilities of the samples, `[M, K]`.
      network: the name of the network.
      protocol: a description of the network, the real images and the samples.
      seed: seed of the metrics that draw subsets.

    Raises:
      ValueError: the sets have different numbers of features, fewer than 2 examples, or values that are not
        finite.
    """

    real: np.ndarray
    fake: np.ndarray
    probabilities: np.ndarray
    network: str = ""
    protocol: str = ""
    seed: int = 0

    def __post_init__(self):
        for name in ("real", "fake"):
            check_features(getattr(self, name), name)
        if self.real.shape[1] != self.fake.shape[1]:
            raise ValueError(
                f"fake must have as many features as real, got {self.fake.shape[1]} and {self.real.shape[1]}."
            )

    def entry(
        self, value: SupportsFloat, standard_error: SupportsFloat | None, protocol: str = ""
    ) -> dict[str, Any]:
        """Returns the entry of a metric of these sets."""
        return {
            "network": self.network,
            "protocol": f"{protocol}; {self.protocol}" if protocol else self.protocol,
            "value": float(value),
            "standard_error": None if standard_error is None else float(standard_error),
            "num_examples": len(self.fake),
        }


def check_features(features: np.ndarray, name: str) -> None:
    """Checks that statistics of `features` can be computed.

    Raises:
      ValueError: the shape is not `[N, F]` with N at least 2, or a value is not finite.
    """
    if np.ndim(features) != 2 or len(features) < 2:
        raise ValueError(
            f"{name}: got features of shape {list(np.shape(features))}, expected [N, F] of at least 2 images."
        )
    if not np.isfinite(features).all():
        raise ValueError(f"{name}: got features with NaN or infinity, expected finite numbers.")


@old_arguments(num="num_examples")
def compare_samples(
    model: ZooModel,
    dataset: Data,
    *,
    network: FeatureNetwork | None = None,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    dataset_name: str = "",
    split: str = "",
    **sampling: float | None,
) -> FeatureSets:
    """Returns the features of `num_examples` samples and of as many real images, drawn with `seed`.

    Only the features and one batch of images are held in memory. The features of real images are cached on
    disk (see `feature_cache`). A conditional model samples with the labels of the real images.

    Args:
      model: a model that samples images.
      dataset: the real images, as in `evaluate`.
      network: None: the SqueezeNet that ships with the package.
      num_examples: None: 10,000. The dataset may have fewer images.
      sampling: options from the model's `sampling_options`, such as temperature; None values are ignored.

    Raises:
      ValueError: the model does not have an option, or there are fewer than 2 real images or samples.
    """
    network = network or feature_network()
    num_examples = num_examples or USUAL_NUM
    options = check_sampling(model, sampling)
    real = real_features(
        model, dataset, network, num_examples, batch_size, verbose, dataset_name, split, seed
    )
    labels = labels_like(model, dataset, num_examples, seed)
    bar = Progress(num_examples, "samples", verbose)

    def sampled():
        for samples in sample_batches(model, num_examples, batch_size, seed, labels, options):
            yield as_bytes(model, samples)
            bar.add(len(samples))

    description = (
        f"{_describe(dataset, num_examples, seed, 'real images')}, "
        f"{describe_samples(num_examples, seed, options)}"
    )
    return _compare(real, sampled(), network, description, seed)


@old_arguments(num="num_examples")
def compare_images(
    model: ZooModel,
    dataset: Data,
    others: Data,
    *,
    network: FeatureNetwork | None = None,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    dataset_name: str = "",
    split: str = "",
    other_split: str = "train",
) -> FeatureSets:
    """Returns the same with real images in place of samples: the scores that a perfect model would have.

    Args:
      model: only gives the shape of the images.
      others: real images, such as those of the training split.
      other_split: the name of their split, to be recorded.
    """
    network = network or feature_network()
    num_examples = num_examples or USUAL_NUM
    real = real_features(
        model, dataset, network, num_examples, batch_size, verbose, dataset_name, split, seed
    )
    fake = (to_uint8(images) for images, _ in batches(model, others, batch_size, num_examples, seed))
    description = (
        f"{_describe(dataset, num_examples, seed, 'real images')}, "
        f"{_describe(others, num_examples, seed, f'images of {other_split}')}"
    )
    return _compare(real, fake, network, description, seed)


def _compare(
    real: np.ndarray, fake: Iterable[np.ndarray], network: FeatureNetwork, description: str, seed: int
) -> FeatureSets:
    """The features of real images, and of batches of images to compare with them."""
    outputs = [network.features_and_probabilities(images) for images in fake]
    features, probabilities = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
    return FeatureSets(
        real, features, probabilities, network.name, f"{network.protocol}; {description}", seed
    )


def real_features(
    model: ZooModel,
    dataset: Data,
    network: FeatureNetwork,
    num_examples: int,
    batch_size: int,
    verbose: bool,
    dataset_name: str,
    split: str,
    seed: int = 0,
) -> np.ndarray:
    """Returns the features of `num_examples` real images, drawn with `seed`, float32 `[N, F]`.

    Features in the cache are reused. A folder is the same dataset however its path is spelled.
    """
    examples = as_dataset(dataset)
    count = min(num_examples, int(examples.cardinality()))
    record = {
        "dataset": _resolved(dataset_name),
        "split": split,
        "num": count,
        "network": network.protocol,
        "weights": network.checksum,
    }

    def images():
        for batch, _ in batches(model, examples, batch_size, num_examples, seed):
            yield to_uint8(batch)

    def compute():
        bar = Progress(count, "images", verbose)
        features = []
        for batch in images():
            features.append(network.features(batch))
            bar.add(len(batch))
        return np.concatenate(features)

    return cached_features(fingerprint(record, images()), compute)


def _resolved(dataset_name: str) -> str:
    """The name of a dataset; for a folder or file, its absolute path."""
    path = Path(dataset_name).expanduser()
    return str(path.resolve()) if dataset_name and path.exists() else dataset_name


def _describe(data: Data, num_examples: int, seed: int, what: str) -> str:
    return draws.describe_draw(int(as_dataset(data).cardinality()), num_examples, seed, what)
