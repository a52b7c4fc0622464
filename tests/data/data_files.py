"""Writes small data sets in the publishers' real formats, and makes small ones in memory."""

import gzip
import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from auxin.data import Dataset
from auxin.data.targets.hierarchy100 import parents
from auxin.tasks.classes import Classes

FINE_TO_COARSE = parents(100, 20).numpy()


def images(rows, seed=0, shape=(3, 32, 32)):
    return np.random.default_rng(seed).integers(0, 256, (rows, *shape), dtype=np.uint8)


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder: Path, *, train="train", rows=(40, 20), zipped=True):
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for seed, (begin, n) in enumerate(zip((train, "t10k"), rows, strict=True)):
        x, y = images(n, seed, (28, 28)), (np.arange(n) % 10).astype(np.uint8)
        for name, array in (("images-idx3-ubyte", x), ("labels-idx1-ubyte", y)):
            data = idx_bytes(array)
            path = folder / (f"{begin}-{name}" + (".gz" if zipped else ""))
            path.write_bytes(gzip.compress(data) if zipped else data)
        made[begin] = (x, y)
    return made


def cifar100_parts(rows=(200, 100)):
    return {
        side: (images(n, seed), np.arange(n) % 100, FINE_TO_COARSE[np.arange(n) % 100])
        for seed, (side, n) in enumerate(zip(("train", "test"), rows, strict=True))
    }


def write_cifar100_pickles(folder: Path, parts):
    inside = folder / "cifar-100-python"
    inside.mkdir(parents=True)
    for side, (x, fine, coarse) in parts.items():
        content = {
            b"filenames": [b"a_s_%06d.png" % i for i in range(len(x))],
            b"batch_label": b"part",
            b"fine_labels": fine.tolist(),
            b"coarse_labels": coarse.tolist(),
            b"data": x.reshape(len(x), -1),
        }
        (inside / side).write_bytes(pickle.dumps(content, protocol=2))


def write_cifar100_binary(folder: Path, parts):
    inside = folder / "cifar-100-binary"
    inside.mkdir(parents=True)
    for side, (x, fine, coarse) in parts.items():
        labels = np.stack([coarse, fine], 1).astype(np.uint8)
        (inside / f"{side}.bin").write_bytes(np.concatenate([labels, x.reshape(len(x), -1)], 1).tobytes())


def write_cifar100_npz(folder: Path, parts):
    folder.mkdir(parents=True, exist_ok=True)
    for side, (x, fine, coarse) in parts.items():
        labels = {"labels": fine.astype(np.uint8), "coarse_labels": coarse.astype(np.uint8)}
        np.savez(folder / f"cifar100_{side}.npz", images=x.transpose(0, 2, 3, 1), **labels)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def write_cifar100_parquet(folder: Path, parts, shards=2):
    inside = folder / "cifar100"
    inside.mkdir(parents=True)
    for side, (x, fine, coarse) in parts.items():
        cells = [{"bytes": png(one), "path": None} for one in x]
        for shard, rows in enumerate(np.array_split(np.arange(len(x)), shards)):
            table = pa.table(
                {
                    "img": [cells[i] for i in rows],
                    "fine_label": fine[rows].astype(np.int64),
                    "coarse_label": coarse[rows].astype(np.int64),
                }
            )
            pq.write_table(table, inside / f"{side}-{shard:05d}-of-{shards:05d}.parquet")


def write_cifar10_pickles(folder: Path):
    inside = folder / "cifar-10-batches-py"
    inside.mkdir(parents=True)
    made = []
    for seed, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        x, y = images(20, seed), np.arange(20) % 10
        files = [b"term_%d_s_%06d.png" % (i % 2, i) for i in range(20)]
        content = {b"data": x.reshape(20, -1), b"labels": y.tolist(), b"filenames": files}
        (inside / name).write_bytes(pickle.dumps(content, protocol=2))
        made.append((x, y))
    return made


def write_cifar10_binary(folder: Path):
    inside = folder / "cifar-10-batches-bin"
    inside.mkdir(parents=True)
    made = []
    for seed, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        x, y = images(20, seed), np.arange(20) % 10
        rows = np.concatenate([y[:, None].astype(np.uint8), x.reshape(20, -1)], 1)
        (inside / f"{name}.bin").write_bytes(rows.tobytes())
        made.append((x, y))
    return made


def write_npz(file: Path, rows=60, **changes):
    fine = np.arange(rows) % 6
    arrays = {
        "x": np.random.default_rng(0).normal(size=(rows, 4)),
        "y": fine // 3,
        "fine": fine,
        "real": np.linspace(0.0, 1.0, rows) + 0.25,
        **changes,
    }
    np.savez(file, **{name: value for name, value in arrays.items() if value is not None})
    return arrays


def write_images(folder: Path, names=("cat", "dog"), each=12, side=16, seed=0):
    """A folder per class with images of noise; the pixels by file."""
    made = {}
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for i, pixels in enumerate(images(each, seed + number, (3, side, side))):
            path = folder / name / f"{i:03d}.png"
            path.write_bytes(png(pixels))
            made[path] = pixels
    return made


def write_image_table(folder: Path, rows=24):
    made = write_images(folder / "pictures", each=rows // 2)
    files = [str(path.relative_to(folder)) for path in made]
    fine = [f"{path.parent.name}{i % 2}" for i, path in enumerate(made)]
    table = pd.DataFrame({"file": files, "y": [path.parent.name for path in made], "fine": fine})
    table.to_csv(folder / "my.csv", index=False)
    return folder / "my.csv"


def dataset(rows=120, classes=4, *, test=0, seed=0, missing=0, shape=(1, 4, 4), x=None, y=None):
    """A data set in memory: `test` official test rows at its end, `missing` rows without a main label."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (rows, *shape), generator=draw, dtype=torch.uint8) if x is None else x
    fine = torch.arange(rows) % (2 * classes)
    main = fine // 2 if y is None else y
    main = torch.where(torch.arange(rows) < missing, -1, main)
    return Dataset(
        name="made",
        x=x,
        tasks={"main": Classes("main", classes), "fine": Classes("fine", 2 * classes)},
        y={"main": main, "fine": fine},
        main="main",
        official_test=torch.arange(rows) >= rows - test,
        parents={"fine": torch.arange(2 * classes) // 2} if y is None else {},
    )


def reordered(data: Dataset, order):
    """The same data set with its rows in another order."""
    y = {name: target[order] for name, target in data.y.items()}
    return Dataset(
        data.name, data.x[order], data.tasks, y, data.main, data.official_test[order], dict(data.parents)
    )
