"""The table and the pictures of a learned rule's evaluation, from made-up results."""

import json

import numpy as np
import pytest

from auxin.cli._console import console
from auxin.reports.rule_figures import draw
from auxin.reports.rule_table import gap, terminal


def row(values):
    mean = float(np.mean(values))
    return {
        "plain": [mean, 0.01],
        "tuned": [mean, 0.01],
        "scale": 1.0,
        "plain_nets": values,
        "tuned_nets": values,
    }


@pytest.fixture
def result():
    rows = {"raw": row([0.5, 0.7]), "pca": row([0.6, 0.6]), "kmeans": row([0.7, 0.9])}
    rows |= {"s0": row([0.7, 0.9]), "s1": row([0.9, 0.9])}
    curves = {name: {"0": row([0.3, 0.3]), "100": rows[name]} for name in ("s0", "s1")}
    cell = {"part": "network", "width": 4, "depth": 1, "activation": "relu", "inputs": 9, "permuted": True}
    cell |= {"before": 0.2, "after": 0.5}
    step, order = {**cell, "part": "activation", "activation": "step"}, {**cell, "part": "order"}
    return {
        "data": "made",
        "chance": 0.1,
        "judged_at": 100,
        "rows": rows,
        "rules": ["s0", "s1"],
        "curves": curves,
        "inductive": {"s0": row([0.8, 0.8])},
        "shuffled_labels": {"s0": row([0.1, 0.1])},
        "grid": [cell, {**cell, "depth": 2}, step, {**cell, "part": "inputs"}, order],
    }


def test_gap_is_paired_and_averaged_over_rules(result):
    mean, error = gap(result, "pca", "tuned")
    assert mean == pytest.approx(0.25)
    assert error == pytest.approx(np.std([0.2, 0.3], ddof=1) / np.sqrt(2))


def test_terminal_table(result, capsys):
    console().print(terminal(result))
    out = capsys.readouterr().out
    assert "+0.250 ± 0.050" in out
    assert out.index("raw inputs") < out.index("learned rule")


def test_pictures(result, tmp_path):
    (tmp_path / "made.json").write_text(json.dumps(result))
    (tmp_path / "other.json").write_text("{}")
    arrays = {"y": np.arange(6) % 2}
    for when in ("before", "after"):
        arrays |= {f"embedding_{when}": np.ones((6, 2)), f"fields_{when}": np.ones((5, 9))}
    np.savez(tmp_path / "made-pictures.npz", **arrays)
    files = draw(tmp_path)
    assert {f.name for f in files} == {f"made-{k}.png" for k in ("curves", "grid", "embedding", "fields")}
    assert all(f.stat().st_size > 5000 for f in files)
