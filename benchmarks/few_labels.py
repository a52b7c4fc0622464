"""Write a part of MNIST's or Fashion-MNIST's training rows as an `.npz` file, for a comparison with few labels.

    python benchmarks/few_labels.py mnist --root DATA --rows 6000 --skip 40000 --out mnist.npz

A part, because the estimators that learn from rows without a label search neighbours among all of them.
"""

import argparse
from pathlib import Path

import numpy as np

from auxin.data import load


def main() -> None:
    """Read the data set, and write some of its training rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=["mnist", "fashion_mnist"])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    data = load(asked.name, asked.root)
    rows = (~data.official_test).nonzero()[asked.skip :, 0][: asked.rows]
    x, y = data.x[rows].numpy(), data.y[data.main][rows].numpy()
    np.savez_compressed(asked.out, x=np.moveaxis(x, 1, 3), label=y)
    print(f"{len(rows):,} rows {x.shape[1:]} {x.dtype}")


if __name__ == "__main__":
    main()
