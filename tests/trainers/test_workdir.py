import json

from latentzoo.trainers.workdir import cut_log, write_atomically


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
