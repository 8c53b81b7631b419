"""Request samples, reconstructions, latents, w or scores from a model on TF Serving.

Images are written as a PNG grid. Numbers are printed; latents and w as JSON, which the options --latents,
--w, --w_a and --w_b can read.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..zoo import registry
from ..zoo.deprecation import warn_of_old_name
from ..zoo.signatures import STANDARD
from . import arguments as types
from . import capabilities, models

if TYPE_CHECKING:
    import numpy as np

    from ..export.client import Client

# Old names of signatures and options.
OLD_SIGNATURES = {"map": "mapping", "synthesize": "synthesis"}
OLD_OPTIONS = {"styles": {"synthesis": "w", "style_mix": "w_a"}, "other_styles": {"style_mix": "w_b"}}

# Defaults of options that are None unless given.
USUAL = {"num": 16, "seed": 0, "out": Path("grid.png"), "crossover": 4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(REQUESTS)
    parser.add_argument(
        "signature",
        choices=[*REQUESTS, *OLD_SIGNATURES],
        metavar="signature",
        help=f"signature to request: {names}",
    )
    parser.add_argument(
        "--model", default="glow-fashion-mnist", help="name of the model on the server (default %(default)s)"
    )
    parser.add_argument(
        "--server", help="host:port of the server (default localhost:8500, with --rest localhost:8501)"
    )
    parser.add_argument(
        "--rest", action="store_true", help="use REST, which does not need TensorFlow on the client"
    )
    parser.add_argument(
        "--version_label",
        help="version label, such as newest or previous (default: newest version)",
    )
    parser.add_argument(
        "--num", type=types.integer(1), help="number of samples or latents drawn (default 16)"
    )
    parser.add_argument("--seed", type=types.integer(0), help="random seed (default 0)")
    parser.add_argument(
        "--temperature",
        type=_number("temperature"),
        help="temperature of the samples of a flow or VAE (default 1)",
    )
    parser.add_argument(
        "--truncation", type=_number("truncation"), help="truncation psi of a StyleGAN (default 1)"
    )
    parser.add_argument(
        "--images", nargs="+", type=types.possible_path, help="image files to encode, reconstruct or score"
    )
    parser.add_argument(
        "--vectors", type=types.possible_path, help="vectors to encode, reconstruct or score: .npy or JSON"
    )
    parser.add_argument(
        "--latents",
        type=types.possible_path,
        help="latents to decode or map: .npy or JSON, as printed by encode (default: drawn from the prior)",
    )
    parser.add_argument(
        "--w",
        type=types.possible_path,
        help="w to synthesize: .npy or JSON, as printed by mapping (default: w of drawn latents)",
    )
    parser.add_argument("--w_a", type=types.possible_path, help="w to mix: the first styles")
    parser.add_argument("--w_b", type=types.possible_path, help="w to mix: the other styles")
    for old in OLD_OPTIONS:
        parser.add_argument(f"--{old}", type=types.possible_path, help=argparse.SUPPRESS)
    parser.add_argument(
        "--crossover",
        type=types.integer(0),
        help="number of styles from --w_a; the others are from --w_b (default 4)",
    )
    parser.add_argument(
        "--labels",
        type=types.labels,
        help="numbers of classes, such as 0,1,2, or names that the preset records, repeated in rotation, "
        "for a conditional model",
    )
    parser.add_argument("--json", action="store_true", default=None, help="print the whole response as JSON")
    parser.add_argument("--out", type=types.new_file(".png"), help="PNG to write (default grid.png)")


def _number(name: str) -> Callable[[str], float]:
    """The type of an option that is a number in the range of the signature's input."""
    minimum, maximum = STANDARD[name].minimum, STANDARD[name].maximum
    assert minimum is not None and maximum is not None
    return types.number(minimum, maximum)


def run(arguments: argparse.Namespace) -> None:
    arguments = _by_new_names(arguments)
    _check_options(arguments)
    arguments = types.changed(
        arguments,
        labels=_class_numbers(arguments),
        **{name: _read(arguments, name) for name in ARRAYS},
    )
    with _connect(arguments) as client:
        REQUESTS[arguments.signature][0](client, arguments)


