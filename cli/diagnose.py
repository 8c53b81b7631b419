"""Diagnose a model: likelihoods, outliers, nearest training images, latents, precision and recall."""

import argparse
import json
from collections.abc import Sequence

from ..zoo import folders
from ..zoo.deprecation import warn_of_old_name
from . import arguments as types
from . import capabilities, models

PARTS = ("likelihood", "neighbors", "latents", "sweep")
OLD_PARTS = {"neighbours": "neighbors"}

# Options of `sample` that trade diversity for quality, and their values in a sweep.
_NARROWING = ("truncation", "temperature")
_VALUES = (0.3, 0.5, 0.7, 0.85, 1.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    types.add_preset(parser)
    types.add_dataset(parser, split=None)
    parser.add_argument("--other", help="second dataset, whose likelihoods are compared with the first's")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*PARTS, *OLD_PARTS],
        metavar="PART",
        help=f"parts of the diagnosis, from {', '.join(PARTS)} (default: all that the model has)",
    )
    parser.add_argument(
        "--num_examples",
        "--num",
        type=types.integer(20),
        default=2000,
        help="images of each dataset, drawn with the seed (default %(default)s)",
    )
    parser.add_argument(
        "--pictures",
        type=types.integer(1),
        default=16,
        help="number of outliers and of samples shown (default %(default)s)",
    )
    parser.add_argument(
        "--map",
        choices=("pca", "tsne"),
        default="tsne",
        help="method of the latent map (default %(default)s)",
    )
    types.add_batch_size(parser)
    types.add_seed(parser)
    parser.add_argument(
        "--out", type=types.new_folder, default="diagnosis", help="folder to write in (default %(default)s)"
    )


def run(arguments: argparse.Namespace) -> None:
    preset = capabilities.of_preset(arguments.preset).require_images()
    arguments.split = models.usual_split(arguments)
    has = {
        "likelihood": preset.likelihood_kind is not None,
        "neighbors": preset.sampling_options is not None,
        "latents": preset.can("encode"),
        "sweep": _narrowing(preset) is not None,
    }
    parts = _by_new_names(arguments.only) or [part for part in PARTS if has[part]]
    for part in parts:
        if not has[part]:
            raise ValueError(f"only: got {part}, which a {preset.model.name} does not have.")
    models.check_data(arguments)
    if arguments.other:
        models.check_data(types.changed(arguments, dataset=arguments.other))
    model = models.load_model(arguments.preset)
    arguments.out.mkdir(parents=True, exist_ok=True)
    look = {"likelihood": _likelihood, "neighbors": _neighbors, "latents": _latents, "sweep": _sweep}
    found = {}
    for part in parts:
        models.note(f"diagnosing {part} ...")
        found |= look[part](model, arguments)
    path = arguments.out / "diagnosis.json"
    with folders.replacing(path) as scratch:
        scratch.write_text(json.dumps(found, indent=2) + "\n")
    print(f"all numbers in {path}")


def _by_new_names(parts: list[str] | None) -> list[str]:
    for old in OLD_PARTS.keys() & set(parts or ()):
        warn_of_old_name(f"--only {old}", f"--only {OLD_PARTS[old]}")
    return [OLD_PARTS.get(part, part) for part in parts or ()]


def _likelihood(model, arguments):
    import numpy as np

    from ..data import draws
    from ..metrics import likelihood, plots

    name = f"{models.dataset_name(arguments)}, {arguments.split}"
    with models.load_data(arguments, model) as dataset:
        own = _log_likelihoods(model, dataset, arguments)
        numbers = draws.drawn_numbers(int(dataset.cardinality()), arguments.num_examples, arguments.seed)
        least = numbers[np.argsort(own, kind="stable")[: arguments.pictures]]
        outliers = likelihood.images_of(dataset, least, model)
    models.save_grid(outliers, arguments.out / "outliers.png")
    # One half is the reference; the other is tested, as data of the same distribution.
    reference, rest = np.array_split(np.random.default_rng(arguments.seed).permutation(own), 2)
    values, tested = {name: own}, {name: rest}
    if arguments.other:
        of_other = types.changed(arguments, dataset=arguments.other)
        with models.load_data(of_other, model) as dataset:
            other = _log_likelihoods(model, dataset, of_other)
        name = f"{arguments.other}, {arguments.split}"
        values[name] = tested[name] = other
    label = "ELBO in nats" if model.likelihood_kind == "bound" else "log p in nats"
    title = f"likelihoods of images in {_short_name(arguments)}"
    plots.save_histogram(values, label, arguments.out / "likelihood.png", title=title)
    print(f"likelihoods in {arguments.out / 'likelihood.png'}")
    found = {"outliers": least.tolist(), "likelihood": {}}
    for name, numbers in values.items():
        test = likelihood.atypical_batches(reference, tested[name], seed=arguments.seed)
        found["likelihood"][name] = {
            "mean": float(numbers.mean()), "standard_deviation": float(numbers.std()), "typicality": test
        }  # fmt: skip
        print(
            f"{name}: {label} {numbers.mean():.2f} ± {numbers.std():.2f} (standard deviation); "
            f"{100 * test['rejected']:.1f}% of {test['batches']} batches of 10 are atypical"
        )
    return found


