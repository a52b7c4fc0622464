"""Two processes, each with half of the groups, do what one process with all of them does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_rule_trainer import numbers, trainer

SCRIPT = """
import sys
import torch
from torch import distributed as dist
sys.path.insert(0, sys.argv[2])
from test_rule_trainer import numbers, trainer
dist.init_process_group("gloo")
found = trainer(6, groups=2, pools=4)
losses = [p.loss for p in found.run()]
assert len(found.pools) == 2
if dist.get_rank() == 0:
    torch.save((numbers(found.rule), losses), sys.argv[1])
dist.destroy_process_group()
"""


def test_two_processes_equal_one(tmp_path):
    alone = trainer(6, groups=2, pools=4)
    losses = [p.loss for p in alone.run()]
    (tmp_path / "script.py").write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    command = [sys.executable, "script.py", "out.pt", str(Path(__file__).parent)]
    running = [
        subprocess.Popen(command, cwd=tmp_path, env={**environment, "RANK": str(rank)}) for rank in (0, 1)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    theirs, their_losses = torch.load(tmp_path / "out.pt", weights_only=True)
    assert their_losses == pytest.approx(losses, rel=1e-5)
    torch.testing.assert_close(theirs, numbers(alone.rule), rtol=1e-4, atol=1e-6)
