"""Kinds of target: what makes which task, from tables, arrays and mask files; missing labels."""

import numpy as np
import pandas as pd
import pytest
import torch
from data_files import images
from PIL import Image

from auxin import catalogue
from auxin.data import DevicePool, load, make_splits
from auxin.errors import AuxinError, ConfigError, DataError

ROWS = 40


def write(tmp_path, **columns):
    draw = np.random.default_rng(0)
    base = {"x": draw.normal(size=ROWS), "y": np.arange(ROWS) % 2}
    pd.DataFrame({**base, **columns}).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def kind(data, name):
    return next(k for k in catalogue.names("tasks") if type(data.tasks[name]) is catalogue.load("tasks", k))


def test_several_columns_are_attributes_or_a_vector(tmp_path):
    draw = np.random.default_rng(1)
    path = write(
        tmp_path,
        a=["yes", "no"] * 20,
        b=[1, 0, None, 1] * 10,
        u=draw.normal(size=ROWS),
        v=draw.normal(size=ROWS),
    )
    data = load(path, target="y", aux="attrs=a|b,pose=u|v")
    assert (kind(data, "attrs"), kind(data, "pose")) == ("multilabel", "vector")
    assert data.y["attrs"][:3].nan_to_num(-1).tolist() == [[1, 1], [0, 0], [1, -1]]
    assert data.tasks["attrs"].label_names == ("a", "b")
    assert data.y["pose"].shape == (ROWS, 2)
    assert data.x.shape[1] == 1
    assert data.notes[0] == (
        "Targets: y (classes: 0, 1), attrs (multilabel: a, b), pose (vector). "
        "Guessed: y, attrs, pose; change this with kinds='NAME=KIND'."
    )
    assert kind(load(path, target="y", aux="both=a|b", kinds="both=binary"), "both") == "multilabel"
    assert kind(load(path, target="pose=u|v", aux="a"), "pose") == "vector"


def test_a_list_column_is_attributes(tmp_path):
    path = write(tmp_path, tags=["red; small", "small", "", "blue;red"] * 10)
    data = load(path, target="y", aux="tags")
    assert data.tasks["tags"].label_names == ("blue", "red", "small")
    assert data.y["tags"][:2].tolist() == [[0, 1, 1], [0, 0, 1]]
    assert bool(data.y["tags"][2].isnan().all())


@pytest.mark.parametrize("mark", ["-1", "-1.0"])
@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_a_number_for_missing_is_one_however_it_is_written(suffix, mark, tmp_path):
    y = np.where(np.arange(40) % 4, np.arange(40) + 0.5, -1.0)
    path = tmp_path / f"n{suffix}"
    if suffix == ".npz":
        np.savez(path, x=np.random.default_rng(0).normal(size=(40, 2)), y=y)
    else:
        pd.DataFrame({"x": np.random.default_rng(0).normal(size=40), "y": y}).to_csv(path, index=False)
    assert int(load(path, target="y", missing=f"y={mark}").has_main().sum()) == 30


