"""Batches of an epoch: small ones are augmented together, and are otherwise what each would be alone."""

import torch
from torch import Tensor

from auxin.data import DevicePool
from auxin.data.digits import Digits
from auxin.training import feed as module
from auxin.training.feed import Feed
from auxin.views.base import View


class Counting(View):
    """No change; the number of rows of each call is kept."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    @classmethod
    def build(cls, shape, fill, strength=1.0):
        return cls()

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        self.calls.append(len(x))
        return x + torch.rand(len(x), generator=generator).view(-1, 1, 1, 1)


def made(size: int, rows: int = 90) -> tuple[Feed, Counting]:
    data, train, view = Digits.load(None), torch.arange(rows), Counting()
    pool = DevicePool(data, train, "cpu", "none")
    return Feed(pool, train, train[:0], train[:0], size, seed=0, weak=view), view


def test_batches_are_augmented_as_many_as_fit_and_hold_their_own_rows(monkeypatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 50)
    feed, view = made(20)
    batches = list(feed.epoch())
    assert view.calls == [40, 40, 10]
    assert [len(batch) for batch in batches] == [20, 20, 20, 20, 10]
    assert sorted(torch.cat([batch.rows for batch in batches]).tolist()) == list(range(90))
    for batch in batches:
        plain = feed.pool.batch(batch.rows)
        assert torch.equal(batch.y["digit"], plain.y["digit"])
        shift = (batch.x - plain.x).flatten(1)
        assert torch.allclose(
            shift, shift[:, :1].expand_as(shift), atol=1e-6
        )  # the view's number of this very row


def test_a_batch_larger_than_that_is_augmented_alone(monkeypatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 10)
    feed, view = made(30)
    assert [len(batch) for batch in feed.epoch()] == view.calls == [30, 30, 30]


def test_an_epoch_goes_on_exactly_where_the_last_one_ended() -> None:
    feed, _ = made(20)
    list(feed.epoch())
    state = feed.state_dict()
    expected = [batch.x for batch in feed.epoch()]
    other, _ = made(20)
    other.load_state_dict(state)
    assert all(torch.equal(a, b.x) for a, b in zip(expected, other.epoch(), strict=True))
