"""Folders as they are in the world: what is an image, a split, a class. Files are empty: none is opened."""

import json
import os
import unicodedata
import warnings

import pytest

from latentzoo.data.image_folders import list_images
from latentzoo.data.splits import MissingSplit


def make(folder, *names):
    """Writes empty files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names_of(folder, split="all"):
    return [os.path.relpath(path, folder) for path in list_images(folder, split).paths]


@pytest.fixture(autouse=True)
def no_warnings():
    """A warning is an error where none is expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_what_systems_leave_is_no_image_and_no_class(tmp_path):
    kept = ["cat/0.png", "dog/1.png"]
    make(tmp_path, *kept)
    make(tmp_path, ".ipynb_checkpoints/0.png", "cat/.ipynb_checkpoints/0.png", ".thumbnails/a.png", ".a.png")
    make(tmp_path, "cat/._0.png", "__MACOSX/cat/0.png", "Thumbs.db", "cat/desktop.ini", ".DS_Store")
    make(tmp_path, "@eaDir/0.png", "lost+found/0.png", "$RECYCLE.BIN/0.png")
    assert names_of(tmp_path) == kept
    assert list_images(tmp_path, "all").class_names == ("cat", "dog")


def test_a_hidden_folder_may_be_asked_for(tmp_path):
    make(tmp_path / ".cache" / "a", "0.png")
    assert names_of(tmp_path / ".cache" / "a") == ["0.png"]


def test_all_formats_are_images_and_the_rest_is_counted_aloud_once(tmp_path):
    images = ["0.PNG", "a.png", "b.Jpg", "c.jpeg", "d.jpe", "e.jfif", "f.webp", "g.bmp", "h.tif", "i.TIFF"]
    images += ["j.gif", "k.ppm", "l.avif"]
    make(tmp_path, *images, "a.heic", "b.heic", "x/notes.txt", "no_suffix")
    os.mkfifo(tmp_path / "pipe.png")
    os.symlink("nowhere.png", tmp_path / "broken.png")
    message = r"6 of 19 files are skipped because .* such as '.*a.heic'\.$"
    with pytest.warns(UserWarning, match=message) as told:
        assert names_of(tmp_path) == sorted(images)
    assert len(told) == 1


def test_links_to_folders_are_followed_and_loops_are_not(tmp_path):
    make(tmp_path / "store", "1.png", "deep/2.png")
    make(tmp_path / "set", "a/0.png")
    os.symlink(tmp_path / "store", tmp_path / "set" / "b")
    os.symlink(tmp_path / "set", tmp_path / "set" / "a" / "up")
    os.symlink(tmp_path / "set", tmp_path / "store" / "deep" / "back")
    os.symlink("self", tmp_path / "set" / "self")
    with pytest.warns(UserWarning, match="1 of 4 files are skipped"):
        assert names_of(tmp_path / "set") == ["a/0.png", "b/1.png", "b/deep/2.png"]


@pytest.mark.parametrize(
    "train, test", [("Train", "TEST"), ("training", "Testing"), ("train", "val"), ("Train", "valid")]
)
def test_splits_are_known_by_their_usual_spellings(tmp_path, train, test):
    make(tmp_path, f"{train}/cat/0.png", f"{test}/cat/1.png", f"{test}/dog/2.png")
    other = "test" if test.lower().startswith("test") else "validation"
    for split in ("train", "TRAINING", train):
        assert names_of(tmp_path, split) == [f"{train}/cat/0.png"]
    for split in (other, test):
        listing = list_images(tmp_path, split)
        assert [os.path.relpath(path, tmp_path) for path in listing.paths] == [
            f"{test}/cat/1.png",
            f"{test}/dog/2.png",
        ]
        assert listing.class_names == ("cat", "dog") and listing.labels == [0, 1]
    assert len(names_of(tmp_path, "all")) == 3


def test_splits_may_be_in_the_only_folder_that_there_is(tmp_path):
    make(tmp_path, "pets/images/train/cat/0.png", "pets/images/test/dog/1.png", "__MACOSX/pets/x/0.png")
    for folder in (tmp_path, tmp_path / "pets"):
        listing = list_images(folder, "train")
        assert [os.path.relpath(path, tmp_path) for path in listing.paths] == ["pets/images/train/cat/0.png"]
        assert listing.class_names == ("cat", "dog")
    make(tmp_path / "other", "cat/long hair/0.png", "cat/short hair/1.png")
    assert list_images(tmp_path / "other", "all").class_names == ("cat",)