def _log_likelihoods(model, dataset, arguments):
    from ..metrics import likelihood

    return likelihood.log_likelihoods(model, dataset, **_settings(arguments))


def _settings(arguments):
    return {name: getattr(arguments, name) for name in ("num_examples", "batch_size", "seed")}


def _neighbors(model, arguments):
    import numpy as np

    from ..data.draws import drawn_numbers
    from ..metrics.likelihood import images_of
    from ..metrics.nearest_neighbors import nearest_neighbors
    from ..metrics.samples import as_bytes, labels_like, sample_batches
    from ..zoo.pictures import to_uint8

    count = min(arguments.pictures, 64)
    with models.load_data(arguments, model) as dataset:
        labels = labels_like(model, dataset, count, arguments.seed)
        (samples,) = sample_batches(model, count, count, arguments.seed, labels, {})
        samples = as_bytes(model, samples)
        numbers = drawn_numbers(int(dataset.cardinality()), count, arguments.seed)
        real = images_of(dataset, numbers, model)
    of_training = types.changed(arguments, split="train")
    with models.load_data(of_training, model) as training:
        both = np.concatenate([samples, to_uint8(real)])
        distances, images = nearest_neighbors(both, model, training)
    rows = np.concatenate([samples[:, None], images[: len(samples)]], axis=1)
    path = arguments.out / "neighbors.png"
    heads = ["sample", "nearest", *(f"{rank}." for rank in range(2, rows.shape[1]))]
    models.save_grid(rows.reshape(-1, *rows.shape[2:]), path, len(heads), column_names=heads)
    of_samples, of_real = distances[: len(samples), 0], distances[len(samples) :, 0]
    print(
        f"distance to the nearest training image, median: samples {np.median(of_samples):.4f}, "
        f"{arguments.split} images {np.median(of_real):.4f}"
    )
    return {"neighbors": {"samples": of_samples.tolist(), arguments.split: of_real.tolist()}}


def _latents(model, arguments):
    import numpy as np

    from ..data.draws import draw
    from ..metrics import plots
    from ..metrics.latent_map import latent_map

    latents, labels = [], []
    class_names = _class_names(arguments, model)
    with models.load_data(arguments, model, labels=class_names is not None) as dataset:
        for batch in draw(dataset, arguments.num_examples, arguments.seed).batch(arguments.batch_size):
            images, classes = batch if isinstance(batch, tuple) else (batch, None)
            latents.append(np.asarray(model.encode(images, labels=classes if model.num_classes else None)))
            labels.append(classes)
    labels = None if labels[0] is None else np.concatenate(labels)
    points = latent_map(np.concatenate(latents), arguments.map, arguments.seed)
    path = arguments.out / "latents.png"
    axis = {"tsne": "t-SNE", "pca": "principal component"}[arguments.map]
    data = f"{models.dataset_name(arguments)}, {arguments.split}"
    title = f"latents of {len(points)} images ({data}) in {_short_name(arguments)}"
    plots.save_map(points, labels, path, class_names=class_names or (), title=title, axis=axis)
    print(f"a map of {len(points)} latents in {path}")
    return {"latents": {"method": arguments.map, "num": len(points)}}


def _short_name(arguments):
    return capabilities.of_preset(arguments.preset).short_name


def _narrowing(model):
    """The sampling option of a model that trades diversity for quality, or None."""
    return next((option for option in _NARROWING if option in (model.sampling_options or ())), None)


def _sweep(model, arguments):
    from .. import metrics
    from ..metrics import plots

    option = _narrowing(model)
    assert option is not None  # checked before
    scores, rows = [], []
    with models.load_data(arguments, model) as dataset:
        for value in _VALUES:
            scores = metrics.evaluate(
                model, dataset, names=["precision", "recall"], dataset_name=models.dataset_name(arguments),
                split=arguments.split, **{**_settings(arguments), option: value},
            )  # fmt: skip
            rows.append({option: value, "precision": scores[0]["value"], "recall": scores[1]["value"]})
            print(", ".join(f"{name} {number:.3f}" for name, number in rows[-1].items()))
    path = arguments.out / "sweep.png"
    curves: dict[str, Sequence[float]] = {
        name: [row[name] for row in rows] for name in ("precision", "recall")
    }
    title = f"{arguments.num_examples} samples of {_short_name(arguments)} by {option}"
    plots.save_curves(_VALUES, curves, option, path, title)
    print(f"precision and recall against {option} in {path}")
    return {"sweep": {"protocol": scores[0]["protocol"], "rows": rows}}


def _class_names(arguments, model):
    """The class names of the data, empty if they are not known; None for data without labels."""
    from ..data import loading as data

    name = models.dataset_name(arguments)
    try:
        source = data.source(name, arguments.split, models.shape_for(name, model.event_shape), labels=True)
    except ValueError:  # no labels; other mistakes are errors without them too
        return None
    return getattr(source, "class_names", ())
