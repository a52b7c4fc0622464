"""`auxin fit` at its defaults on tables as people have them: it ends with a model, whatever the columns hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auxin.cli import main
from auxin.exported.model import load_model
from auxin.fitting.search import Search
from auxin.reports.model_page import model_page, read_model_card

WORDS = ("red", "small", "<b>broken</b>", "shiny", "old", "heavy", "late", "new")


def auxin(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


def table(rows: int = 60) -> pd.DataFrame:
    """Days, times, an ID, free text, prices, a constant, a gap, a huge number, and few labels."""
    draw = np.random.default_rng(0)
    size = draw.normal(size=rows)
    days = pd.date_range("2021-12-27", periods=rows)
    gone = size.copy()
    gone[::4] = np.nan
    return pd.DataFrame(
        {
            "id": [f"A-{k:05d}" for k in range(rows)],
            "day": days.strftime("%Y-%m-%d"),
            "seen": days.strftime("%d/%m/%Y %H:%M"),
            "remark": [" ".join(draw.choice(WORDS, 9)) for _ in range(rows)],
            "price": [f"${1000 + 10 * value:,.2f}" for value in size],
            "same": 7,
            "empty": "",
            "gone": gone,
            "huge": np.where(np.arange(rows) == 3, 1e30, size),
            "size": size,
            "aux": (size + draw.normal(size=rows) / 5).round(3),
        }
    )


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One linear estimator beside the networks, so that the whole command takes seconds."""
    monkeypatch.setattr(Search, "_usual", staticmethod(lambda: ["logistic", "ridge"]))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("target", ["kind", "cost"])
def test_it_ends_with_a_model_and_a_page(target: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = table()
    size = rows["size"]
    rows["kind"] = np.where(size > 0, "large", "small")
    rows.loc[5, "kind"] = "seen once"
    rows["cost"] = np.where(np.arange(len(rows)) == 8, -1e6, 3 * size)  # an outlier among the targets
    rows.loc[40:, target] = None
    file = tmp_path / "t.csv"
    rows.drop(columns={"kind", "cost"} - {target}).to_csv(file, index=False)
    model = tmp_path / "m"
    assert auxin("fit", file, "--target", target, "--aux", "aux", "--tries", 1, "--out", model) == 0
    said = capsys.readouterr().err
    assert "Traceback" not in said
    record = load_model(model).training
    assert record.estimate is not None
    assert np.isfinite(record.estimate.value)
    assert auxin("predict", model, file, "--out", tmp_path / "p.csv") == 0
    assert pd.read_csv(tmp_path / "p.csv")["prediction"].notna().all()
    assert auxin("report", model, "--json") == 0
    assert record.advice[0] in capsys.readouterr().out
    page = (model / "report.html").read_text(encoding="utf-8")
    card = read_model_card(model)
    assert card is not None
    assert page == model_page(card)
    for sentence in record.advice:
        assert str(sentence).split(",")[0].split("'")[0] in page
    assert all(name in page for name in record.decision.validation)  # type: ignore[union-attr]
    assert "<b>broken" not in page
