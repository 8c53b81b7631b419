"""How well a hyperplane separates the latents of a class from the others (Karras et al. 2019, section 4.2).

A classifier of images predicts the class of each sample. A linear support vector machine predicts the same
from the latents, for the samples that the classifier is most confident about. The conditional entropy
H(Y | X) of the classifier's prediction Y given the machine's prediction X measures what the hyperplane
misses; the score is exp of its sum over classes.

The paper has classifiers of 40 attributes of faces. Here the attributes are the classes of the labeled
dataset, and their classifiers are logistic regressions on features.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..data.batches import Data, as_dataset
from ..data.draws import describe_draw, draw
from ..zoo.features import FeatureNetwork, feature_network
from ..zoo.model import ZooModel
from ..zoo.pictures import to_uint8
from ..zoo.progress import Progress
from .feature_sets import USUAL_NUM
from .latents import check_prior, draw_latents, styles
from .metric import metric
from .per_example import numbered_seeds
from .samples import as_bytes, batch_of_labels, check_sampling, describe_options, labels_like


@metric(
    unit="of 1 at best",
    better="lower",
    needs=("images", "samples", "labels"),
    options=("network", "temperature", "truncation"),
)
def linear_separability_z(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """Separability of the normal latents z; settings as in `separability_of`."""
    return separability_of(model, dataset, space="z", **settings)


@metric(
    unit="of 1 at best",
    better="lower",
    needs=("images", "samples", "styles", "labels"),
    options=("network", "temperature", "truncation"),
)
def linear_separability_w(model: ZooModel, dataset: Data, **settings: Any) -> dict[str, Any]:
    """Separability of the styles w of a style model; settings as in `separability_of`."""
    return separability_of(model, dataset, space="w", **settings)


def separability_of(
    model: ZooModel,
    dataset: Data,
    *,
    space: str,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    network: FeatureNetwork | None = None,
    **sampling: float | None,
) -> dict[str, Any]:
    """exp(sum of H(Y | X) over classes) for `num_examples` samples; 1 at best.

    For each class, the half of the samples with the most confident predictions is kept. The support vector
    machine is trained on one half of these and scored on the other, so that it cannot memorize them; the
    paper, with 100,000 samples, scores it on its training set.

    Args:
      model: a model that decodes standard normal latents; for w, a style model.
      dataset: labeled images to train the classifiers on: all, or `num_examples` drawn ones.
      space: "z" or "w".
      num_examples: None: 10,000.
      sampling: `truncation` of a style model.

    Raises:
      ValueError: the dataset has no labels or fewer than 2 classes, the model has another prior, or an
        option is unknown.

    Returns a dict with name, value, standard_error (None), unit, num_examples, protocol; and for each class,
    `entropies` in nats.
    """
    check_prior(model)
    network = network or feature_network()
    num_examples = num_examples or USUAL_NUM
    options = check_sampling(model, sampling)
    classifier, trained_on = _classifier(dataset, network, num_examples, batch_size, seed)
    labels = labels_like(model, dataset, num_examples, seed)
    bar = Progress(num_examples, "samples", verbose)
    latents, logits = [], []
    for first in range(0, num_examples, batch_size):
        rows = numbered_seeds(seed, first, batch_size)
        classes = batch_of_labels(labels, first, batch_size)
        points, images = _latents_and_images(model, rows, space, classes, options)
        latents.append(points[: num_examples - first])
        logits.append(classifier(network.features(as_bytes(model, images)))[: num_examples - first])
        bar.add(len(latents[-1]))
    entropies = conditional_entropies(np.concatenate(latents), np.concatenate(logits), seed)
    return {
        "network": network.name,
        "protocol": (
            f"{network.protocol}; {len(entropies)} logistic regressions on {trained_on}; linear SVM on half "
            f"of the surest half of {num_examples} samples, scored on the rest, seed {seed}"
            f"{describe_options(options)}"
        ),
        "value": float(np.exp(entropies.sum())),
        "standard_error": None,
        "num_examples": num_examples,
        "entropies": entropies.tolist(),
    }


def conditional_entropies(latents: np.ndarray, logits: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns H(Y | X) in nats for each class, `[K]`.

    Args:
      latents: `[N, D]`.
      logits: of each class against the rest, `[N, K]`; positive: predicted to be of the class.
      seed: seed of the split into halves.
    """
    order = np.random.default_rng(seed).permutation(len(latents))
    points = np.asarray(latents, np.float64)[order]
    return np.array([_held_out_entropy(points, column) for column in np.asarray(logits)[order].T])


