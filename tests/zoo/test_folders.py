"""Files and folders written whole: exchanged in one step, and no leftovers of the dead."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from latentzoo.zoo import exchange, folders, locks


def folder_of(path, text):
    """A new folder in place of `path`, with a file of that text."""
    with folders.replacing_folder(path) as scratch:
        (scratch / "file").write_text(text)


def dead_writer(path, rest=""):
    """A process that dies while it writes a folder at `path`."""
    script = (
        "import os, signal, sys; from pathlib import Path; from latentzoo.zoo import folders\n"
        "path = Path(sys.argv[1]); scratch = folders.scratch_beside(path)\n"
        f"{rest}\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL


def no_exchange(*_):
    raise NotImplementedError


@pytest.fixture(params=["one step", "two steps"])
def each_exchange(request, monkeypatch):
    if request.param == "two steps":
        monkeypatch.setattr(folders, "exchange", no_exchange)


@pytest.mark.usefixtures("each_exchange")
def test_a_folder_is_replaced_whole(tmp_path):
    for text in ("first", "second"):
        folder_of(tmp_path / "new" / "folder", text)
        assert (tmp_path / "new" / "folder" / "file").read_text() == text
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["folder"]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_a_reader_always_finds_one(tmp_path):
    folder_of(tmp_path / "folder", "0")
    stop = threading.Event()

    def replace():
        while not stop.is_set():
            folder_of(tmp_path / "folder", "1")

    writer = threading.Thread(target=replace)
    writer.start()
    missing = sum(not (tmp_path / "folder" / "file").exists() for _ in range(20_000))
    stop.set()
    writer.join()
    assert not missing


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_a_kill_at_any_moment_leaves_one_whole_and_nothing_else(tmp_path):
    folder_of(tmp_path / "folder", "0" * 1000)
    for k in range(10):
        child = os.fork()
        while not child:
            folder_of(tmp_path / "folder", "1" * 1000)
        time.sleep(0.001 * k)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert (tmp_path / "folder" / "file").stat().st_size == 1000
    folders.write(tmp_path / "folder" / "next", b"")
    folders.write(tmp_path / "next", b"")
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "next"}


def test_exchange_swaps_names(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    exchange.exchange(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a" / "b").exists() and (tmp_path / "b" / "a").exists()
    with pytest.raises(FileNotFoundError):
        exchange.exchange(tmp_path / "a", tmp_path / "missing")


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path):
    living = folders.scratch_beside(tmp_path / "folder")
    dead_writer(tmp_path / "folder", "(scratch / 'file').write_text('half')")
    (tmp_path / ".latentzoo-unlocked").mkdir()  # it died before it had its lock
    (tmp_path / ".own").mkdir()
    assert len(list(tmp_path.iterdir())) == 4
    folder_of(tmp_path / "other", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"other", ".own", living.parent.parent.name}
    folders.put_in_place(living, tmp_path / "folder")
    assert {path.name for path in tmp_path.iterdir()} == {"other", ".own", "folder"}


def test_a_death_between_two_renames_is_undone(tmp_path):
    folder_of(tmp_path / "folder", "old")
    dead_writer(
        tmp_path / "folder",
        "(scratch.parent.parent / 'old').mkdir()\npath.rename(scratch.parent.parent / 'old' / 'folder')",
    )
    assert not (tmp_path / "folder").exists()
    folders.write(tmp_path / "file", b"")
    assert (tmp_path / "folder" / "file").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "file"}


def test_a_file_keeps_its_permissions_and_its_link(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o640)
    os.symlink("file", tmp_path / "link")
    folders.write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_an_error_names_the_place_and_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="No such file .*'.*missing/file'"):
        folders.write(tmp_path / "missing" / "file", b"")
    (tmp_path / "file").write_text("old")
    with pytest.raises(RuntimeError), folders.replacing(tmp_path / "file") as scratch:
        scratch.write_text("half")
        raise RuntimeError
    assert (tmp_path / "file").read_text() == "old"
    with pytest.raises(OSError, match="cannot be written: File name too long"):
        folders.scratch_beside(tmp_path / ("x" * 300))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_lock_is_one_threads_and_may_be_taken_again_by_it(tmp_path):
    counts = []

    def count():
        with locks.locked(tmp_path), locks.locked(tmp_path):
            value = len(counts)
            time.sleep(0.002)
            counts.append(value)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == list(range(8))
    assert not list(tmp_path.iterdir())


def test_a_locked_file_is_refused_until_it_is_closed(tmp_path):
    descriptor = locks.lock_file(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        locks.lock_file(tmp_path / "lock", wait=False)
    os.close(descriptor)
    os.close(locks.lock_file(tmp_path / "lock", wait=False))
