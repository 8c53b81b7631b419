import json
import os
import resource
import shutil

import pytest
import tensorflow as tf

from latentzoo.trainers.tensorboard import Board
from latentzoo.trainers.workdir import cut_log, open_workdir, read_log, write_atomically


def recipe(dataset):
    model = {"registered_name": "latentzoo>Glow", "config": {}}
    return {"model": model, "dataset": dataset, "train": {}}


def test_lines_after_the_checkpoint_and_half_lines_go(tmp_path):
    log = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"step": step}) + "\n" for step in (10, 20, 30)]
    log.write_text("".join(lines) + '{"step": 4')
    cut_log(log, last_step=20)
    assert log.read_text() == "".join(lines[:2])


def test_no_log_yet(tmp_path):
    cut_log(tmp_path / "metrics.jsonl", last_step=0)
    assert not list(tmp_path.iterdir())


def test_nothing_but_the_file_is_left(tmp_path):
    write_atomically(tmp_path / "a.json", "{}")
    write_atomically(tmp_path / "a.json", "[]")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "[]"


def test_a_folder_of_data_is_the_same_however_it_is_spelled_or_moved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("images", "others"):
        os.mkdir(name)
    os.symlink("images", "link")
    open_workdir("run", recipe("images"))
    for name in ("images/", "./images", str(tmp_path / "images"), "~/images", "link", "others/../images"):
        open_workdir("run", recipe(name))
    with pytest.raises(ValueError, match="another training, whose dataset is .*images, not .*others;"):
        open_workdir("run", recipe("others"))
    open_workdir("run", recipe("images"))
    os.mkdir("elsewhere")
    os.mkdir("elsewhere/images")
    monkeypatch.chdir("elsewhere")
    with pytest.raises(ValueError, match="another training, whose dataset is"):
        open_workdir("../run", recipe("images"))
    shutil.rmtree("../images")
    open_workdir("../run", recipe("images"))


DAMAGED = ["", "{", "[]", "null", '{"model": {}}', '{"model": 5, "train": 6}', "[" * 100_000, "\udcff"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_train_json_is_named(tmp_path, content):
    (tmp_path / "train.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"^'.*train\.json' is damaged: "):
        open_workdir(tmp_path, recipe(None))


@pytest.mark.parametrize("line", ["", "{}", "[1]", "null", "garbage", '{"step": "a"}', '{"step": 1', "\0"])
def test_a_damaged_log_is_named(tmp_path, line):
    log = tmp_path / "metrics.jsonl"
    log.write_text(line + '\n{"step": 3}\n')
    for read in (read_log, lambda path: cut_log(path, last_step=9)):
        with pytest.raises(ValueError, match=r"^'.*metrics\.jsonl' is damaged: "):
            read(log)


def test_a_full_disk_under_tensorboard_is_named(tmp_path):
    board = Board(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # No file may grow past this: what a full disk does to the events, without one.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"^workdir: '.*tensorboard' cannot be written \("):
            for step in range(100):
                with board.at(step):
                    tf.summary.scalar("loss", 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_in_the_place_of_tensorboards_folder_is_named(tmp_path):
    (tmp_path / "tensorboard").touch()
    with pytest.raises(OSError, match=r"^workdir: '.*tensorboard' cannot be written \("):
        Board(tmp_path)


def test_a_pipe_is_no_log(tmp_path):
    os.mkfifo(tmp_path / "metrics.jsonl")
    for read in (read_log, lambda path: cut_log(path, 1)):
        with pytest.raises(OSError, match="metrics.jsonl' is no regular file"):
            read(tmp_path / "metrics.jsonl")