def test_splits_below_the_classes_are_told_of(tmp_path):
    make(tmp_path, *(f"{name}/{split}/0.png" for name in ("nut", "pill") for split in ("train", "Test")))
    with pytest.warns(UserWarning, match="subfolders named 'Test' and 'train' are not read as splits"):
        assert list_images(tmp_path, "train").class_names == ("nut", "pill")


def test_two_spellings_of_one_split_are_one(tmp_path):
    make(tmp_path, "Train/0.png", "train/1.png", "test/2.png")
    assert names_of(tmp_path, "train") == ["Train/0.png", "train/1.png"]


def test_a_class_may_be_called_train(tmp_path):
    make(tmp_path, *(f"{name}/{i}.png" for name in ("bus", "car", "train") for i in range(10)))
    with pytest.warns(UserWarning, match="'train' is read as a class, like 'bus' next to it"):
        listing = list_images(tmp_path, "train")
    assert listing.class_names == ("bus", "car", "train")
    assert [listing.labels.count(label) for label in range(3)] == [9, 9, 9]


def test_a_lone_split_is_one_and_empty_folders_beside_it_count_for_nothing(tmp_path):
    make(tmp_path, "train/cat/0.png")
    (tmp_path / "annotations").mkdir()
    assert names_of(tmp_path, "train") == ["train/cat/0.png"]
    with pytest.raises(MissingSplit, match="got 'test': it has train."):
        list_images(tmp_path, "test")


def test_images_beside_the_splits_are_told_of(tmp_path):
    make(tmp_path, "train/cat/0.png", "test/cat/1.png", "cat/2.png", "3.png")
    with pytest.warns(UserWarning, match="2 images are in none of the splits test, train, such as '.*3.png'"):
        assert names_of(tmp_path, "train") == ["train/cat/0.png"]


def test_classes_that_differ_by_case_are_two_and_by_unicode_form_one(tmp_path):
    make(tmp_path, "train/a/0.png", "train/A/1.png", "test/a/2.png")
    assert list_images(tmp_path, "train").class_names == ("A", "a")
    composed, decomposed = (unicodedata.normalize(form, "été") for form in ("NFC", "NFD"))
    make(tmp_path / "other", f"train/{composed}/0.png", f"test/{decomposed}/1.png")
    for split in ("train", "test"):
        listing = list_images(tmp_path / "other", split)
        assert listing.class_names == (composed,) and listing.labels == [0]


# dataset.json of dataset_tool


def write_labels(folder, labels):
    (folder / "dataset.json").write_text(json.dumps({"labels": labels}))


def test_labels_are_those_of_dataset_json(tmp_path):
    names = [f"{i // 2:05d}/img{i:08d}.png" for i in range(6)]
    make(tmp_path, *names)
    write_labels(tmp_path, [[name, 7 * i % 3] for i, name in enumerate(names)])
    listing = list_images(tmp_path, "all")
    assert listing.labels == [7 * i % 3 for i in range(6)] and listing.class_names == ()


def test_dataset_json_may_come_from_windows(tmp_path):
    make(tmp_path, "00000/a.png")
    text = json.dumps({"labels": [["00000\\a.png", 3]]})
    (tmp_path / "dataset.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert list_images(tmp_path, "all").labels == [3]


def test_each_split_may_have_its_dataset_json(tmp_path):
    make(tmp_path, "train/00000/a.png", "test/00000/a.png")
    for label, split in enumerate(("train", "test")):
        write_labels(tmp_path / split, [["00000/a.png", label]])
        assert list_images(tmp_path, split).labels == [label]


def test_a_dataset_json_without_labels_gives_none_and_no_classes(tmp_path):
    make(tmp_path, "00000/a.png", "00001/b.png")
    for labels in (None, [["00000/a.png", 1]]):
        write_labels(tmp_path, labels)
        listing = list_images(tmp_path, "all")
        assert listing.labels is None and listing.class_names == () and "dataset.json" in listing.unlabeled


def test_another_tools_dataset_json_is_not_asked(tmp_path):
    make(tmp_path, "cat/a.png")
    (tmp_path / "dataset.json").write_text('{"name": "cats"}')
    assert list_images(tmp_path, "all").class_names == ("cat",)


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "dataset.json' is damaged: it is not JSON."),
        ("[" * 100_000, "dataset.json' is damaged: it is not JSON."),
        ('{"labels": [["a.png", [0, 1]]]}', "dataset.json' must have labels that are pairs"),
        ('{"labels": [["a.png", -1]]}', "dataset.json' must have labels that are pairs"),
        ('{"labels": 3}', "dataset.json' must have labels that are pairs"),
    ],
)
def test_a_damaged_dataset_json_is_named(tmp_path, text, message):
    make(tmp_path, "a.png")
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        list_images(tmp_path, "all")
