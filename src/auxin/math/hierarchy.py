"""The hierarchy psi: how many auxiliary classes each primary class owns.

Liu, Davison, Johns 2019, section 3.1 and figure 2b: psi = [2, 2] gives primary class 0 the auxiliary classes {0, 1} and
primary class 1 the auxiliary classes {2, 3}.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from auxin.errors import ConfigError


@dataclass(frozen=True)
class Hierarchy:
    """psi, as the sizes of the primary classes' sets of auxiliary classes.

    >>> Hierarchy((2, 3)).mask(torch.tensor([1, 0])).int().tolist()
    [[0, 0, 1, 1, 1], [1, 1, 0, 0, 0]]
    """

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.sizes or any(not isinstance(s, int) or s < 1 for s in self.sizes):
            raise ConfigError(
                "The hierarchy psi is not usable",
                expected="one whole number of at least 1 per primary class",
                found=repr(self.sizes),
            )

    @property
    def primary(self) -> int:
        """How many primary classes there are."""
        return len(self.sizes)

    @property
    def classes(self) -> int:
        """K, how many auxiliary classes there are in all."""
        return sum(self.sizes)

    @classmethod
    def uniform(cls, primary: int, per_class: int) -> "Hierarchy":
        """The same number of auxiliary classes for every primary class."""
        return cls((per_class,) * primary)

    @classmethod
    def split(cls, primary: int, total: int, seed: int) -> "Hierarchy":
        """`total` auxiliary classes as evenly as can be; the seed draws who gets one more (section 4.3)."""
        base, odd = divmod(total, primary)
        if base < 1:
            raise ConfigError(
                "There are fewer auxiliary than primary classes",
                expected=f"at least {primary} auxiliary classes",
                found=str(total),
            )
        lucky = set(torch.randperm(primary, generator=torch.Generator().manual_seed(seed))[:odd].tolist())
        return cls(tuple(base + (i in lucky) for i in range(primary)))

    @classmethod
    def parse(cls, psi: int | Sequence[int], primary: int) -> "Hierarchy":
        """psi as a user writes it: one number for all primary classes, or one number for each."""
        if isinstance(psi, int):
            return cls.uniform(primary, psi)
        if len(psi) != primary:
            raise ConfigError(
                "The hierarchy psi does not fit the main task",
                expected=f"one number, or {primary} numbers (one per primary class)",
                found=f"{len(psi)} numbers",
            )
        return cls(tuple(psi))

    def starts(self) -> list[int]:
        """The first auxiliary class of each primary class."""
        return [sum(self.sizes[:i]) for i in range(len(self.sizes))]

    def parent(self) -> Tensor:
        """The primary class of each auxiliary class, int64 [K]."""
        return torch.repeat_interleave(torch.arange(self.primary), torch.tensor(self.sizes))

    def mask(self, main: Tensor) -> Tensor:
        """Which auxiliary classes each sample may use, bool [B, K], given its main label [B].

        A sample whose main label is missing (negative) may use none.
        """
        return main.unsqueeze(1) == _parents(self.sizes, main.device).unsqueeze(0)


@lru_cache(maxsize=64)
def _parents(sizes: tuple[int, ...], device: torch.device) -> Tensor:
    """The primary class of each auxiliary class, kept on the device: a copy per batch would wait for it."""
    return torch.tensor([i for i, size in enumerate(sizes) for _ in range(size)], device=device)
