"""The benchmarks run from end to end on tiny sizes, and their arithmetic is right. No peer is installed."""

import dataclasses
import importlib
import json
import math
import pathlib
import subprocess
import sys

import numpy as np
import pytest

BENCHMARKS = pathlib.Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    """The benchmarks are scripts: they import each other from their own folder."""
    monkeypatch.syspath_prepend(BENCHMARKS)


def module(name):
    return importlib.import_module(name)


def test_the_command_measures_in_a_process_and_says_what_could_not_run(tmp_path):
    results = tmp_path / "results.json"
    command = [sys.executable, BENCHMARKS / "flows.py", "--contenders", "latentzoo", "--json", results]
    sizes = {"widths": 4, "size": 4, "levels": 1, "depth": 1, "batch": 2, "repeats": 1, "seconds": 0}
    command += [text for name, value in sizes.items() for text in (f"--{name}", str(value))]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    (row,) = json.loads(results.read_text())["rows"]
    assert row["contender"] == "latentzoo" and "| latentzoo |" in run.stdout
    for method in ("train", "log_prob", "sample"):
        assert row[f"{method}_images_per_second"] > 0 and row[f"{method}_first_seconds"] > 0
    assert math.isfinite(row["train_loss"])
    assert row["train_peak_bytes"] >= row["imports_bytes"] > 50e6


def test_quick_is_of_tiny_sizes(monkeypatch):
    flows, asked = module("flows"), []
    monkeypatch.setattr(flows, "measure", lambda *arguments: asked.append(arguments) or {})
    flows.main(["--quick", "--threads", "2"])
    ((config, contenders, repeats, seconds, *_),) = asked
    assert dataclasses.astuple(config) == (8, 2, 2, 8, 4, 2)
    assert (contenders, repeats, seconds) == (list(flows.CONTENDERS), 1, 0)


def test_a_contender_that_fails_gives_its_last_words():
    peers, worker = module("peers"), module("worker")
    with pytest.raises(worker.ContenderFailed, match="KeyError: 'no such contender'"):
        worker.Worker("no such contender", peers.Config())


def test_a_contender_past_its_limit_is_ended():
    peers, worker = module("peers"), module("worker")
    with pytest.raises(worker.ContenderFailed, match="not done in 0.01 s"):
        worker.Worker("latentzoo", peers.Config(), limit=0.01)


def test_our_networks_and_those_of_tfp_have_the_same_parameters():
    """Ours has gains and a learned top prior besides; TFP trains no more and no less of the rest."""
    peers = module("peers")
    config = peers.Config(size=8, levels=2, depth=2, width=8, batch=4)
    ours, tfps = peers.Latentzoo(config).num_parameters(), peers.TfpGlow(config).num_parameters()
    channels = [12, 24]
    gains = sum(config.depth * c for c in channels) + channels[0]
    top_prior = 2 * channels[-1]
    # We store L, U and log|s| apart, in whole matrices; TFP in one.
    factors = config.depth * sum(c * c + c for c in channels)
    assert ours - gains - top_prior - factors == tfps


def test_images_are_of_the_size_asked_for():
    peers = module("peers")
    images = peers.images(peers.Config(size=8))
    assert images.shape == (512, 8, 8, 3) and images.dtype == np.uint8
    np.testing.assert_array_equal(images[1:, ..., 1], images[:-1, ..., 0])


def row(speed, peak):
    names = ("train", "log_prob", "sample")
    return {f"{n}_images_per_second": speed for n in names} | {"train_peak_bytes": peak}


def test_ratios_are_ours_by_theirs():
    rows = {"latentzoo": row(90, 5e8), "tfb.Glow": row(30, 1e9), "normflows": {"failed": "not there"}}
    (line,) = module("comparison").ratio_table(rows, module("flows").METHODS).splitlines()[2:]
    assert line == "| latentzoo / tfb.Glow | 3.00 | 3.00 | 3.00 | 0.50 |"


def depth_rows():
    common = {"levels": 1, "width": 64, "batch": 64, "imports_bytes": 6e8, "setup_seconds": 1.0}
    common |= {"parameters": 1000, "images_per_second": 50.0}
    return [
        {**common, "contender": "latentzoo reversible", "depth": depth, "first_seconds": first}
        | {"peak_bytes": memory, "memory_bytes": memory}
        for depth, first, memory in ((4, 2.0, 8e8), (128, 6.0, 9e8))
    ] + [{**common, "contender": "tfb.Glow", "depth": 4, "failed": "not done in 400 s"}]


def test_growth_is_the_deepest_by_the_shallowest():
    (line,) = module("depth").growth_table(depth_rows()).splitlines()[2:]
    assert line == "| L=1 latentzoo reversible | 4 to 128 | 1.12 (at most 1.25) | 3.00 (at most 6) |"


def test_the_table_of_depths_says_what_did_not_finish():
    lines = module("depth").table(depth_rows(), levels=1).splitlines()
    assert lines[-1].startswith("| tfb.Glow | 4 | not done in 400 s; deeper: not tried |")
    assert lines[-2].startswith("| latentzoo reversible | 128 | 1,000 | 900 | 900 | 300 |")
