"""What each training step sees: main-labelled rows, rows without a main label, self-made rows, in one batch.

The order and the augmentation of the main-labelled rows come from generators of their own, so that every method,
whatever else it puts into a batch, meets the same main rows in the same order.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from auxin.data import DevicePool, Stream, epoch_batches
from auxin.math.sparse import at_once
from auxin.pretexts.base import Pretext
from auxin.training.reproducible import generator
from auxin.typing import MISSING, Batch
from auxin.views import View

AHEAD = 256
"""Main-labelled rows that are augmented in one call, at most: those of the next batches, where batches are small."""


@dataclass(eq=False)
class Feed:
    """Batches for one run.

    Attributes:
        pool: Data of the rows.
        train: Row numbers of the rows with a main label.
        unlabelled: Row numbers of the rows that train auxiliary tasks only; used if `ratio` is positive.
        auxiliary: Row numbers of the auxiliary set, for meta batches; may be empty.
        size: Number of main-labelled rows per batch.
        seed: Seed of the run.
        ratio: Number of auxiliary-only rows per main-labelled row.
        pretexts: Self-made auxiliary tasks; each adds changed copies of the batch's rows.
        share: Share of the batch's rows that each pretext copies, evenly spread over the batch.
        strong: View that makes the strong views for a consistency from rows without a main label; None for no views.
        pairs: The name of the consistency's task, under which each strong view's target says where in the batch the
            weak view of its row is.
        weak: View applied to every row after the pool's augmentation, the same for all methods; None for no change.
    """

    pool: DevicePool
    train: Tensor
    unlabelled: Tensor
    auxiliary: Tensor
    size: int
    seed: int
    ratio: float = 0.0
    pretexts: Sequence[Pretext] = ()
    share: float = 1.0
    strong: View | None = None
    pairs: str = ""
    weak: View | None = None
    _generators: dict[str, torch.Generator] = field(init=False)
    _streams: dict[str, Stream] = field(init=False)

    def __post_init__(self) -> None:
        device = self.pool.device
        self._generators = {name: generator(self.seed, name) for name in ("order", "meta order")}
        for name in ("augment", "augment extra", "augment meta", "pretext", "strong"):
            self._generators[name] = generator(self.seed, name, device=device)
        rows = {"unlabelled": self.unlabelled, "auxiliary": self.auxiliary}
        self._streams = {
            name: Stream(r.to(device), generator(self.seed, name)) for name, r in rows.items() if len(r)
        }

    @property
    def steps(self) -> int:
        """Training steps per epoch."""
        return len(epoch_batches(self.train, self.size, torch.Generator().manual_seed(0)))

    @property
    def mixed(self) -> bool:
        """Whether batches also hold rows without a main label."""
        return bool(self.pretexts) or self.strong is not None or (self.ratio > 0 and len(self.unlabelled) > 0)

    def epoch(self, order: str = "order") -> Iterator[Batch]:
        """One pass over the main-labelled rows; `order="meta order"` is a second, independent shuffle."""
        batches = epoch_batches(self.train, self.size, self._generators[order])
        # Once: a copy per batch would wait for the device.
        on_device = torch.cat(batches).to(self.pool.device)
        together = max(1, at_once(math.prod(self.pool.shape), AHEAD) // self.size)
        sizes = [len(rows) for rows in batches]
        groups = [sizes[first : first + together] for first in range(0, len(sizes), together)]
        draw = "augment" if order == "order" else "augment meta"
        for group, rows in zip(groups, on_device.split([sum(group) for group in groups]), strict=True):
            for main in self._augmented(rows, draw).split(group):
                yield self._batch(main)

    def meta(self) -> Batch:
        """The next batch of the auxiliary set."""
        rows = self._streams["auxiliary"].take(min(self.size, len(self.auxiliary)))
        return self._augmented(rows, "augment meta")

    def looked_at(self, rows: Tensor) -> Batch:
        """These rows and self-made ones of them, the same each time; nothing of the feed moves."""
        parts = [self.pool.batch(rows)]
        x = _spread(parts[0].x, self.share)
        for pretext in self.pretexts:
            draw = generator(self.seed, "looked at", pretext.task.name, device=self.pool.device)
            parts.append(self._made(pretext, x, draw))
        if self.strong is not None:
            parts.append(self._viewed(rows, 0, generator(self.seed, "looked at", device=self.pool.device)))
        return concatenate(parts)

    def _batch(self, main: Batch) -> Batch:
        """These main-labelled rows, and the others of their batch."""
        parts = [main]
        extra = round(self.ratio * len(main)) if len(self.unlabelled) else 0
        if extra:
            taken = self._streams["unlabelled"].take(extra)
            parts.append(self._augmented(taken, "augment extra"))
            if self.strong is not None:
                parts.append(self._viewed(taken, len(main), self._generators["strong"]))
        if self.pretexts:
            x = _spread(torch.cat([part.x for part in parts[: 1 + bool(extra)]]), self.share)
            parts += [self._made(pretext, x, self._generators["pretext"]) for pretext in self.pretexts]
        return concatenate(parts)

    def _augmented(self, rows: Tensor, name: str) -> Batch:
        """The rows as every method sees them in training."""
        draw = self._generators[name]
        batch = self.pool.batch(rows, draw)
        return batch if self.weak is None else replace(batch, x=self.weak(batch.x, draw))

    def _viewed(self, rows: Tensor, first: int, draw: torch.Generator) -> Batch:
        """The strong views of rows whose weak views begin at position `first` of the batch."""
        assert self.strong is not None
        x = self.strong(self.pool.batch(rows).x, draw)
        partner = torch.arange(first, first + len(rows), device=x.device)
        return Batch(x, {self.pairs: partner}, torch.full_like(partner, MISSING))

    def _made(self, pretext: Pretext, x: Tensor, draw: torch.Generator) -> Batch:
        changed, target = pretext(x, draw)
        rows = torch.full((len(changed),), MISSING, dtype=torch.int64, device=x.device)
        return Batch(changed, {pretext.task.name: target}, rows)

    def state_dict(self) -> dict[str, Any]:
        """Where every generator and stream stands."""
        return {
            "generators": {name: g.get_state() for name, g in self._generators.items()},
            "streams": {name: s.state_dict() for name, s in self._streams.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict` stood."""
        for name, kept in state["generators"].items():
            self._generators[name].set_state(kept)
        for name, stream in self._streams.items():
            stream.load_state_dict(state["streams"][name])


def _spread(x: Tensor, share: float) -> Tensor:
    """A share of the rows, evenly spread, at least one."""
    count = max(1, round(share * len(x)))
    return x if count >= len(x) else x[torch.arange(count, device=x.device) * len(x) // count]


def concatenate(parts: Sequence[Batch]) -> Batch:
    """One batch from several; a target that a part does not carry is missing there."""
    if len(parts) == 1:
        return parts[0]
    examples = {name: target for part in reversed(parts) for name, target in part.y.items()}
    y = {
        name: torch.cat(
            [part.y[name] if name in part.y else missing_like(example, len(part)) for part in parts]
        )
        for name, example in examples.items()
    }
    return Batch(torch.cat([p.x for p in parts]), y, torch.cat([p.rows for p in parts]))


def missing_like(example: Tensor, count: int) -> Tensor:
    """`count` missing targets of the same kind: -1 for class numbers, NaN for real values."""
    return example.new_full(
        (count, *example.shape[1:]), float("nan") if example.is_floating_point() else MISSING
    )
