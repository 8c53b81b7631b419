"""The commands that GANs and 2-D latents have of their own."""

import json

import numpy as np
import pytest
from PIL import Image

from latentzoo import zoo
from latentzoo.cli import main
from latentzoo.zoo import seeds
from latentzoo.zoo.captions import LINE
from latentzoo.zoo.gans import GAN, StyleGAN2
from latentzoo.zoo.vaes import Autoencoder

SIZE = 16
CELL = 4 * SIZE + 2  # each pixel is drawn 4 wide, with a gap


def run(*arguments) -> None:
    main.main(main.parse(["latentzoo", *map(str, arguments)]))


@pytest.fixture(scope="module")
def style(tmp_path_factory):
    """A StyleGAN2 of a few weights."""
    folder = tmp_path_factory.mktemp("presets") / "tiny-style"
    StyleGAN2(
        image_shape=(SIZE, SIZE, 1), latent_dim=8, w_dim=8, mapping_depth=2, channel_base=64, channel_max=8
    ).save_to_preset(folder)
    return folder


def cells(path, rows: int | None = None) -> np.ndarray:
    """The images of a grid, `[rows, columns, SIZE, SIZE]`; of a square one of so many rows under captions."""
    picture = np.asarray(Image.open(path))
    if rows:
        picture = picture[-(rows * CELL + 2) :, -(rows * CELL + 2) :]
    picture = picture[2:, 2:]
    rows, columns = (n // CELL for n in picture.shape)
    grid = picture.reshape(rows, CELL, columns, CELL).transpose(0, 2, 1, 3)
    return grid[:, :, : 4 * SIZE : 4, : 4 * SIZE : 4]


def bytes_of(images):
    return np.floor(np.asarray(images)[..., 0] * 256).clip(0, 255).astype(int)


def assert_same(drawn, images):
    """Bytes of two graphs may differ by one."""
    assert np.abs(drawn.astype(int) - bytes_of(images)).max() <= 1


def save_data(path, images):
    labels = np.zeros(len(images), int)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)


def latents(*numbers):
    return np.concatenate([seeds.normal(seeds.row_seeds(number, 1), (8,)) for number in numbers])


def test_sample_truncates(style, tmp_path):
    run("sample", style, "--num", 4, "--truncation", 0.5, "--out", tmp_path / "a.png")
    assert_same(cells(tmp_path / "a.png").reshape(4, SIZE, SIZE), zoo.load(style).sample(4, truncation=0.5))


def test_sample_of_a_conditional_model_shows_all_classes(tmp_path):
    model = GAN(image_shape=(SIZE, SIZE, 1), latent_dim=8, levels=1, width=4, num_classes=3)
    model.save_to_preset(tmp_path / "gan")
    run("sample", tmp_path / "gan", "--num", 4, "--out", tmp_path / "a.png")
    expected = model.sample(4, labels=np.array([0, 1, 2, 0]))
    assert_same(cells(tmp_path / "a.png").reshape(4, SIZE, SIZE), expected)


def test_sample_has_a_named_column_for_each_class(tmp_path):
    model = GAN(image_shape=(SIZE, SIZE, 1), latent_dim=8, levels=1, width=4, num_classes=3)
    model.save_to_preset(tmp_path / "gan", {"classes": ["cat", "dog", "owl"]})
    run("sample", tmp_path / "gan", "--num", 4, "--labels", "2,0", "--out", tmp_path / "a.png")
    picture = np.asarray(Image.open(tmp_path / "a.png"))
    assert picture.shape == (LINE + 2 * CELL + 2, 2 * CELL + 2)
    assert (picture[:LINE] < 128).any()  # letters
    expected = model.sample(4, labels=np.array([2, 0, 2, 0]))
    assert_same(cells(tmp_path / "a.png", rows=2).reshape(4, SIZE, SIZE), expected)


def test_mix_is_the_grid_of_the_paper(style, tmp_path):
    seeds_ = ("--rows", "1,2", "--columns", "3,4,5")
    run("mix", style, *seeds_, "--styles", "coarse", "--out", tmp_path / "a.png")
    model, drawn = zoo.load(style), cells(tmp_path / "a.png")
    assert drawn.shape[:2] == (3, 4) and (drawn[0, 0] == 255).all()
    w_rows, w_columns = model.mapping(latents(1, 2)), model.mapping(latents(3, 4, 5))
    assert_same(drawn[0, 1:], model.synthesis(w_columns, noise="const"))
    assert_same(drawn[1:, 0], model.synthesis(w_rows, noise="const"))
    for row, w_row in enumerate(w_rows):
        mixed = model.style_mix(np.repeat(w_row[None], 3, axis=0), w_columns, "coarse")
        assert_same(drawn[row + 1, 1:], model.synthesis(mixed, noise="const"))


