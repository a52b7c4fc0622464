"""A user's own images, in folders or listed in a table."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from data_files import images, png, write_image_table, write_images
from PIL import Image

from auxin.data import load, make_splits
from auxin.data.reading.images import place, read_images
from auxin.errors import ConfigError, DataError


def test_a_folder_per_class(tmp_path):
    made = write_images(tmp_path / "pets")
    (tmp_path / "pets" / "notes.txt").write_text("no image")
    data = load(tmp_path / "pets")
    assert (data.name, data.shape, len(data)) == ("pets", (3, 16, 16), 24)
    assert data.x.equal(torch.from_numpy(np.stack(list(made.values()))))
    assert data.y["class"].tolist() == [0] * 12 + [1] * 12
    assert data.tasks["class"].label_names == ("cat", "dog")
    assert make_splits(data, seed=0).sizes["train"] > 0


def test_train_and_test_folders(tmp_path):
    write_images(tmp_path / "train", each=10)
    write_images(tmp_path / "test", each=4, seed=9)
    assert load(tmp_path).official_test.tolist() == [False] * 20 + [True] * 8


def test_unlabelled_images(tmp_path):
    write_images(tmp_path / "pets")
    write_images(tmp_path / "more", names=["any"], each=5, seed=7)
    data = load(tmp_path / "pets", unlabelled=tmp_path / "more")
    assert data.y["class"][-5:].tolist() == [-1] * 5
    assert make_splits(data, seed=0).unlabelled.tolist() != []
    with pytest.raises(DataError, match="There is no folder"):
        load(tmp_path / "pets", unlabelled=tmp_path / "nowhere")


def test_sizes_and_channels(tmp_path):
    write_images(tmp_path / "p")
    (tmp_path / "p" / "cat" / "big.jpg").write_bytes(png(images(1, shape=(3, 40, 30))[0]))
    data = load(tmp_path / "p")
    assert data.shape == (3, 64, 64)
    assert "2 different sizes" in data.notes[-1]
    assert load(tmp_path / "p", size=20).shape == (3, 20, 20)
    assert load(tmp_path / "p", size=20).notes == ("Targets: class (classes: cat, dog).",)
    with pytest.raises(ConfigError, match=r"image size.*4 to 1,024.*Found 2"):
        load(tmp_path / "p", size=2)


def test_grey_images_stay_grey(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.fromarray(images(1, i, (8, 12))[0]).save(tmp_path / name / f"{i}.png")
    data = load(tmp_path)
    assert data.shape == (1, 8, 12)
    assert data.x[0, 0].equal(torch.from_numpy(images(1, 0, (8, 12))[0]))


def test_a_table_of_paths(tmp_path):
    data = load(write_image_table(tmp_path), image="file", target="y", aux="fine")
    assert (data.name, data.shape, len(data)) == ("my", (3, 16, 16), 24)
    assert data.parents["fine"].tolist() == [0, 0, 1, 1]
    assert data.notes == (
        "Targets: y (classes: cat, dog), fine (classes: cat0, cat1, dog0, dog1). "
        "Guessed: y, fine; change this with kinds='NAME=KIND'.",
    )
    inside = load(tmp_path / "pictures")
    assert inside.x.equal(data.x)


def broken(tmp_path, content):
    write_images(tmp_path / "p")
    path = tmp_path / "p" / "cat" / "bad.png"
    path.write_bytes(content)
    return path


def truncated():
    buffer = io.BytesIO()
    Image.fromarray(images(1, 0, (16, 16, 3))[0]).save(buffer, "PNG")
    return buffer.getvalue()[:-200]


@pytest.mark.parametrize("content", [b"", b"hello", truncated()])
def test_files_that_are_no_images(tmp_path, content):
    path = broken(tmp_path, content)
    with pytest.raises(DataError) as error:
        load(tmp_path / "p")
    for word in (str(path), "image", "Leave it out, or replace it"):
        assert word in str(error.value)


def test_folders_without_classes(tmp_path):
    with pytest.raises(DataError, match=r"several classes.*at least two folders.*no folder with images"):
        load(tmp_path)
    write_images(tmp_path, names=["cat"])
    with pytest.raises(DataError, match=r"several classes.*Found cat"):
        load(tmp_path)


def test_tables_with_bad_paths(tmp_path):
    file = write_image_table(tmp_path)
    table = pd.read_csv(file)
    table.loc[3, "file"] = "nowhere.png"
    table.to_csv(file, index=False)
    with pytest.raises(DataError, match=r"There is no image .*nowhere\.png"):
        load(file, image="file", target="y")
    table.loc[2, "file"] = None
    table.to_csv(file, index=False)
    with pytest.raises(DataError, match="has no path in row 2"):
        load(file, image="file", target="y")
    with pytest.raises(DataError, match=r"no column 'fil'.*Did you mean.*'file'"):
        load(file, image="fil", target="y")
    with pytest.raises(ConfigError, match=r"image='COLUMN' target='COLUMN'"):
        load(file, image="file")


def test_images_of_16_bits_keep_their_contrast(tmp_path):
    deep = (np.arange(16, dtype=np.uint16) * 4096).reshape(4, 4)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    x, _, _ = read_images([tmp_path / "deep.png"], None)
    assert x.shape == (1, 1, 4, 4)
    assert x.flatten().tolist() == (deep.flatten() // 257).tolist()


def test_paths_with_the_marks_of_windows(tmp_path):
    (tmp_path / "sub").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "sub" / "a.png")
    assert place("sub\\a.png", tmp_path) == tmp_path / "sub" / "a.png"
