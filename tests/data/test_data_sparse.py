"""Tables whose texts have very many words are kept sparse: the same numbers as the dense ones, row by row."""

import numpy as np
import pandas as pd
import pytest
import torch

from auxin.cli import main
from auxin.data import DevicePool, load
from auxin.data.encoders import table as encoding
from auxin.errors import ConfigError
from auxin.fitting.of_dataset import fitted_dataset, rows_of
from auxin.fitting.search import Search
from auxin.math.sparse import SparseRows
from auxin.methods import resolve
from auxin.runs.applicable import applicable


def write(path, rows=80):
    draw = np.random.default_rng(0)
    words = [f"word{k}" for k in range(300)]
    kind = np.arange(rows) % 2
    text = [" ".join([*draw.choice(words, 8), *(["good"] * 3 if k else ["bad"] * 3)]) for k in kind]
    frame = pd.DataFrame(
        {"size": draw.normal(size=rows).round(3), "review": text, "y": np.array(["no", "yes"])[kind]}
    )
    frame.loc[3, "size"] = np.nan
    frame["grade"] = (frame["size"].fillna(0) + kind).round(2)
    frame.to_csv(path, index=False)
    return path


def auxin(*words):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


@pytest.fixture
def both(tmp_path, monkeypatch):
    path = write(tmp_path / "t.csv")
    dense = load(path, target="y", aux="grade", text="review")
    monkeypatch.setattr(encoding, "DENSE", 0)
    return dense, load(path, target="y", aux="grade", text="review"), path


def test_a_sparse_data_set_holds_what_the_dense_one_holds(both):
    dense, sparse, _ = both
    assert isinstance(sparse.x, SparseRows)
    assert isinstance(sparse.blank, SparseRows)
    rows = torch.arange(80)
    assert sparse.x[rows].equal(dense.x)
    assert sparse.blank[rows].equal(dense.blank)
    assert sparse.shape == dense.shape
    assert "kept sparse" in sparse.notes[-1]
    assert "kept sparse" not in dense.notes[-1]
    assert len(set(sparse.marks)) == len(set(dense.marks))
    again = load(both[2], target="y", aux="grade", text="review")
    assert again.marks == sparse.marks


def test_batches_are_those_of_the_dense_data_set(both, monkeypatch):
    train, rows = torch.arange(60), torch.tensor([3, 70, 1])
    pools = []
    for data, limit in zip(both, (1 << 30, 0), strict=False):
        monkeypatch.setattr(encoding, "DENSE", limit)
        pools.append(DevicePool(data.fitted(train), train, "cpu"))
    assert pools[0].inputs(rows).dtype == torch.float32
    assert isinstance(pools[0].inputs(rows), torch.Tensor)
    assert pools[0].mean.allclose(pools[1].mean, atol=1e-6)
    finite = pools[0].std.isfinite()
    assert finite.equal(pools[1].std.isfinite())
    assert pools[0].std[finite].allclose(pools[1].std[finite], rtol=1e-5)
    wanted = pools[0].batch(rows).x
    assert pools[1].batch(rows).x.allclose(wanted, atol=1e-5)
    assert pools[1].inputs(rows)[torch.arange(3)].allclose(wanted, atol=1e-5)
    assert float(wanted[0, 0]) == 0.0  # the missing number stands for the mean


def test_rivals_learn_from_compressed_rows_and_others_are_refused_by_name(both, monkeypatch):
    monkeypatch.setattr("auxin.fitting.network.STEPS", 40)
    monkeypatch.setattr("auxin.fitting.search.FOLDS", 3)
    said = []
    every, none = torch.arange(80), torch.empty(0, dtype=torch.int64)
    losses = []
    for data, limit in zip(both, (1 << 30, 0), strict=False):
        monkeypatch.setattr(encoding, "DENSE", limit)
        rows = rows_of(fitted_dataset(data, every, none), every, none)
        search = Search(rows, tries=1, families=["logistic", "svc", "extra_trees"], notify=said.append)
        choice = search.run()
        losses.append({e.family: float(e.loss.mean()) for e in search.entries})
        member = search.finish(choice)
        assert member.outputs(rows.x).argmax(1).equal(rows.y)
    assert losses[1]["logistic"] == pytest.approx(losses[0]["logistic"], abs=0.02)
    assert losses[1]["network"] == pytest.approx(losses[0]["network"], abs=0.05)
    assert "extra_trees" in losses[0]
    assert "extra_trees" not in losses[1]
    assert any("because the inputs are kept sparse: extra_trees." in sentence for sentence in said)


@pytest.mark.parametrize("name", ["gradient_boosting", "extra_trees", "fixmatch_spread"])
def test_methods_that_need_dense_inputs_say_so(both, name):
    assert "kept sparse" in str(applicable(resolve(name), both[1]))
    assert "kept sparse" not in str(applicable(resolve(name), both[0]))


def test_what_needs_one_tensor_refuses_sparse_inputs(both):
    assert both[0].dense("x") is both[0].x
    with pytest.raises(ConfigError, match="A rule takes dense inputs only"):
        both[1].dense("A rule")


@pytest.mark.slow
def test_a_sparse_table_is_fitted_compared_and_predicted(both, tmp_path):
    _, _, path = both
    out = tmp_path / "m"
    common = ["--target", "y", "--text", "review", "--tries", "1", "--jobs", "1"]
    assert auxin("fit", str(path), *common, "--budget", "60s", "--out", str(out)) == 0
    assert auxin("predict", str(out), str(path), "--out", str(tmp_path / "p.csv")) == 0
    found = pd.read_csv(tmp_path / "p.csv")
    assert (found["prediction"] == pd.read_csv(path)["y"]).mean() > 0.95
    methods = "single,random,clusters,maxl,logistic,svc"
    more = ["--methods", methods, "--seeds", "1", "--set", "steps=20", "--out", str(tmp_path / "c")]
    assert auxin("compare", str(path), *common, *more) == 0
