"""At the prompt: bad input is told at once, in one line, without TensorFlow."""

import json
import os
import subprocess
import sys

import pytest

from latentzoo import __version__
from latentzoo.cli import main

RUN = [sys.executable, "-m", "latentzoo"]

TRAIN = ["train", "glow", "--workdir", "w", "--dataset", "two_moons", "--steps", "2"]


@pytest.fixture(autouse=True)
def nothing_slow(request, tmp_path, monkeypatch):
    """An empty working directory; a command that starts TensorFlow fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("latentzoo.cli.models.start_tensorflow", None)


def refusal(capsys, *arguments: str) -> str:
    """The one line of an error, without its beginning."""
    with pytest.raises(SystemExit) as stop:
        main.main(main.parse(["latentzoo", *arguments]))
    printed = capsys.readouterr()
    assert (stop.value.code, printed.out, printed.err.count("\n")) == (2, "", 1)
    assert len(printed.err) < 1200
    return printed.err.partition("error: ")[2].strip()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["smaple"], "argument COMMAND: invalid choice: 'smaple': did you mean sample?"),
        (["request", "smaple"], "argument signature: invalid choice: 'smaple': did you mean sample or map?"),
        (["train", "vae", "--dtype", "float23"], "invalid choice: 'float23': did you mean float32?"),
        (["sample", "x", "--temperatur_", "1"], "did you mean --temperature?"),
        (["list", "--flagfile=x"], "unrecognized arguments: --flagfile=x"),
        (["list", "--undefok", "x"], "unrecognized arguments: --undefok"),
        (["list", "--helpfull"], "unrecognized arguments: --helpfull"),
        (["list", "--verbosity", "1"], "unrecognized arguments: --verbosity"),
    ],
)
def test_a_misspelt_word_is_named_with_what_was_meant(arguments, message, capsys):
    assert message in refusal(capsys, *arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["evaluate", "vae-mnist", "--metrics", "eblo"], "metrics: got 'eblo': did you mean elbo?"),
        (["evaluate", "gan-mnist", "--metrics", "elbo"], "which does not fit 'gan-mnist' (GAN)"),
        (["evaluate", "glow-mnist", "--truncation", "1"], "a Glow has no truncation."),
        (["evaluate", "--all", "--metrics", "fid"], "metrics: got 'fid': known are active_units"),
        (["sample", "autoencoder-mnist-2d"], "'autoencoder-mnist-2d' (Autoencoder) does not"),
        (["sample", "glow-mnist", "--labels", "3"], "'glow-mnist' is unconditional"),
        (["sample", "stylegan2-fashion-mnist", "--labels", "1,10"], "labels must be below 10"),
        (["mix", "stylegan2-fashion-mnist", "--label", "Ankle bot"], "did you mean Ankle boot?"),
        (["reconstruct", "gan-mnist"], "'gan-mnist' (GAN) does not"),
        (["reconstruct", "stylegan2-noto-emoji", "--images", "x"], "'stylegan2-noto-emoji' (StyleGAN2)"),
        (["reconstruct", "vae-mnist", "--images", "no.png"], "image file 'no.png' does not exist"),
        (["manifold", "gan-mnist"], "got 'gan-mnist' of 64"),
        (["manifold", "glow-mnist"], "got 'glow-mnist' of 784"),
        (["interpolate", "realnvp-moons"], "got 'realnvp-moons' of vectors, [2]"),
        (["interpolate", "glow-mnist", "--image_a", "1", "--image_b", "b.png"], "'b.png' does not exist"),
        (["interpolate", "gan-mnist", "--seeds", "1,2", "--space", "w"], "a GAN has no space."),
        (["mix", "glow-mnist"], "a StyleGAN, got 'glow-mnist' (Glow)"),
        (["project", "stylegan2-noto-emoji", "no.png"], "image file 'no.png' does not exist"),
        (["compare", "glow-mnist", "gan-mnist"], "in bits/dim, got 'gan-mnist'"),
        (["diagnose", "gan-mnist", "--only", "latents"], "a GAN does not have"),
        (["export", "glow-mnsit"], "did you mean glow-mnist"),
        ([*TRAIN, "--set", "dept=16"], "got 'dept': did you mean depth?"),
        ([*TRAIN, "--set", "depth=abc"], "depth of 'glow' must be an integer, got 'abc'"),
        (
            [*TRAIN, "--set", "coupling=additve"],
            "must be one of affine, additive, got 'additve': did you mean",
        ),
        ([*TRAIN, "--set", "depth=1.5"], "depth of 'glow' must be an integer, got 1.5"),
        ([*TRAIN, "--set", "reversible=1"], "reversible of 'glow' must be true or false, got 1"),
        ([*TRAIN, "--set", "image_shape=5"], "image_shape of 'glow' must be a list of positive"),
        ([*TRAIN, "--set", "width=1000000000000"], "width of 'glow' must be at most 2147483647"),
        ([*TRAIN, "--set", "width=" + "9" * 400], "width of 'glow' must be at most 2147483647"),
        ([*TRAIN, "--set", "batch_size=abc"], "batch_size: got 'abc', expected an integer"),
        ([*TRAIN, "--set", "schedule=linear"], "schedule: got 'linear', expected cosine or constant"),
        ([*TRAIN, "--set", "a=" + "[" * 5000], "a value of 'a' that is nested too deeply"),
        ([*TRAIN, "--image_shape", "8,8"], "got '8,8', expected height,width,channels"),
        (["train", "two_mons", "--workdir", "w"], "got 'two_mons'"),
    ],
)
def test_what_a_model_cannot_do_is_told_before_tensorflow_starts(arguments, message, capsys):
    assert message in refusal(capsys, *arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["sample", "realnvp-moons", "--num", "1" + "0" * 12], "--num: got"),
        (["sample", "realnvp-moons", "--num", "9" * 5000], "--num: got"),
        (["sample", "realnvp-moons", "--temperature", "1e39"], "--temperature: got '1e39'"),
        (["mix", "stylegan2-noto-emoji", "--rows", "9" * 23], "--rows: got"),
        (["manifold", "autoencoder-mnist-2d", "--num", "10000000"], "--num: got"),
        (["sample", "x", "--out", "y" * 300 + ".png"], "expected names of at most"),
        (["sample", "x", "--out", "new\0.png"], "expected a path"),
        (["export", "x", "--out", "a/" * 3000], "File name too long"),
        (["train", "glow", "--workdir", "new/" + "x" * 300], "expected names of at most"),
        (["sample", "x" * 300], "File name too long"),
        (["sample", "null\0byte"], "preset must be a preset's name"),
    ],
)
def test_numbers_and_paths_beyond_what_there_is(arguments, message, capsys):
    assert message in refusal(capsys, *arguments)


@pytest.mark.parametrize(
    "name, split, message",
    [
        ("/data/no/pictures", "test", "dataset '/data/no/pictures' does not exist"),
        ("./picturse", "test", "dataset './picturse' does not exist: did you mean pictures?"),
        ("picturse", "test", "got 'picturse': did you mean pictures?"),
        ("mnits", "test", "got 'mnits': did you mean mnist"),
        ("nothing_like_it", "test", "there is no folder and no dataset of that name"),
        ("huggingface:mnist", "test", "got 'huggingface:mnist'"),
        ("pictures", "tset", "split of a folder must be of train, test, all, got 'tset'"),
        ("two_moons", "dev", "split must be of train, test, got 'dev'"),
        ("data.npy", "test", "got 'data.npy': put the array into an .npz"),
        ("none.npz", "test", "dataset 'none.npz' does not exist"),
        ("empty.npz", "test", "dataset 'empty.npz' is damaged"),
        ("", "test", "records none"),
    ],
)
def test_a_data_set_that_is_not_there_is_called_that(name, split, message, capsys, tmp_path):
    (tmp_path / "pictures" / "cat").mkdir(parents=True)
    (tmp_path / "pictures" / "cat" / "1.png").touch()
    (tmp_path / "data.npy").touch()
    (tmp_path / "empty.npz").touch()
    error = refusal(
        capsys, "train", "glow", "--workdir", "w", "--steps", "1", "--dataset", name, "--split", split
    )
    assert message in error or (not name and "dataset must be given" in error)


RECIPE = {
    "model": {"registered_name": "latentzoo>Glow", "config": {}},
    "dataset": "mnist",
    "train": {"steps": 3},
}


@pytest.mark.parametrize(
    "content, message",
    [
        (b"{", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "exactly the entries"),
        ({**RECIPE, "model": 3}, "the entry model of recipe.json must be an object, got 3"),
        ({**RECIPE, "train": []}, "the entry train of recipe.json must be an object"),
        ({**RECIPE, "dataset": 3}, "the dataset of recipe.json must be a name, got 3"),
        ({**RECIPE, "train": {"steps": "a"}}, "steps: got 'a'"),
        ({**RECIPE, "train": {"steps": 10**400}}, "more than 64 bits"),
        (
            {**RECIPE, "model": {"registered_name": "keras>Dense", "config": {}}},
            "names the class 'keras>Dense'",
        ),
        ({**RECIPE, "model": {"registered_name": "latentzoo>Glow", "config": {"depth": []}}}, "depth of "),
    ],
)
def test_a_damaged_recipe_is_told(content, message, capsys, tmp_path):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (tmp_path / "recipe.json").write_bytes(text)
    assert message in refusal(capsys, "train", "recipe.json", "--workdir", "w")


def test_dashes_are_underscores():
    dashed = main.parse(["latentzoo", "evaluate", "x", "--importance-samples", "3", "--batch-size=2"])
    assert (dashed.importance_samples, dashed.batch_size) == (3, 2)


def test_old_flags_work_for_one_version():
    for command in (["evaluate", "x"], ["compare", "x", "y"]):
        with pytest.warns(DeprecationWarning, match="^--num_samples is --importance_samples now"):
            parsed = main.parse(["latentzoo", *command, "--num_samples", "3"])
        assert parsed.importance_samples == 3
    parsed = [main.parse(["latentzoo", "sample", "x", flag, "5"]) for flag in ("--num", "--num_samples")]
    assert [one.num_samples for one in parsed] == [5, 5]


def test_help_and_version(capsys):
    for arguments in (["help", "sample"], ["sample", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main.parse(["latentzoo", *arguments])
        assert stop.value.code == 0 and capsys.readouterr().out.startswith("usage: latentzoo sample")
    with pytest.raises(SystemExit):
        main.parse(["latentzoo", "--version"])
    assert capsys.readouterr().out == f"latentzoo {__version__}\n"


@pytest.mark.parametrize(
    "error, line",
    [
        (MemoryError(), "not enough memory."),
        (RecursionError("maximum recursion depth exceeded"), "the input is nested too deeply."),
        (FileNotFoundError(2, "No such file or directory", "a.pkl"), "'a.pkl': No such file or directory."),
        (ValueError("a\nb\x1b[0m"), "a b?[0m"),
    ],
)
def test_errors_are_one_printable_line(error, line, capsys, monkeypatch):
    def fail(arguments):
        raise error

    monkeypatch.setattr("latentzoo.cli.list.run", fail)
    assert refusal(capsys, "list") == line


def test_ctrl_c_exits_as_shells_have_it(monkeypatch):
    def stop(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("latentzoo.cli.list.run", stop)
    with pytest.raises(SystemExit) as ended:
        main.main(main.parse(["latentzoo", "list"]))
    assert ended.value.code == 130


def test_a_full_disk_is_told():
    with open("/dev/full", "w") as full:
        done = subprocess.run([*RUN, "list"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "latentzoo list: error: No space left on device.\n")


def test_a_terminal_of_few_characters_gets_question_marks():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [*RUN, "evaluate", "--all", "--recorded"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and " ? " in done.stdout


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_another_backend_of_keras_is_an_error_before_tensorflow_starts(backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    program = "import sys; sys.modules['tensorflow'] = None; from latentzoo.cli import main; main.run()"
    command = [sys.executable, "-c", program, "sample", "realnvp-moons"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "needs Keras's TensorFlow backend" in done.stderr
