"""Two processes, each with half of the groups, do what one process with all of them does."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from test_rule_trainer import numbers, trainer
from torch import distributed as dist

OTHER = """
import sys
from torch import distributed as dist
sys.path.insert(0, sys.argv[1])
from test_rule_trainer import trainer
dist.init_process_group("gloo")
found = trainer(3, groups=2, pools=4)
list(found.run())
assert len(found.pools) == 2
dist.destroy_process_group()
"""
"""The second of the two processes; the first is the one that runs the tests."""


def test_two_processes_equal_one(tmp_path, monkeypatch):
    alone = trainer(3, groups=2, pools=4)
    losses = [p.loss for p in alone.run()]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": 2, "RANK": 0}.items():
        monkeypatch.setenv(name, str(value))
    other = [sys.executable, "-c", OTHER, str(Path(__file__).parent)]
    process = subprocess.Popen(other, env={**os.environ, "RANK": "1"})
    try:
        dist.init_process_group("gloo", timeout=timedelta(seconds=120))
        half = trainer(3, groups=2, pools=4)
        half_losses = [p.loss for p in half.run()]
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        dist.destroy_process_group()
    assert len(half.pools) == 2
    assert half_losses == pytest.approx(losses, rel=1e-5)
    torch.testing.assert_close(numbers(half.rule), numbers(alone.rule), rtol=1e-4, atol=1e-6)
