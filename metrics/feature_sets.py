"""Features of real images and of samples, computed once for all the metrics that compare them."""

import dataclasses
from pathlib import Path

import numpy as np

from ..data.batches import Data, as_dataset, batches
from ..data.draws import describe_draw
from ..zoo.deprecation import old_arguments
from ..zoo.features import FeatureNetwork, feature_network
from ..zoo.pictures import to_uint8
from ..zoo.progress import Progress
from .feature_cache import cached_features, fingerprint
from .samples import as_bytes, check_sampling, in_words, labels_like, sample_batches

# Samples, and real images, unless a number is given.
USUAL_NUM = 10_000


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureSets:
    """What a feature network makes of real images and of samples.

    Attributes:
      real: features of the real images, `[N, F]`.
      fake: features of the samples, `[M, F]`.
      probabilities: class probabilities of the samples, `[M, K]`.
      network: the name of the network.
      protocol: network, real images and samples, in words.
      seed: of the metrics that draw subsets.

    Raises:
      ValueError: sets of different widths, of fewer than 2 examples, or with values that are not finite.
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

    def entry(self, value: float, standard_error: float | None, protocol: str = "") -> dict:
        """What a metric of these sets returns."""
        return {
            "network": self.network,
            "protocol": f"{protocol}; {self.protocol}" if protocol else self.protocol,
            "value": float(value),
            "standard_error": None if standard_error is None else float(standard_error),
            "num_examples": len(self.fake),
        }


def check_features(features: np.ndarray, name: str) -> None:
    """Refuses sets that no statistics can be made of.

    Raises:
      ValueError: not `[N, F]` with N at least 2, or values that are not finite.
    """
    if np.ndim(features) != 2 or len(features) < 2:
        raise ValueError(
            f"{name}: got features of shape {list(np.shape(features))}, expected [N, F] of at least 2 images."
        )
    if not np.isfinite(features).all():
        raise ValueError(f"{name}: got features with NaN or infinity, expected finite numbers.")


@old_arguments(num="num_examples")
def compare_samples(
    model,
    dataset: Data,
    *,
    network: FeatureNetwork | None = None,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    dataset_name: str = "",
    split: str = "",
    **sampling,
) -> FeatureSets:
    """The features of `num_examples` samples and of as many real images, a draw of `seed`.

    Memory holds the features and a batch of images. The features of real images are cached on disk, see
    `feature_cache`. A conditional model samples the labels of the real images.

    Args:
      model: a model of images that samples.
      dataset: as `evaluate`'s; the real images.
      network: None: the SqueezeNet that is shipped.
      num_examples: None: 10,000; there may be fewer real images.
      sampling: of the model's `sampling_options`, such as temperature; None is no option.

    Raises:
      ValueError: an option that the model does not have, fewer than 2 real images or samples.
    """
    network = network or feature_network()
    num_examples = num_examples or USUAL_NUM
    sampling = check_sampling(model, sampling)
    real = real_features(
        model, dataset, network, num_examples, batch_size, verbose, dataset_name, split, seed
    )
    labels = labels_like(model, dataset, num_examples, seed)
    bar = Progress(num_examples, "samples", verbose)
    features, probabilities = [], []
    for samples in sample_batches(model, num_examples, batch_size, seed, labels, sampling):
        parts = network.features_and_probabilities(as_bytes(model, samples))
        features.append(parts[0])
        probabilities.append(parts[1])
        bar.add(len(samples))
    drawn = in_words(num_examples, seed, sampling)
    return FeatureSets(
        real=real,
        fake=np.concatenate(features),
        probabilities=np.concatenate(probabilities),
        network=network.name,
        protocol=f"{network.protocol}; {_part_of(dataset, num_examples, seed, 'real images')}, {drawn}",
        seed=seed,
    )


@old_arguments(num="num_examples")
def compare_images(
    model,
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
    """The same with real images in place of samples: what no model can be expected to beat.

    Args:
      model: tells the shape of the images, no more.
      others: real images, such as those of the training split.
      other_split: its name, for the record.
    """
    network = network or feature_network()
    num_examples = num_examples or USUAL_NUM
    options = (model, dataset, network, num_examples, batch_size, verbose, dataset_name, split, seed)
    real = real_features(*options)
    features, probabilities = [], []
    for images, _ in batches(model, others, batch_size, num_examples, seed):
        parts = network.features_and_probabilities(to_uint8(images))
        features.append(parts[0])
        probabilities.append(parts[1])
    fake = np.concatenate(features)
    return FeatureSets(
        real=real,
        fake=fake,
        probabilities=np.concatenate(probabilities),
        network=network.name,
        protocol=(
            f"{network.protocol}; {_part_of(dataset, num_examples, seed, 'real images')}, "
            f"{_part_of(others, num_examples, seed, f'images of {other_split}')}"
        ),
        seed=seed,
    )


def real_features(
    model,
    dataset: Data,
    network: FeatureNetwork,
    num_examples: int,
    batch_size: int,
    verbose: bool,
    dataset_name: str,
    split: str,
    seed: int = 0,
) -> np.ndarray:
    """The features of all real images, or of `num_examples` drawn ones, float32 `[N, F]`.

    They are taken from the cache if they are there. A folder is the same dataset however its path is spelled.
    """
    dataset = as_dataset(dataset)
    count = min(num_examples, int(dataset.cardinality()))
    record = {
        "dataset": _resolved(dataset_name),
        "split": split,
        "num": count,
        "network": network.protocol,
        "weights": network.checksum,
    }

    def images():
        for batch, _ in batches(model, dataset, batch_size, num_examples, seed):
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
    """The name of a dataset; of a folder or file one path, however it is spelled."""
    path = Path(dataset_name).expanduser()
    return str(path.resolve()) if dataset_name and path.exists() else dataset_name


def _part_of(data, num_examples, seed, what):
    return describe_draw(int(as_dataset(data).cardinality()), num_examples, seed, what)