def _by_new_names(arguments: argparse.Namespace) -> argparse.Namespace:
    """Replaces old names of signatures and options, with a warning for each."""
    asked: str = arguments.signature
    signature = OLD_SIGNATURES.get(asked, asked)
    renamed = {"signature": signature, "flat": asked == "map"}
    if signature != asked:
        warn_of_old_name(f"request {asked}", f"request {signature}")
    for old, by_signature in OLD_OPTIONS.items():
        if getattr(arguments, old) is not None:
            new = by_signature.get(signature, "")
            if not new or getattr(arguments, new) is not None:
                raise ValueError(f"{old} must not be given for {signature}.")
            warn_of_old_name(f"--{old}", f"--{new}")
            renamed |= {new: getattr(arguments, old), old: None}
    return types.changed(arguments, **renamed)


def _connect(arguments):
    from ..export import client

    given = {"model": arguments.model, "label": arguments.version_label}
    if arguments.server is not None:
        given["server"] = arguments.server
    if arguments.rest:
        return client.Rest(**given)
    client.Rest(**given)  # its checks of the arguments need no TensorFlow
    models.start_tensorflow()
    return client.Grpc(**given)


# The requests; each shows its response.


def _sample(client: "Client", arguments: argparse.Namespace) -> None:
    samples = client.sample(
        _value(arguments, "num"),
        _value(arguments, "seed"),
        arguments.temperature,
        _labels(arguments, _value(arguments, "num")),
        arguments.truncation,
    )
    _show_events(samples, arguments)


def _reconstruct(client: "Client", arguments: argparse.Namespace) -> None:
    import numpy as np

    events = _events(client, arguments)
    restored = client.reconstruct(events, _labels(arguments, len(events)))
    if arguments.json or restored.ndim == 2:
        return _show_events(restored, arguments)
    pairs = np.stack([events, restored], axis=1).reshape(-1, *events.shape[1:])
    models.save_grid(pairs, _value(arguments, "out"), columns=2 * min(len(events), 4))


def _log_prob(client: "Client", arguments: argparse.Namespace) -> None:
    events = _events(client, arguments)
    scores = client.scores(events, _labels(arguments, len(events)))
    _show_scores(scores, {"log_prob": "{:.2f} nats", "bits_per_dim": "{:.4f} bits/dim"}, arguments)


def _elbo(client: "Client", arguments: argparse.Namespace) -> None:
    images = _events(client, arguments)
    reconstruction, kl = client.elbo_parts(images, _value(arguments, "seed"), _labels(arguments, len(images)))
    scores = {"elbo": reconstruction - kl, "reconstruction": reconstruction, "kl": kl}
    texts = {name: f"{name} {{:.2f}} nats" for name in scores}
    _show_scores(scores, texts, arguments)


def _encode(client: "Client", arguments: argparse.Namespace) -> None:
    events = _events(client, arguments)
    _print_json({"latents": client.encode(events, _labels(arguments, len(events)))})


def _decode(client: "Client", arguments: argparse.Namespace) -> None:
    latents = _latents(client, arguments)
    events = client.decode(latents, _labels(arguments, len(latents)), arguments.truncation)
    _show_events(events, arguments)


def _mapping(client: "Client", arguments: argparse.Namespace) -> None:
    w = _mapped(client, arguments, _latents(client, arguments))
    _print_json({"styles": w.reshape(len(w), -1)} if arguments.flat else {"w": w})


def _synthesis(client: "Client", arguments: argparse.Namespace) -> None:
    w = arguments.w
    if w is None:
        w = _mapped(client, arguments, _latents(client, arguments))
    _show_events(client.synthesis(w), arguments)


def _style_mix(client: "Client", arguments: argparse.Namespace) -> None:
    import numpy as np

    if arguments.w_a is None:
        drawn = _latents(client, arguments, 2 * _value(arguments, "num"))
        w_a, w_b = np.split(_mapped(client, arguments, drawn), 2)
    else:
        w_a, w_b = arguments.w_a, arguments.w_b
    _show_events(client.style_mix(w_a, w_b, _value(arguments, "crossover")), arguments)


def _mapped(client, arguments, latents):
    return client.mapping(latents, _labels(arguments, len(latents)), arguments.truncation)


_EVENTS = ("images", "vectors", "labels", "json")
_DRAWN = ("num", "seed", "truncation", "labels", "json")

# For each signature, the function that requests it, and its options.
REQUESTS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "sample": (_sample, (*_DRAWN, "temperature", "out")),
    "reconstruct": (_reconstruct, (*_EVENTS, "out")),
    "log_prob": (_log_prob, _EVENTS),
    "encode": (_encode, _EVENTS),
    "decode": (_decode, (*_DRAWN, "latents", "out")),
    "elbo": (_elbo, ("images", "seed", "labels", "json")),
    "mapping": (_mapping, (*_DRAWN, "latents")),
    "synthesis": (_synthesis, (*_DRAWN, "w", "out")),
    "style_mix": (_style_mix, (*_DRAWN, "w_a", "w_b", "crossover", "out")),
}
OPTIONS = {name: None for _, names in REQUESTS.values() for name in names}
ARRAYS = ("vectors", "latents", "w", "w_a", "w_b")