def _held_out_entropy(points, logits):
    surest = np.sort(np.argsort(-np.abs(logits), kind="stable")[: len(logits) // 2])
    points, is_class = points[surest], logits[surest] > 0
    half = len(points) // 2
    predicted = _hyperplane(points[:half], is_class[:half])(points[half:])
    return conditional_entropy(is_class[half:], predicted)


def _hyperplane(points, is_class) -> Callable[[np.ndarray], np.ndarray]:
    """Points -> the side of the hyperplane that separates the class from the rest."""
    if is_class.all() or not is_class.any():
        return lambda x: np.full(len(x), bool(is_class[0]))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    scaler = StandardScaler().fit(points)
    with warnings.catch_warnings():  # the hyperplane of the last iteration is good enough
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = LinearSVC(C=0.1, dual=False, max_iter=200).fit(scaler.transform(points), is_class)
    return lambda x: machine.predict(scaler.transform(x))


def conditional_entropy(y: np.ndarray, x: np.ndarray) -> float:
    """Returns H(Y | X) in nats of two binary variables, bool `[N]`.

    >>> import numpy as np
    >>> from latentzoo.metrics.linear_separability import conditional_entropy
    >>> y = np.array([True, False, True, False])
    >>> conditional_entropy(y, ~y), round(conditional_entropy(y, np.ones(4, bool)), 6)
    (0.0, 0.693147)
    """
    total = 0.0
    for x_value in (False, True):
        ys = y[x == x_value]
        for y_value in (False, True):
            joint = np.sum(ys == y_value)
            if joint:
                total -= joint / len(y) * np.log(joint / len(ys))
    return float(total)


def _classifier(dataset, network, num_examples, batch_size, seed):
    """(features -> logits of each class against the rest, a description of the training data)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    dataset = as_dataset(dataset)
    if not isinstance(dataset.element_spec, tuple):
        raise ValueError("dataset: got images without labels, expected (image, label) pairs.")
    features, labels = [], []
    for images, classes in draw(dataset, num_examples, seed).batch(batch_size):
        features.append(network.features(to_uint8(images)))
        labels.append(classes.numpy())
    features, labels = np.concatenate(features), np.concatenate(labels)
    known = np.unique(labels)
    if len(known) < 2:
        raise ValueError(f"dataset: got images of {len(known)} class, expected at least 2.")
    scaler = StandardScaler().fit(features)
    x = scaler.transform(features)
    parts = [LogisticRegression(C=0.01, max_iter=500).fit(x, labels == label) for label in known]
    # Protocols are recorded: their text does not change.
    trained_on = describe_draw(int(dataset.cardinality()), num_examples, seed, "labelled images")
    weights = np.concatenate([part.coef_ for part in parts])
    offsets = np.concatenate([part.intercept_ for part in parts])
    return lambda h: scaler.transform(h) @ weights.T + offsets, trained_on


def _latents_and_images(model, rows, space, labels, options):
    z = draw_latents(model, rows, 0)
    if not model.has_styles:
        return z, np.asarray(model.decode(z, **model.condition.keywords(labels)))
    w = styles(model, z, labels, options)
    images = np.asarray(model.synthesis(w, noise="random", seed=rows))
    return (z if space == "z" else w[:, 0]), images
