"""Loaders of published sets read files in their owners' formats, and say where the files are to be had."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from auxin.data import load, make_splits
from auxin.data.fixtures import fixture
from auxin.data.modelnet import cloud, read_off
from auxin.data.reading.download import RemoteFile
from auxin.errors import DataError

SETS = {
    # rows, test rows, shape, main task's width, options
    "svhn": (140, 60, (3, 32, 32), 10, {}),
    "stl10": (100, 40, (3, 24, 24), 10, {"size": 24}),
    "cinic10": (100, 40, (3, 32, 32), 10, {}),
    "voc12s": (140, 60, (3, 16, 16), 20, {"size": 16}),
    "cub": (80, 30, (3, 16, 16), 5, {"size": 16}),
    "oxford_pet": (64, 24, (3, 16, 16), 4, {"size": 16}),
    "cars": (64, 24, (3, 16, 16), 4, {"size": 16}),
    "nyuv2": (24, 8, (3, 16, 16), 13, {}),
    "cityscapes": (24, 8, (3, 8, 8), 19, {"shrink": 2}),
    "camvid": (28, 8, (3, 24, 32), 11, {}),
    "modelnet": (40, 16, (3, 32, 1), 2, {"points": 32}),
    "shapenet_part": (36, 12, (3, 32, 1), 4, {"points": 32}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("published")
    return lambda name: fixture(name, base / name)


def test_fixtures_asked_for_at_once_or_after_a_kill_are_whole(tmp_path):
    folder = tmp_path / "cub"
    (tmp_path / ".cub.part" / "CUB_200_2011" / "attributes").mkdir(parents=True)  # what a kill leaves
    with ThreadPoolExecutor(4) as several:
        assert set(several.map(lambda _: fixture("cub", folder), range(4))) == {folder}
    assert len(load("cub", folder, size=16)) == SETS["cub"][0]


@pytest.mark.parametrize("name", SETS)
def test_a_published_set_is_read(name, folder):
    rows, test, shape, width, options = SETS[name]
    found = load(name, folder(name), **options)
    assert (len(found), int(found.official_test.sum()), found.shape) == (rows, test, shape)
    assert found.tasks[found.main].width == width
    assert found.licence
    assert len(make_splits(found, seed=0, validation=0.0).train) > 0


@pytest.mark.parametrize("name", SETS)
def test_absent_files_are_named_with_the_place_to_get_them(name, tmp_path):
    with pytest.raises(DataError, match=r"https?://"):
        load(name, tmp_path)


def test_the_pixels_and_labels_are_the_publishers(folder):
    svhn = load("svhn", folder("svhn"))
    assert svhn.y["digit"][:11].tolist() == [
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        0,
    ]  # the publisher writes 10 for zero
    stl = load("stl10", folder("stl10"))
    raw = np.fromfile(folder("stl10") / "stl10_binary" / "train_X.bin", np.uint8)
    assert int(stl.x[0, 1, 5, 2]) == raw[96 * 96 + 2 * 96 + 5]  # column by column
    assert load("stl10", folder("stl10"), unlabelled=7).has_main().sum() == 100
    voc = load("voc12s", folder("voc12s"))
    assert voc.y["object"][:3].tolist() == [0, 1, 2]  # the class of the largest boxes
    several = load("voc12s", folder("voc12s"), target="labels")
    assert several.y["object"].sum(1).tolist() == [2] * 140
    logits = torch.zeros(1, 20)
    logits[0, 4] = 1
    wanted = [
        several.tasks["object"].score(logits, several.y["object"][row : row + 1], "hit") for row in (3, 4, 5)
    ]
    assert wanted == [1.0, 1.0, 0.0]  # row 3 shows classes 3 and 4, row 5 shows 5 and 6


def test_attributes_are_one_task_or_one_each(folder):
    one = load("cub", folder("cub"), size=16)
    each = load("cub", folder("cub"), size=16, attributes="each")
    assert one.y["attributes"].shape == (80, 6)
    assert [n for n in each.tasks if n != "bird"] == [f"attribute{k}" for k in range(1, 7)]
    assert torch.equal(each.y["attribute3"].squeeze(1), one.y["attributes"][:, 2])


def test_cityscapes_without_the_folder_of_two_classes_has_no_such_task(tmp_path):
    root = fixture("cityscapes", tmp_path / "cityscapes")
    assert "classes2" in load("cityscapes", root).tasks
    for side in ("train", "val"):
        shutil.rmtree(next(root.rglob(f"{side}/label_2")))
    assert list(load("cityscapes", root).tasks) == ["classes19", "classes7", "depth"]


def test_pixels_without_depth_have_no_target(folder):
    found = load("nyuv2", folder("nyuv2"))
    assert found.y["depth"][:, 0, 0].isnan().all()
    assert found.y["normal"][:, :, 0, 0].isnan().all()
    assert not found.y["depth"][:, 1:].isnan().any()
    assert (found.y["segmentation"] == -1).any()


def test_points_are_drawn_evenly_from_the_surface(tmp_path):
    """A square of side 2 beside one of side 1: four points in five on the larger."""
    corners = ["0 0 0", "2 0 0", "2 2 0", "0 2 0", "5 0 0", "6 0 0", "6 1 0", "5 1 0"]
    text = "\n".join(["OFF", "8 2 0", *corners, "4 0 1 2 3", "4 4 5 6 7"])
    (tmp_path / "a.off").write_text(text)
    vertices, faces = read_off(tmp_path / "a.off")
    assert (vertices.shape, faces.tolist()) == ((8, 3), [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    found = cloud(tmp_path / "a.off", 4000)
    assert found.norm(dim=0).max() == pytest.approx(1.0)
    split = (found[0].min() + found[0].max()) / 2
    assert float((found[0] < split).float().mean()) == pytest.approx(0.8, abs=0.03)
    (tmp_path / "a.off").write_text(text.replace("8 2 0", "9 2 0"))
    with pytest.raises(DataError, match="OFF file"):
        read_off(tmp_path / "a.off")


@pytest.mark.parametrize("name", ["svhn", "stl10", "nyuv2", "cub", "oxford_pet", "modelnet", "shapenet_part"])
def test_a_damaged_file_is_named(name, tmp_path):
    base = fixture(name, tmp_path)
    damaged = {
        "svhn": "train_32x32.mat",
        "stl10": "stl10_binary/train_X.bin",
        "nyuv2": "train/depth/0.npy",
        "cub": "CUB_200_2011/attributes/image_attribute_labels.txt",
        "oxford_pet": "annotations/trainval.txt",
        "modelnet": "ModelNet10/chair/train/chair_0000.off",
        "shapenet_part": "02691156/train0.txt",
    }[name]
    (base / damaged).write_bytes(b"x 1")
    with pytest.raises(DataError, match=damaged.rsplit("/", 1)[-1]):
        load(name, base)


PAGE = b"<!DOCTYPE html><html>404 not found</html>"
TEXTS = {
    "svhn": ["test_32x32.mat"],
    "cars": ["devkit/cars_train_annos.mat"],
    "cub": [
        "CUB_200_2011/images.txt",
        "CUB_200_2011/image_class_labels.txt",
        "CUB_200_2011/train_test_split.txt",
        "CUB_200_2011/attributes/image_attribute_labels.txt",
    ],
    "shapenet_part": ["synsetoffset2category.txt", "train_test_split/shuffled_train_file_list.json"],
    "oxford_pet": ["annotations/trainval.txt"],
    "voc12s": ["VOCdevkit/VOC2012/ImageSets/Main/train.txt"],
    "cifar10": ["cifar10_train.npz"],
    "mnist": ["train-images-idx3-ubyte.gz"],
}


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in TEXTS.items() for file in files])
def test_a_web_page_or_half_a_file_in_the_place_of_a_file_is_a_clear_error(name, file, tmp_path):
    base = fixture(name, tmp_path)
    whole = (base / file).read_bytes()
    for content in (PAGE, whole[: len(whole) // 2]):
        (base / file).write_bytes(content)
        if file == "VOCdevkit/VOC2012/ImageSets/Main/train.txt" and content != PAGE:
            continue  # a shorter list is a list
        with pytest.raises(DataError) as error:
            load(name, base)
        assert "Expected" in str(error.value) or "Fetch" in str(error.value)


def test_cinic10_without_its_validation_images_is_refused_unless_they_are_left_out(tmp_path):
    base = fixture("cinic10", tmp_path)
    shutil.rmtree(base / "valid")
    with pytest.raises(DataError, match="valid=False"):
        load("cinic10", base)
    assert len(load("cinic10", base, valid=False)) == 80


def test_all_files_of_mnist_are_named_as_needed(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"train-images.* and train-labels.* and t10k-images.* and t10k-labels"
    ):
        load("mnist", tmp_path)


def test_a_hash_of_another_kind_is_taken_as_it_is():
    assert RemoteFile("https://x/y.tar", "md5:ab", 1).known_hash == "md5:ab"
    assert RemoteFile("https://x/y.tar", "cd", 1).known_hash == "sha256:cd"