# Options that have no effect if a file is given.
_INSTEAD = {
    "latents": ("num", "seed"),
    **{name: ("num", "seed", "truncation", "labels") for name in ("w", "w_a")},
}


def _check_options(arguments):
    """Rejects options that would have no effect, before any work."""
    signature = arguments.signature
    given = [name for name in OPTIONS if getattr(arguments, name) is not None]
    for name in given:
        if name not in REQUESTS[signature][1]:
            raise ValueError(f"{name} must not be given for {signature}.")
    for name, others in _INSTEAD.items():
        for other in others:
            if name in given and other in given:
                raise ValueError(f"{other} must not be given with {name}.")
    if ("w_a" in given) != ("w_b" in given):
        raise ValueError("w_a and w_b must be given together.")
    if "json" in given and "out" in given:
        raise ValueError("out must not be given with json, which is printed.")
    if "images" in REQUESTS[signature][1]:
        if not {"images", "vectors"} & set(given):
            raise ValueError(f"images must be given for {signature}.")
        if {"images", "vectors"} <= set(given):
            raise ValueError("images and vectors must not be given together.")
    capabilities.check_pictures(arguments.images or [])


def _value(arguments, name):
    given = getattr(arguments, name)
    return USUAL[name] if given is None else given


# Inputs.


def _events(client: "Client", arguments: argparse.Namespace) -> "np.ndarray":
    import numpy as np

    from ..zoo import pictures

    if arguments.vectors is not None:
        return arguments.vectors
    shape = client.event_shape
    if len(shape) != 3:
        raise ValueError(f"model must be a model of images, got '{arguments.model}' of vectors.")
    return np.stack([pictures.load_image(path, shape) for path in arguments.images])


def _latents(client, arguments, num=None):
    """Latents from the file, or standard normal ones (not those of `sample` for the same seed)."""
    import numpy as np

    if getattr(arguments, "latents", None) is not None:
        return arguments.latents
    num = num or _value(arguments, "num")
    return np.random.default_rng(_value(arguments, "seed")).standard_normal([num, client.latent_dim])


def _read(arguments, name):
    """The numbers in an option's file: .npy, or JSON with a list or an object printed by a request.

    The object contains them by name; the name of any w is `w`, or `styles` from an old version.
    """
    import numpy as np

    path = getattr(arguments, name)
    if path is None:
        return None
    try:
        if path.suffix == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict):
            of_w = "styles" if "styles" in content else "w"
            content = content[of_w if name.startswith("w") else name]
        return np.array(content, np.float64)
    except OSError as error:
        raise OSError(f"{name} file '{path}' cannot be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, EOFError):
        raise ValueError(f"{name} file '{path}' must hold rows of numbers, as .npy or JSON.") from None


def _labels(arguments, num):
    import numpy as np

    return None if arguments.labels is None else np.resize(arguments.labels, num)


def _class_numbers(arguments):
    """The labels as numbers; their names are those recorded by the preset with the model's name."""
    if arguments.labels is None:
        return None
    try:
        classes = registry.info(arguments.model).get("classes") or []
    except (ValueError, OSError):  # the server may have models that are not presets here
        classes = []
    return capabilities.numbers_of(arguments.labels, classes, arguments.model)


# Outputs.


def _show_events(events, arguments):
    """Writes images as a grid and points of the plane as a scatter plot; prints other vectors as JSON."""
    from ..zoo import pictures

    out = _value(arguments, "out")
    if arguments.json or (events.ndim == 2 and events.shape[1] != 2):
        _print_json({"images" if events.ndim == 4 else "vectors": events})
    elif events.ndim == 4:
        models.save_grid(events, out)
    else:
        pictures.save_png(pictures.scatter(events), out)
        print(f"{len(events)} points in {out}")


def _show_scores(scores, texts, arguments):
    """Prints a line per image or vector, or all scores as JSON."""
    if arguments.json:
        return _print_json(scores)
    count = len(next(iter(scores.values())))
    for i, name in enumerate(arguments.images or range(count)):
        found = [text.format(scores[score][i]) for score, text in texts.items() if score in scores]
        print(f"{name}: {', '.join(found)}")


def _print_json(answer):
    print(json.dumps({name: values.tolist() for name, values in answer.items()}))
