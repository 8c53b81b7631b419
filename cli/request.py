"""Ask a model on TF Serving for samples, reconstructions or scores."""

import argparse

from . import arguments as types
from . import models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("signature", choices=list(REQUESTS), help="what to ask for")
    parser.add_argument(
        "--model", default="glow-fashion-mnist", help="its name on the server (default %(default)s)"
    )
    parser.add_argument("--server", help="host:port (default localhost:8500, with --rest localhost:8501)")
    parser.add_argument("--rest", action="store_true", help="over REST, which needs no TensorFlow here")
    parser.add_argument("--version_label", help="such as newest or previous (default: the newest version)")
    parser.add_argument("--num", type=types.integer(1), default=16, help="of samples (default %(default)s)")
    parser.add_argument(
        "--temperature", type=types.number(0), default=1.0, help="of samples (default %(default)s)"
    )
    parser.add_argument("--images", nargs="+", help="files to reconstruct or to score")
    parser.add_argument(
        "--labels",
        type=types.integers,
        help="classes such as 0,1,2, repeated in turn, for a conditional model",
    )
    types.add_seed(parser)
    types.add_picture(parser, "grid.png")


def run(arguments: argparse.Namespace) -> None:
    if arguments.signature == "sample" and arguments.images:
        raise ValueError("images must not be given for sample.")
    if arguments.signature != "sample" and not arguments.images:
        raise ValueError(f"images must be given for {arguments.signature}.")
    with _connect(arguments) as client:
        REQUESTS[arguments.signature](client, arguments)


def _connect(arguments):
    options = {} if arguments.server is None else {"server": arguments.server}
    if not arguments.rest:
        models.start_tensorflow()
    from ..export import client

    kind = client.Rest if arguments.rest else client.Grpc
    return kind(arguments.model, label=arguments.version_label, **options)


def _sample(client, arguments):
    from ..zoo import pictures

    num = arguments.num
    samples = client.sample(num, arguments.seed, arguments.temperature, _labels(arguments, num))
    if samples.ndim == 4:
        models.save_grid(samples, arguments.out)
    else:
        pictures.save_png(pictures.scatter(samples), arguments.out)
        print(f"{num} points in {arguments.out}")


def _reconstruct(client, arguments):
    import numpy as np

    images = _load_images(client, arguments)
    restored = client.reconstruct(images, _labels(arguments, len(images)))
    pairs = np.stack([images, restored], axis=1).reshape(-1, *images.shape[1:])
    models.save_grid(pairs, arguments.out, columns=2 * min(len(images), 4))


def _log_prob(client, arguments):
    images = _load_images(client, arguments)
    labels = _labels(arguments, len(images))
    scores = client.scores(images, labels)
    for path, log_prob, bits in zip(
        arguments.images, scores["log_prob"], scores["bits_per_dim"], strict=True
    ):
        print(f"{path}: {log_prob:.2f} nats, {bits:.4f} bits/dim")


REQUESTS = {"sample": _sample, "reconstruct": _reconstruct, "log_prob": _log_prob}


def _load_images(client, arguments):
    import numpy as np

    from ..zoo import pictures

    shape = client.event_shape
    if len(shape) != 3:
        raise ValueError(f"model must be a model of images, got '{arguments.model}' of vectors.")
    return np.stack([pictures.load_image(path, shape) for path in arguments.images])


def _labels(arguments, num):
    import numpy as np

    return None if arguments.labels is None else np.resize(arguments.labels, num)
