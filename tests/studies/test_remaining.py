"""The time left counts what is still to be done by what each piece takes, not by the number of pieces."""

from dataclasses import dataclass

import pytest

from auxin.studies.engine import Remaining


@dataclass(frozen=True)
class Piece:
    """A piece of work."""

    like: str
    cost: float = 1.0


SHORT, LONG, OTHER = Piece("short"), Piece("long", 20.0), Piece("other", 5.0)


def test_nothing_is_said_before_a_piece_has_finished() -> None:
    assert Remaining().left([(SHORT, 0.5)], 3.0) is None


def test_a_long_piece_at_the_end_is_expected_to_be_long() -> None:
    clock = Remaining()
    for second in (1.0, 2.0, 3.0):
        clock.finish(SHORT, 1.0, second)
    assert clock.left([(SHORT, 0.0), (LONG, 0.0)], 3.0) == pytest.approx(21.0)
    assert clock.left([(LONG, 0.25)], 8.0) == pytest.approx(15.0)


def test_what_a_piece_took_counts_more_than_what_it_was_said_to_cost() -> None:
    clock = Remaining()
    clock.finish(LONG, 4.0, 4.0)
    assert clock.left([(LONG, 0.0)] * 3, 4.0) == pytest.approx(12.0)
    assert clock.expected(OTHER) == pytest.approx(1.0)


def test_pieces_side_by_side_take_less_but_never_less_than_the_longest() -> None:
    clock = Remaining()
    clock.finish(SHORT, 2.0, 10.0)  # processes that start for eight seconds are no progress
    clock.finish(SHORT, 2.0, 10.0)
    assert clock.left([(SHORT, 0.0)] * 4, 10.0) == pytest.approx(4.0)
    assert clock.left([(LONG, 0.5)], 10.0) == pytest.approx(20.0)
