"""Many clients of one model at once, some with malformed requests: no other client may suffer from those.

    python -m tests.export.load --requests 100000     # in the project's folder; some minutes

It exports a tiny Glow, serves it by the stand-in for TF Serving in a process of its own, and counts the
answers: "right" and "wrong" ones, good requests that "failed", and malformed ones "refused" or "accepted".
"""

import argparse
import collections
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from latentzoo.export import client

from .malformed import MALFORMED, NO_REQUESTS
from .model_requests import assert_same, make
from .session import Session

# How the clients' methods ask for a signature.
CALLS = {
    "sample": lambda asked, seed, temperature: {"images": asked.sample(len(seed), seed, temperature)},
    "encode": lambda asked, images: {"latents": asked.encode(images)},
    "decode": lambda asked, latents: {"images": asked.decode(latents)},
    "reconstruct": lambda asked, images: {"images": asked.reconstruct(images)},
    "log_prob": lambda asked, images: asked.scores(images),
    "bits_per_dim": lambda asked, images, seed: {"bits_per_dim": asked.bits_per_dim(images, seed)},
}
SIZES = (1, 2, 3, 7)


def run(
    model,
    session: Session,
    name: str,
    address: str,
    rest_address: str,
    requests: int,
    malformed: float,
    clients: int = 64,
    rest: float = 0.1,
) -> collections.Counter:
    """Sends requests from many threads, and counts what became of them.

    Args:
      model: a flow of images of 8x8x1, as `MALFORMED` has them.
      session: its export, which says what each request must be answered with.
      name: of the model on the server.
      address, rest_address: of the server.
      requests: how many.
      malformed: the share of them that must be refused.
      clients: how many ask at the same time.
      rest: the share that goes over REST.
    """
    good = [(signature, make(model, signature, n, seed=n)) for signature in CALLS for n in SIZES]
    expected = [session.run(signature, inputs) for signature, inputs in good]
    bad = list(MALFORMED.values())
    rng = np.random.default_rng(0)
    is_bad, over_rest = rng.random(requests) < malformed, rng.random(requests) < rest
    numbers = rng.integers(2**31, size=requests)
    own = threading.local()

    def ask(is_bad, over_rest, number):
        if not hasattr(own, "grpc"):
            own.grpc, own.rest = client.Grpc(name, address), client.Rest(name, rest_address)
        if is_bad and over_rest:
            return _send_json(rest_address, name, NO_REQUESTS[number % len(NO_REQUESTS)])
        if is_bad:
            signature, inputs, _ = bad[number % len(bad)]
            return _send(own.grpc, signature, inputs)
        signature, inputs = good[number % len(good)]
        try:
            answer = CALLS[signature](own.rest if over_rest else own.grpc, **inputs)
        except (ValueError, OSError):
            return "failed"
        try:
            assert_same(answer, expected[number % len(good)], step=0)
        except AssertionError:
            return "wrong"
        return "right"

    with ThreadPoolExecutor(clients) as threads:
        return collections.Counter(threads.map(ask, is_bad, over_rest, numbers))


def _send(asked, signature, inputs):
    try:
        asked.predict(signature, inputs)
    except ValueError:
        return "refused"
    return "accepted"


def _send_json(address, name, content):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    try:
        urllib.request.urlopen(f"http://{address}/v1/models/{name}:predict", body, timeout=60).close()
    except urllib.error.HTTPError as error:
        return "refused" if error.code == 400 else f"status {error.code}"
    return "accepted"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--malformed", type=float, default=0.05, help="their share (default %(default)s)")
    args = parser.parse_args()

    from latentzoo import export
    from latentzoo.export.server_files import write_server_files
    from latentzoo.zoo.flows import Glow

    model = Glow(image_shape=(8, 8, 1), levels=1, depth=1, width=4)
    model.initialize(make(model, "encode", 32)["images"])
    with tempfile.TemporaryDirectory() as folder:
        path = export.saved_model(model, Path(folder) / "glow", batch_sizes=(1,))
        write_server_files(folder)
        command = [sys.executable, Path(__file__).with_name("stand_in.py"), folder]
        command += ["--port", "0", "--rest_port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                ports = re.findall(r"at (\d+)", server.stdout.readline())
                at = [f"localhost:{port}" for port in ports]
                start = time.perf_counter()
                counts = run(model, Session(path), "glow", *at, args.requests, args.malformed, args.clients)
                seconds = time.perf_counter() - start
            finally:
                server.terminate()
    found = ", ".join(f"{count} {what}" for what, count in counts.most_common())
    print(f"{args.requests} requests of {args.clients} clients in {seconds:.0f} s: {found}")
    sys.exit(counts["right"] + counts["refused"] != args.requests)


if __name__ == "__main__":
    main()