def test_project_writes_the_pair_and_w(style, tmp_path, capsys):
    target = np.random.default_rng(0).integers(0, 256, [SIZE, SIZE], np.uint8)
    Image.fromarray(target).save(tmp_path / "target.png")
    out, w_file = tmp_path / "a.png", tmp_path / "w.npy"
    run("project", style, tmp_path / "target.png", "--steps", 2, "--out", out, "--save_w", w_file)
    drawn, w = cells(out)[0], np.load(w_file)
    np.testing.assert_array_equal(drawn[0], target)
    assert w.shape == (1, 6, 8) and w.dtype == np.float32
    assert "perceptual distance: " in capsys.readouterr().out


def test_interpolate_walks_between_seeds(style, tmp_path):
    out, gif = tmp_path / "a.png", tmp_path / "a.gif"
    run("interpolate", style, "--seeds", "1,2", "--steps", 3, "--space", "z", "--out", out, "--gif", gif)
    expected = zoo.load(style).interpolate(*latents(1, 2), 3, space="z")
    assert_same(cells(out)[0], expected)
    with Image.open(gif) as frames:
        assert frames.n_frames == 4  # forth and back


def test_manifold_covers_the_latents(tmp_path):
    model = Autoencoder(image_shape=(SIZE, SIZE, 1), latent_dim=2, levels=2, depth=0, width=4)
    images = np.random.default_rng(0).integers(0, 256, [50, SIZE, SIZE], np.uint8)
    save_data(tmp_path / "data.npz", images)
    model.save_to_preset(tmp_path / "ae", {"dataset": str(tmp_path / "data.npz")})
    run("manifold", tmp_path / "ae", "--num", 3, "--out", tmp_path / "a.png")
    z = model.encode(images[..., None]).numpy()
    (left, low), (right, high) = np.quantile(z, (0.01, 0.99), axis=0)
    corners = np.array([[left, high], [right, high], [left, low], [right, low]], np.float32)
    drawn = cells(tmp_path / "a.png", rows=3)
    assert drawn.shape[:2] == (3, 3)
    assert_same(drawn[[0, 0, 2, 2], [0, 2, 0, 2]], model.decode(corners))


def test_train_makes_a_gan(tmp_path, capsys):
    images = np.random.default_rng(0).integers(0, 256, [32, 8, 8], np.uint8)
    save_data(tmp_path / "d.npz", images)
    run("train", "gan", "--dataset", tmp_path / "d.npz", "--workdir", tmp_path / "w", "--steps", 2,
        "--batch_size", 8, "--set", "levels=1", "--set", "width=4", "--set", "latent_dim=4",
        "--eval_split", "none")  # fmt: skip
    with Image.open(tmp_path / "w" / "curves.png") as curves:
        assert curves.format == "PNG"
    assert zoo.load(tmp_path / "w" / "preset").sample(2).shape == (2, 8, 8, 1)
    line = json.loads((tmp_path / "w" / "metrics.jsonl").read_text().splitlines()[-1])
    assert {"loss", "generator_loss", "r1", "real_sign"} <= set(line)
    recipe = json.loads((tmp_path / "w" / "train.json").read_text())["train"]
    assert (recipe["schedule"], recipe["clip_norm"], recipe["learning_rate"]) == ("constant", 0, 0.002)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["sample", "--temperature", "1"], "temperature must not be given"),
        (["interpolate", "--image_a", "0"], "seeds must be two for"),
        (["interpolate", "--seeds", "1"], "seeds must be two for"),
        (["manifold"], "preset must have 2 latent dimensions for a manifold"),
        (["mix", "--styles", "fine"], "crossover is 'fine', expected resolutions of the model's 4 to 16."),
        (["project", "no.png"], "image file 'no.png' does not exist."),
    ],
)
def test_bad_input_exits_with_one_line(arguments, message, style, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        run(arguments[0], style, *arguments[1:])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_mix_is_of_style_models(tmp_path, capsys):
    GAN(image_shape=(8, 8, 1), latent_dim=4, levels=1, width=4).save_to_preset(tmp_path / "gan")
    with pytest.raises(SystemExit):
        run("mix", tmp_path / "gan")
    assert "preset must be a StyleGAN, got" in capsys.readouterr().err
