"""Two processes, each with half of the groups, do what one process with all of them does."""

from pathlib import Path

import pytest
import torch
from test_rule_trainer import numbers, trainer

from two_processes import ended, joined, start

OTHER = """
import sys
sys.path.insert(0, sys.argv[1])
from test_rule_trainer import trainer
from two_processes import group_threads, joined
with joined():
    found = trainer(3, groups=2, pools=4)
    list(found.run())
    assert len(found.pools) == 2
assert not group_threads(), "the group outlived destroy_process_group: the process may abort at its end"
"""
"""The second of the two processes; the first is the one that runs the tests."""


def test_two_processes_equal_one(tmp_path):
    alone = trainer(3, groups=2, pools=4)
    losses = [p.loss for p in alone.run()]
    running = start(OTHER, tmp_path, (1,), str(Path(__file__).parent))
    with joined(tmp_path, rank=0):
        half = trainer(3, groups=2, pools=4)
        half_losses = [p.loss for p in half.run()]
    ended(running)
    assert len(half.pools) == 2
    assert half_losses == pytest.approx(losses, rel=1e-5)
    torch.testing.assert_close(numbers(half.rule), numbers(alone.rule), rtol=1e-4, atol=1e-6)