def test_a_code_is_no_number_for_missing(tmp_path):
    frame = pd.DataFrame({"x": np.arange(40) ** 0.5, "y": ["01", "02"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert bool(load(tmp_path / "t.csv", target="y", missing="y=1").has_main().all())


def test_a_mark_that_no_cell_has_is_noted(tmp_path):
    pd.DataFrame({"x": range(40), "z": np.arange(40) ** 0.5, "y": ["a", "b"] * 20}).to_csv(tmp_path / "t.csv")
    assert any(
        "No cell of 'y' is 'c'" in note for note in load(tmp_path / "t.csv", target="y", missing="y=c").notes
    )


def test_a_value_that_stands_for_missing(tmp_path):
    path = write(tmp_path, grade=[1, 2, -9, 3] * 10, size=["s", "?", "l", "m"] * 10)
    data = load(path, target="y", aux="grade,size", kinds="grade=ordered", missing="grade=-9,size=?")
    assert data.y["grade"][:4].tolist() == [0, 1, -1, 2]
    assert data.tasks["size"].label_names == ("l", "m", "s")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aux": "p=x|zz"}, ["no column 'zz'"]),
        ({"aux": "a", "kinds": "a=klasses"}, ["kind of target", "Did you mean 'classes'"]),
        ({"aux": "a", "kinds": "b=classes"}, ["'b' is no target"]),
        ({"aux": "p=a|b", "kinds": "p=classes"}, ["several columns", "multilabel or vector"]),
        ({"aux": "a", "kinds": "a=dense"}, ["cannot be dense_classes", "image='COLUMN'"]),
        ({"aux": "p=a|x", "kinds": "p=multilabel"}, ["'x'", "no yes-or-no attribute"]),
        ({"aux": "a,a"}, ["named twice"]),
        ({"aux": "a", "missing": "nine"}, ["missing label"]),
        ({"aux": "slip"}, ["mixes numbers and words", "'1O' in row 3"]),
    ],
)
def test_refused(tmp_path, options, words):
    slip = [str(i) for i in range(ROWS)]
    slip[3] = "1O"
    path = write(tmp_path, a=[0, 1] * 20, b=[1, 0] * 20, slip=slip)
    with pytest.raises(AuxinError) as error:
        load(path, target="y", **options)
    for word in words:
        assert word in str(error.value)


def test_rows_of_another_table_without_main_label(tmp_path):
    path = write(tmp_path, fine=np.arange(ROWS) % 4)
    pd.DataFrame({"x": [9.0, 8.0], "y": [0, 1], "fine": [3, None]}).to_csv(tmp_path / "more.csv", index=False)
    data = load(path, target="y", aux="fine", unlabelled=tmp_path / "more.csv")
    assert data.y["y"][-2:].tolist() == [-1, -1]
    assert data.y["fine"][-2:].tolist() == [3, -1]
    assert {ROWS, ROWS + 1} <= set(make_splits(data, seed=0).unlabelled.tolist())
    pd.DataFrame({"q": [1]}).to_csv(tmp_path / "odd.csv", index=False)
    with pytest.raises(DataError, match="no column of the labelled table"):
        load(path, target="y", unlabelled=tmp_path / "odd.csv")


def test_auxiliary_targets_that_hold_the_main_one_are_said(tmp_path):
    data = load(write(tmp_path, same=np.arange(ROWS) % 2 + 5), target="y", aux="same")
    assert "hold the main one" in data.notes[-1]
    assert "give it away on a row without one" in data.notes[-1]


def test_arrays_of_every_kind(tmp_path):
    draw = np.random.default_rng(0)
    arrays = {
        "x": images(ROWS, shape=(8, 8, 3)),
        "y": np.arange(ROWS) % 2,
        "tags": draw.integers(0, 2, (ROWS, 3)),
        "scene": draw.integers(0, 4, (ROWS, 8, 8)).astype(np.uint8),
        "depth": draw.normal(size=(ROWS, 8, 8)),
        "normals": draw.normal(size=(ROWS, 3, 8, 8)),
        "a": draw.normal(size=ROWS),
        "b": draw.normal(size=ROWS),
        "who": np.arange(ROWS) // 4,
    }
    np.savez(tmp_path / "a.npz", **arrays)
    aux = "tags,scene,depth,normals,pose=a|b"
    data = load(tmp_path / "a.npz", aux=aux, missing="scene=3", group="who")
    kinds = {name: kind(data, name) for name in data.tasks}
    assert kinds == {
        "y": "classes",
        "tags": "multilabel",
        "scene": "dense_classes",
        "depth": "dense_regression",
        "normals": "dense_regression",
        "pose": "vector",
    }
    assert data.tasks["scene"].width == 3
    assert bool(((data.y["scene"] == -1) == torch.from_numpy(arrays["scene"] == 3)).all())
    assert data.groups[:5] == ("=0", "=0", "=0", "=0", "=1")
    more = {"x": images(3, 5, (8, 8, 3)), "scene": arrays["scene"][:3], "y": np.zeros(3)}
    np.savez(tmp_path / "more.npz", **more)
    longer = load(tmp_path / "a.npz", aux=aux, unlabelled=tmp_path / "more.npz")
    assert longer.y["y"][-3:].tolist() == [-1] * 3
    assert longer.y["scene"][-3:].equal(longer.y["scene"][:3])
    assert bool(longer.y["pose"][-3:].isnan().all())


def masks(tmp_path, mode="P", side=16, n=24, values=3):
    draw, pictures = np.random.default_rng(0), images(n, shape=(side, side, 3))
    rows, made = [], []
    for i in range(n):
        Image.fromarray(pictures[i]).save(tmp_path / f"{i}.png")
        mask = draw.integers(0, values, (side, side)).astype(np.uint8)
        if i % 5 == 0:
            mask[0, :] = 255
        picture = Image.fromarray(mask)
        if mode == "P":
            picture = picture.convert("P")
            picture = Image.fromarray(mask, "L")
            picture.putpalette([v for k in range(256) for v in (k, 255 - k, 7)])
        elif mode == "RGB":
            picture = Image.fromarray(np.stack([mask, mask, 0 * mask], -1))
        picture.save(tmp_path / f"mask{i}.png")
        made.append(mask.astype(int))
        rows.append((f"{i}.png", f"mask{i}.png" if i != 7 else None, i % 2))
    file = tmp_path / "my.csv"
    pd.DataFrame(rows, columns=["file", "mask", "y"]).to_csv(file, index=False)
    return file, np.stack(made)


@pytest.mark.filterwarnings("ignore:.*mode.*:DeprecationWarning")
@pytest.mark.parametrize("mode", ["P", "L"])
def test_mask_files(tmp_path, mode):
    file, made = masks(tmp_path, mode)
    data = load(file, image="file", target="y", aux="mask")
    assert kind(data, "mask") == "dense_classes"
    wanted = np.where(made == 255, -1, made)
    wanted[7] = -1
    assert data.y["mask"].equal(torch.from_numpy(wanted))
    assert "Pixels of value 255 in 'mask' are treated as unlabelled" in data.notes[1]
    as_main = load(file, image="file", target="mask", kinds="mask=dense")
    assert as_main.has_main().tolist() == [i != 7 for i in range(24)]
    small = load(file, image="file", target="y", aux="mask", size=8)
    assert small.y["mask"].shape == (24, 8, 8)
    depth = load(
        file, image="file", target="y", aux="mask", kinds="mask=dense_regression", missing="mask=255"
    )
    assert depth.y["mask"][0, 0].isnan().all()


def test_colours_are_classes_and_sizes_must_fit(tmp_path):
    file, _ = masks(tmp_path, "RGB")
    data = load(file, image="file", target="y", aux="mask")
    assert data.tasks["mask"].label_names == ("#000000", "#010100", "#020200", "#ffff00")
    Image.new("L", (9, 16)).save(tmp_path / "mask3.png")
    with pytest.raises(DataError, match=r"mask3\.png differs in size.*16x16.*Found 9x16"):
        load(file, image="file", target="y", aux="mask")
    (tmp_path / "mask3.png").unlink()
    with pytest.raises(DataError, match="There is no mask"):
        load(file, image="file", target="y", aux="mask")


def test_black_and_white_masks_have_two_classes(tmp_path):
    file, _ = masks(tmp_path, "L", values=1)
    data = load(file, image="file", target="y", aux="mask")
    assert data.tasks["mask"].label_names == ("0", "255")


def test_augmentation_moves_masks_with_their_images(tmp_path):
    draw = np.random.default_rng(0)
    scene = draw.integers(0, 4, (ROWS, 16, 16)).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x=scene, y=scene, depth=scene.astype(float) + 0.5)
    data = load(tmp_path / "a.npz", aux="depth")
    pool = DevicePool(data, torch.arange(ROWS), "cpu", augmentation="crop_flip")
    batch = pool.batch(torch.arange(ROWS), torch.Generator().manual_seed(0))
    level = batch.x[:, 0] * pool.std[0] + pool.mean[0]
    seen = batch.y["y"] >= 0
    assert 0.4 < seen.float().mean() < 1
    assert torch.allclose(level[seen], batch.y["y"][seen].float(), atol=1e-4)
    assert bool((batch.y["depth"].isnan() == ~seen).all())
    assert not batch.y["y"].equal(data.y["y"])


def test_image_tables_take_unlabelled_folders_and_tables(tmp_path):
    file, _ = masks(tmp_path, "L")
    (tmp_path / "more").mkdir()
    for i in range(3):
        Image.fromarray(images(1, 90 + i, (16, 16, 3))[0]).save(tmp_path / "more" / f"{i}.png")
    folder = load(file, image="file", target="y", aux="mask", unlabelled=tmp_path / "more")
    pd.DataFrame({"file": ["more/0.png", "more/1.png"]}).to_csv(tmp_path / "more.csv", index=False)
    table = load(file, image="file", target="y", aux="mask", unlabelled=tmp_path / "more.csv")
    assert len(folder) == 27
    assert len(table) == 26
    assert folder.y["y"][-3:].tolist() == [-1] * 3
    assert table.x[-2:].equal(folder.x[24:26])
    with pytest.raises(ConfigError, match="image='COLUMN'"):
        load("image_table", file, target="y")
