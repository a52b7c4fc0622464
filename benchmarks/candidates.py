"""CIFAR-100's coarse classes with many candidate auxiliaries, useful and useless, as one `.npz` for `auxin compare`.

    python benchmarks/candidates.py --root DIR candidates.npz

The main task is `coarse` (20 classes). The candidates are functions of the fine label, or of nothing; none reads the
main label beyond that. `inferred.py` is the control that takes the coarse label from the fine one by a table:

- `fine`: the 100 fine classes.
- `level10`: the 10 classes above the coarse ones in the hierarchy of Liu et al. 2019, appendix A.
- `place`: which of its superclass's five fine classes, in alphabetical order; says nothing of the superclass.
- `noisy`: the fine class, replaced with a random one for half of the rows.
- `random1` ... `random10`: one of 100 classes at random, fixed for each row.
"""

import argparse
from pathlib import Path

import numpy as np

from auxin.data import load
from auxin.data.targets.hierarchy100 import parents

RANDOM = 10


def candidates(fine: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """The candidate auxiliary labels, from the fine labels alone."""
    generator = np.random.default_rng(seed)
    coarse, ten = parents(100, 20).numpy(), parents(100, 10).numpy()
    place = np.array([int((coarse[:k] == coarse[k]).sum()) for k in range(100)])
    flipped = generator.random(len(fine)) < 0.5
    noisy = np.where(flipped, generator.integers(0, 100, len(fine)), fine)
    found = {"fine": fine, "level10": ten[fine], "place": place[fine], "noisy": noisy}
    return found | {f"random{i + 1}": generator.integers(0, 100, len(fine)) for i in range(RANDOM)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--root", type=Path, required=True, help="the folder that holds CIFAR-100")
    asked = parser.parse_args()
    data = load("cifar100", asked.root, level="20:100")
    np.savez(
        asked.out,
        images=data.x.permute(0, 2, 3, 1).numpy(),
        coarse=data.y["level20"].numpy(),
        test=data.official_test.numpy(),
        **candidates(data.y["level100"].numpy()),
    )


if __name__ == "__main__":
    main()
