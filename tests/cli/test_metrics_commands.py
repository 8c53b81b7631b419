"""`latentzoo evaluate` of sample quality, its table of all presets, and `latentzoo diagnose`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentzoo import metrics, zoo
from latentzoo.cli import main, preset_table
from latentzoo.data.draws import drawn_numbers
from latentzoo.zoo import registry, saving
from latentzoo.zoo.vaes import VAE

README = Path(__file__).parents[2] / "README.md"
SMALL = str(Path(__file__).parent.parent / "assets" / "fashion_mnist_small.npz")


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", *map(str, arguments)]))


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder of presets with one in it, a VAE that has learnt nothing."""
    folder = tmp_path_factory.mktemp("presets")
    model = VAE(image_shape=(28, 28, 1), latent_dim=2, levels=1, depth=0, width=4)
    about = {"name": "tiny-vae", "dataset": SMALL, "published": [
        {"name": "elbo", "value": -1.5, "unit": "nats", "source": "A. Nyone 2020"}
    ]}  # fmt: skip
    model.save_to_preset(folder / "tiny-vae", about)
    return folder


@pytest.fixture
def preset(folder):
    return folder / "tiny-vae"


def test_metrics_by_name_with_their_protocol(preset, capsys):
    asked = ["--metrics", "frechet_distance,precision", "recall", "--num", 20, "--temperature", 0.5]
    with pytest.warns(UserWarning, match="with 512 features"):
        run("evaluate", preset, *asked, "--json")
    found = json.loads(capsys.readouterr().out)
    assert [entry["name"].split()[0] for entry in found] == ["frechet_distance", "precision", "recall"]
    with np.load(SMALL) as arrays:
        images = arrays["x_test"][..., None]
    with pytest.warns(UserWarning, match="with 512 features"):
        expected = metrics.evaluate(
            zoo.load(preset),
            images,
            names=["frechet_distance"],
            num_examples=20,
            temperature=0.5,
            verbose=False,
        )
    assert found[0]["value"] == pytest.approx(expected[0]["value"], rel=1e-6)
    assert found[0]["protocol"].endswith(
        "20 of 256 real images, drawn with seed 0, 20 samples, seed 0, temperature 0.5"
    )
    run("evaluate", preset, "--metrics", "precision", "--num", 20, "--temperature", 0.5)
    printed = capsys.readouterr()
    assert f"precision (squeezenet1.1): {found[1]['value']:.4f} ± " in printed.out and "20/20" in printed.err


def test_results_drawn_otherwise_are_kept_beside_each_other(preset):
    for temperature in (1.0, 0.5, 0.5):
        options = ["--num", 20, "--temperature", temperature, "--seed", 1, "--json", "--save"]
        run("evaluate", preset, "--metrics", "precision", *options)
    saved = zoo.info(preset)["metrics"]
    assert [entry.get("temperature") for entry in saved] == [1.0, 0.5]


def test_data_without_a_test_split_are_scored_as_before(preset, tmp_path, capsys):
    folder = tmp_path / "images"
    (folder / "train").mkdir(parents=True)
    with np.load(SMALL) as arrays:
        for number, image in enumerate(arrays["x_test"][:30]):
            Image.fromarray(image).save(folder / "train" / f"{number}.png")
    copy = tmp_path / "preset"
    zoo.load(preset).save_to_preset(copy, {"dataset": str(folder)})
    asked = ["--metrics", "precision", "--num", 20, "--json"]
    with pytest.raises(SystemExit):
        run("evaluate", copy, *asked)
    assert "or all, got 'test'" in capsys.readouterr().err
    run("evaluate", copy, *asked, "--split", "train", "--save")
    first = json.loads(capsys.readouterr().out)
    run("evaluate", copy, *asked)
    assert json.loads(capsys.readouterr().out) == first


def test_the_table_of_all(folder, tmp_path, monkeypatch, capsys):
    shutil.copytree(folder, tmp_path / "presets")
    monkeypatch.setattr(registry, "PRESETS", tmp_path / "presets")
    saving.update_metadata(registry.PRESETS / "tiny-vae", {"metrics": []})
    columns = ["--metrics", "score,precision,bits_per_dim"]
    run("evaluate", "--all", "--num", 20, *columns, "--save")
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == "| preset | model | data | weights | score | precision | bits_per_dim | published |"
    own, floor = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:])
    assert own[:2] == ["`tiny-vae`", "VAE"] and own[6] == "–"
    assert own[4].startswith("elbo -") and own[4].endswith(" nats")
    assert own[7] == "-1.5 nats (A. Nyone 2020)"
    assert floor[0] == "training images" and floor[4] == "–" and float(floor[5].split()[0]) > 0.5
    assert "20/20" in captured.err
    run("evaluate", "--all", "--recorded", *columns)
    assert capsys.readouterr().out == captured.out
    run("evaluate", "--all", "--recorded", "--json")
    own, floor = json.loads(capsys.readouterr().out)
    assert own["metrics"] == zoo.info("tiny-vae")["metrics"] and floor["name"] == "training images"


