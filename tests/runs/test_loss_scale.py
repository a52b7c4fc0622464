"""In a comparison an auxiliary loss far out of scale, or NaN, is named, with every combiner; no run ends unsaid."""

import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "strategies"))
from strategy_cases import spec

from auxin import catalogue
from auxin.runs.run import execute
from auxin.tasks.classes import Classes

COMBINERS = [*sorted(set(catalogue.names("combiners")) - {"convnet", "torchjd"}), "torchjd:upgrad"]


@pytest.mark.parametrize("factor", [1e3, 1e-3, math.nan])
@pytest.mark.parametrize("combiner", COMBINERS)
def test_it_is_named_and_the_main_task_goes_on(
    combiner: str, factor: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if combiner.startswith("torchjd"):
        pytest.importorskip("torchjd")
    loss = Classes.loss

    def scaled(self, output, target):
        return loss(self, output, target) * (factor if self.name == "fine" else 1.0)

    monkeypatch.setattr(Classes, "loss", scaled)
    found = execute(spec(combiner, tmp_path, epochs=2, lr=0.02, clip=1.0))
    said = [text for text in found.warnings if "fine" in text]
    assert said
    assert not [text for text in found.warnings if "noise" in text]
    score = found.scores.development
    assert score is not None
    if math.isnan(score):  # it ended, and was said to
        assert any("diverged" in text for text in found.warnings)
        assert factor > 1
        return
    if math.isnan(factor):
        assert "its loss was not finite" in said[0]
    else:
        assert "times that of 'y'" in said[0]
    if not factor > 1:  # the clipped steps follow a loss a thousand times larger, and say so
        assert found.epochs[-1].train_loss < found.epochs[0].train_loss
