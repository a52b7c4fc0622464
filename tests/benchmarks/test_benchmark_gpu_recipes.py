"""The pieces for ten minutes on a GPU: their tiny form runs on a CPU, and without a GPU that is said."""

import importlib
import sys
from pathlib import Path

import pytest
import torch

from auxin import catalogue
from auxin.studies.recipe import PieceEnvironment

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module("gpu_recipes")
    for name in [n for n in sys.modules if n.split(".")[0] in ("_gpu", "gpu", "gpu_recipes")]:
        del sys.modules[name]


def test_without_a_gpu_that_is_said(bench, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert bench.main(["--root", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "No GPU is available here" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_its_words_name_every_piece_of_the_papers_network_and_no_small_one(bench, tmp_path):
    for data in ("cifar10", "cifar100"):
        (tmp_path / data).mkdir()
    for name, words in bench.PIECES.items():
        made = catalogue.load("recipes", name)()
        made.environment = PieceEnvironment(tmp_path, tmp_path)
        pieces = [piece for piece in made.pieces(False) if any(word in piece.name for word in words)]
        columns = {"auxilearn_table_3": {"CIFAR10 (5%)"}, "maxl_figure_3": {"20 to 100", "3 to 10"}}[name]
        assert {piece.settings["data"] for piece in pieces} == columns
        assert len(pieces) == len(columns) * len(made.sheet.methods) * made.sheet.seeds


@pytest.mark.slow
def test_the_tiny_form_runs(bench, tmp_path, capsys):
    assert bench.main(["--tiny", "--out", str(tmp_path)]) == 0
    for name in bench.PIECES:
        assert (tmp_path / name / "table.md").exists()
    assert (tmp_path / "throughput" / "gpu.md").exists()