def test_the_recorded_table_is_the_readme_s_and_made_without_tensorflow(monkeypatch, capsys):
    monkeypatch.setattr("latentzoo.cli.models.start_tensorflow", None)
    run("evaluate", "--all", "--recorded")
    table = capsys.readouterr().out
    assert f"\n{table}\n" in README.read_text()
    lines = table.splitlines()
    presets = zoo.list_presets()
    for preset, line in zip(presets, lines[2 : 2 + len(presets)], strict=True):
        assert line.startswith(f"| `{preset['name']}` | {preset['model']} | {preset['dataset']} |")
        first = preset["metrics"][0]
        if " (" not in first["name"]:
            assert any(f"| {first['name']} {first['value']:.{decimals}f} ± " in line for decimals in (3, 4))
    assert all(line.startswith("| training images | – |") for line in lines[2 + len(presets) :])


def test_numbers_of_others_are_never_ours():
    ours = {"name": "frechet_distance (squeezenet1.1)", "value": 2.0, "standard_error": 0.25, "unit": "u"}
    row = {"name": "a", "model": "M", "dataset": "d", "parameters": 1234, "metrics": [ours]}
    theirs = {"name": "frechet_distance", "value": 1.0, "unit": "FID", "source": "B 2021"}
    text = preset_table.markdown([{**row, "published": [theirs]}], ["score", "frechet_distance"])
    assert text.splitlines()[2] == "| `a` | M | d | 1,234 | – | 2.000 ± 0.250 | 1.0 FID (B 2021) |"


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["evaluate"], "one of preset and --all must be given."),
        (["evaluate", "x", "--all"], "one of preset and --all must be given."),
        (["evaluate", "x", "--recorded"], "--recorded must be given with --all"),
        (["evaluate", "--all", "--dataset", "mnist"], "dataset must not be given with --all"),
        (["evaluate", "--all", "--metrics", "frechet"], "metrics: got 'frechet': did you mean frechet_dist"),
        (["evaluate", "PRESET", "--truncation", "0.5", "--metrics", "recall"], "a VAE has no truncation."),
        (["evaluate", "PRESET", "--network", "vgg", "--metrics", "recall"], "got 'vgg': known are "),
        (["diagnose", "realnvp-moons"], "must be a model of images, got 'realnvp-moons'"),
        (["diagnose", "PRESET", "--num", "5"], "--num: got '5', expected an integer of at least 20"),
    ],
)
def test_what_does_not_go_is_told_in_one_line(preset, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        run(*(preset if argument == "PRESET" else argument for argument in arguments))
    captured = capsys.readouterr()
    assert stop.value.code == 2 and captured.out == "" and message in captured.err.splitlines()[-1]


def test_diagnose_writes_pictures_and_numbers(preset, tmp_path, capsys):
    out = tmp_path / "looks"
    options = ["--num", 40, "--pictures", 4, "--map", "pca", "--out", out]
    other = ["--other", SMALL]
    run("diagnose", preset, *options, *other)
    names = ["diagnosis.json", "latents.png", "likelihood.png", "neighbors.png", "outliers.png", "sweep.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    found = json.loads((out / "diagnosis.json").read_text())
    with np.load(SMALL) as arrays:
        every, training = arrays["x_test"][..., None], arrays["x_train"]
    numbers_drawn = drawn_numbers(256, 40, seed=0)
    images = every[numbers_drawn]
    scores = np.asarray(zoo.load(preset).elbo(images))
    assert found["outliers"] == numbers_drawn[np.argsort(scores)[:4]].tolist()
    (numbers,) = found["likelihood"].values()
    assert numbers["mean"] == pytest.approx(scores.mean(), rel=1e-4)
    picture = np.asarray(Image.open(out / "outliers.png"))[2:58:2, 2:58:2]
    np.testing.assert_array_equal(picture, images[np.argmin(scores), ..., 0])
    distances = (((images[:4, None, ..., 0] - training / 1.0) / 255.0) ** 2).mean(axis=(2, 3))
    np.testing.assert_allclose(found["neighbors"]["test"], np.sqrt(distances.min(axis=1)), rtol=1e-5)
    rows = found["sweep"]["rows"]
    assert [row["temperature"] for row in rows] == [0.3, 0.5, 0.7, 0.85, 1.0]
    names = ["precision", "recall"]
    alone = metrics.evaluate(
        zoo.load(preset), every, names=names, num_examples=40, temperature=0.5, verbose=False
    )
    assert [rows[1][name] for name in names] == [entry["value"] for entry in alone]
    printed = capsys.readouterr().out
    assert "batches of 10 are atypical" in printed and "a map of 40 latents" in printed


def test_diagnose_only_a_part(preset, tmp_path):
    run("diagnose", preset, "--only", "latents", "--num", 30, "--map", "pca", "--out", tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["diagnosis.json", "latents.png"]


def test_a_part_by_its_old_name(preset, capsys):
    with (
        pytest.warns(DeprecationWarning, match="--only neighbours is --only neighbors now"),
        pytest.raises(SystemExit),
    ):
        run("diagnose", preset, "--only", "neighbours", "--dataset", "mnits")
    assert "got 'mnits'" in capsys.readouterr().err
