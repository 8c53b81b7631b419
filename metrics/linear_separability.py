"""How well a plane parts the latents of a class from the others' (Karras et al. 2019, section 4.2).

A classifier of images says of each sample whether it is of a class; of the samples it is surest of, a linear
support vector machine tells the same from the latents. What it leaves open is the conditional entropy
H(Y | X) of the classifier's answer Y given the machine's answer X; the score is exp of the sum over classes.

The paper has classifiers of 40 attributes of faces. Here the attributes are the classes of the labelled data
at hand, and their classifiers are logistic regressions of features.
"""

import warnings

import numpy as np

from ..data.batches import Data, as_dataset
from ..data.draws import describe_draw, draw
from ..zoo.features import FeatureNetwork, feature_network
from ..zoo.pictures import to_uint8
from ..zoo.progress import Progress
from .feature_sets import USUAL_NUM
from .latents import check_prior, draw_latents, styles
from .metric import metric
from .per_example import numbered_seeds
from .samples import as_bytes, check_sampling, labels_like


@metric(
    unit="of 1 at best",
    better="lower",
    needs=("images", "samples", "labels"),
    options=("network", "temperature", "truncation"),
)
def linear_separability_z(model, dataset: Data, **settings) -> dict:
    """Of the normal latents z; settings as `separability_of`'s."""
    return separability_of(model, dataset, space="z", **settings)


@metric(
    unit="of 1 at best",
    better="lower",
    needs=("images", "samples", "styles", "labels"),
    options=("network", "temperature", "truncation"),
)
def linear_separability_w(model, dataset: Data, **settings) -> dict:
    """Of the styles w, of style models."""
    return separability_of(model, dataset, space="w", **settings)


def separability_of(
    model,
    dataset: Data,
    *,
    space: str,
    num_examples: int | None = None,
    batch_size: int = 64,
    seed: int = 0,
    verbose: bool = True,
    network: FeatureNetwork | None = None,
    **sampling,
) -> dict:
    """exp(sum of H(Y | X) over classes) of `num_examples` samples; 1 at best.

    For each class the half of the samples that its classifier is surest of is kept. The machine learns from
    one half of these and is scored on the other, so that it cannot learn its latents by heart; the paper,
    with 100,000 of them, scores it on what it learnt from.

    Args:
      model: any that decodes standard normal latents; for W, a style model.
      dataset: labelled images, to train the classifiers on: all, or `num_examples` drawn ones.
      space: "z" or "w".
      num_examples: None: 10,000.
      sampling: `truncation` of a style model.

    Raises:
      ValueError: no labels, fewer than 2 classes, a model with another prior, an unknown option.

    Returns a dict with name, value, standard_error (None), unit, num_examples, protocol; and by class,
    `entropies` in nats.
    """
    check_prior(model)
    network = network or feature_network()
    num_examples = num_examples or USUAL_NUM
    sampling = check_sampling(model, sampling)
    classifier, learnt_from = _classifier(dataset, network, num_examples, batch_size, seed)
    labels = labels_like(model, dataset, num_examples, seed)
    bar = Progress(num_examples, "samples", verbose)
    latents, logits = [], []
    for first in range(0, num_examples, batch_size):
        rows = numbered_seeds(seed, first, batch_size)
        classes = None if labels is None else np.resize(labels[first:], batch_size)
        points, images = _latents_and_images(model, rows, space, classes, sampling)
        latents.append(points[: num_examples - first])
        logits.append(classifier(network.features(as_bytes(model, images)))[: num_examples - first])
        bar.add(len(latents[-1]))
    entropies = conditional_entropies(np.concatenate(latents), np.concatenate(logits), seed)
    options = "".join(f", {name} {value:g}" for name, value in sampling.items())
    return {
        "network": network.name,
        "protocol": (
            f"{network.protocol}; {len(entropies)} logistic regressions on {learnt_from}; linear SVM on half "
            f"of the surest half of {num_examples} samples, scored on the rest, seed {seed}{options}"
        ),
        "value": float(np.exp(entropies.sum())),
        "standard_error": None,
        "num_examples": num_examples,
        "entropies": entropies.tolist(),
    }


def conditional_entropies(latents: np.ndarray, logits: np.ndarray, seed: int = 0) -> np.ndarray:
    """H(Y | X) in nats of each class, `[K]`.

    Args:
      latents: `[N, D]`.
      logits: of each class against the rest, `[N, K]`; above 0: it is of the class.
      seed: of the halves.
    """
    order = np.random.default_rng(seed).permutation(len(latents))
    points = np.asarray(latents, np.float64)[order]
    return np.array([_entropy_left(points, column) for column in np.asarray(logits)[order].T])


def _entropy_left(points, logits):
    surest = np.sort(np.argsort(-np.abs(logits), kind="stable")[: len(logits) // 2])
    points, is_class = points[surest], logits[surest] > 0
    half = len(points) // 2
    predicted = _plane(points[:half], is_class[:half])(points[half:])
    return conditional_entropy(is_class[half:], predicted)


def _plane(points, is_class):
    """Points -> the side of the plane that parts the class from the rest."""
    if is_class.all() or not is_class.any():
        return lambda x: np.full(len(x), bool(is_class[0]))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    scaler = StandardScaler().fit(points)
    with warnings.catch_warnings():  # the last iteration's plane will do
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = LinearSVC(C=0.1, dual=False, max_iter=200).fit(scaler.transform(points), is_class)
    return lambda x: machine.predict(scaler.transform(x))


def conditional_entropy(y: np.ndarray, x: np.ndarray) -> float:
    """H(Y | X) in nats of two answers, bool `[N]`.

    >>> import numpy as np
    >>> from latentzoo.metrics.linear_separability import conditional_entropy
    >>> y = np.array([True, False, True, False])
    >>> conditional_entropy(y, ~y), round(conditional_entropy(y, np.ones(4, bool)), 6)
    (0.0, 0.693147)
    """
    total = 0.0
    for given in (False, True):
        answers = y[x == given]
        for said in (False, True):
            joint = np.sum(answers == said)
            if joint:
                total -= joint / len(y) * np.log(joint / len(answers))
    return float(total)


def _classifier(dataset, network, num_examples, batch_size, seed):
    """Features -> logits of each class against the rest; and what it has learnt from, in words."""
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
    learnt_from = describe_draw(int(dataset.cardinality()), num_examples, seed, "labelled images")
    weights = np.concatenate([part.coef_ for part in parts])
    offsets = np.concatenate([part.intercept_ for part in parts])
    return lambda h: scaler.transform(h) @ weights.T + offsets, learnt_from


def _latents_and_images(model, rows, space, labels, sampling):
    z = draw_latents(model, rows, 0)
    if not model.has_styles:
        return z, np.asarray(model.decode(z, labels))
    w = styles(model, z, labels, sampling)
    images = np.asarray(model.synthesis(w, noise="random", seed=rows))
    return (z if space == "z" else w[:, 0]), images
