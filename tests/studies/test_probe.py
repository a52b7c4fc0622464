"""The probe as a job: what is asked, kept, resumed and refused, and that it tells useful from useless."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from auxin.errors import ConfigError, DataError, RunError
from auxin.records.probe import Probe, ScoredCandidate
from auxin.requests.data import DataSpec, SplitSpec
from auxin.requests.probe import ProbeRequest, ProbeSettings
from auxin.requests.shared import Compute, TrainingRequest
from auxin.store import read_json
from auxin.studies import probe as job
from auxin.studies.probe import probe, ranking, word


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table whose main label is a noisy line, `same` the same line without noise, `drawn` nothing at all."""
    g = torch.Generator().manual_seed(0)
    x = torch.randn(3000, 10, generator=g)
    clean = x @ torch.randn(10, generator=g)
    noisy = clean + 0.7 * clean.std() * torch.randn(3000, generator=g)
    labels = {"y": noisy > 0, "same": clean > 0, "drawn": torch.rand(3000, generator=g) > 0.5}
    file = tmp_path_factory.mktemp("data") / "line.npz"
    np.savez(file, x=x.numpy(), **{name: label.long().numpy() for name, label in labels.items()})
    return DataSpec(name=str(file), aux="same,drawn", target="y")


def request(table, out, **changed):
    words = {
        "seeds": 2,
        "pretexts": ("none",),
        "training": TrainingRequest(settings={"steps": 60, "lr": 0.03, "model.hidden": 16}),
        "compute": Compute(jobs=1),
    } | changed
    return ProbeRequest(data=table, split=SplitSpec(labels_per_class=40, validation=0.5), out=out, **words)


@pytest.fixture(scope="module")
def found(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("probe") / "out"
    return probe(request(table, out)), out


def test_the_same_line_is_ranked_before_drawn_labels(found):
    result, _ = found
    names = [row.name for row in result.ranking]
    assert names[0] == "same"
    assert result.ranking[0].word == "helps"
    assert result.ranking[0].cosine_low > 0
    assert {row.word for row in result.ranking[1:]} == {"no evidence"}
    assert names[-1] == "random labels"
    assert result.ranking[-1].kind == "reference"
    for row in result.ranking:
        assert row.low <= row.score <= row.high


def test_the_damping_is_a_share_of_the_largest_eigenvalue_and_told(found):
    result, out = found
    one = read_json(out / "seeds" / "seed-0.json", job.SeedProbe)
    assert one.damping == pytest.approx(0.01 * one.largest)
    assert result.dampings[0] == one.damping
    assert one.residual is not None
    assert one.residual < 0.05
    assert (one.train_rows, one.held_out_rows) == (40, 40)


def test_the_same_command_goes_on(found, table, monkeypatch):
    result, out = found
    monkeypatch.setattr(job, "probe_seed", None)  # nothing is trained again
    assert probe(request(table, out)).ranking == result.ranking
    assert read_json(out / "probe.json", Probe).ranking == result.ranking
    with pytest.raises(RunError, match="seeds was 2, now 3"):
        probe(request(table, out, seeds=3))


def test_what_makes_no_sense_is_refused(table, tmp_path):
    alone = DataSpec(name=table.name, target="y")
    with pytest.raises(ConfigError, match="no candidate"):
        probe(request(alone, tmp_path / "a"))
    with pytest.raises(ValidationError, match="greater than 0"):
        ProbeSettings(damping=0.0)
    with pytest.raises(ConfigError, match="square images"):
        probe(request(table, tmp_path / "c", pretexts=("rotation",)))
    with pytest.raises(DataError, match="too few held-out rows"):
        probe(
            ProbeRequest(
                data=table,
                split=SplitSpec(labels_per_class=4, validation=0.25),
                out=tmp_path / "d",
                pretexts=("none",),
                training=TrainingRequest(settings={"steps": 2}),
                compute=Compute(jobs=1),
            )
        )


def scored(name, newton, kind="given"):
    table = np.full((3, 4), newton) + np.arange(4) * 1e-3
    return ScoredCandidate(
        name=name, kind=kind, newton=table.tolist(), cosine=(-table).tolist(), head_loss=1, length=1, rows=8
    )


def test_the_ranking_goes_by_score_and_keeps_the_reference_last():
    seeds = [[scored("a", 1.0), scored("r", -9.0, "reference"), scored("b", -1.0)]] * 2
    rows = ranking(seeds)
    assert [row.name for row in rows] == ["b", "a", "r"]
    assert [row.word for row in rows] == ["helps", "hurts", "helps"]
    assert rows[0].score == pytest.approx(-1 + 1.5e-3)
    assert word(-1.0, 0.0) == "no evidence"
