"""The bench and the rivals: a peer's ridge, known levels, and draws that do not overlap."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from auxin.errors import DataError
from auxin.reports.rule_table import gap
from auxin.requests.rule import EvalSettings
from auxin.rules.bench import RuleBench, ridge_scores
from auxin.rules.data import RuleData
from auxin.rules.evaluate import assembled, bench_of, curve, measure, part_names
from auxin.rules.grid import grid
from auxin.rules.rivals import QUICK, rival, supervised
from auxin.update_rules.hebb import Hebb
from auxin.update_rules.learned import Learned


def clusters(spread=0.3, classes=4, count=160, width=9, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(count) % classes
    centres = torch.randn(classes, width, generator=g)
    x = centres[y] + spread * torch.randn(count, width, generator=g)
    return RuleData("clusters", x, x, y, classes)


def bench(data=None, **options):
    return RuleBench(
        data or clusters(), **{"nets": 3, "shots": 4, "draws": 3, "validation": 2, "steps": 5, **options}
    )


def test_dual_ridge_equals_scikit_learn():
    g = torch.Generator().manual_seed(0)
    s, y, q = (torch.randn(1, *shape, generator=g).double() for shape in ((12, 30), (12, 3), (5, 30)))
    peer = Ridge(alpha=0.7).fit(s[0].numpy(), y[0].numpy()).predict(q[0].numpy())
    np.testing.assert_allclose(ridge_scores(s, y, q, 0.7)[0].numpy(), peer, atol=1e-10)


def test_levels():
    easy = bench().score(lambda x: x)
    assert float(easy.plain.mean()) > 0.9
    assert abs(float(bench().score(lambda x: x, shuffled=True).plain.mean()) - 0.25) < 0.2
    assert abs(float(bench().score(lambda x: torch.zeros_like(x)).plain.mean()) - 0.25) < 0.05


def test_the_scale_is_chosen_on_other_draws_than_it_is_scored_on():
    made = bench()
    rows = {tuple(d.support[0].tolist()) for d in made.tests}
    assert rows.isdisjoint(tuple(d.support[0].tolist()) for d in made.validations)
    scores = made.score(lambda x: x)
    assert scores.scale == max(scores.level, key=scores.level.__getitem__)


def test_support_and_query_share_no_row():
    for draw in bench().tests:
        for s, q in zip(draw.support, draw.query, strict=True):
            assert not set(s.tolist()) & set(q.tolist())


def test_draws_are_seeded_and_labels_are_the_rows_own():
    first, again = bench(seed=3), bench(seed=3)
    assert torch.equal(first.tests[0].support, again.tests[0].support)
    assert torch.equal(first.batches, again.batches)
    draw = first.tests[0]
    true = first.data.y[draw.support]
    for t in range(3):
        kinds = {(a, b) for a, b in zip(true[t].tolist(), draw.support_y[t].tolist(), strict=True)}
        assert len(kinds) == 4


def test_each_network_has_its_own_order_of_inputs():
    made = bench()
    x = made.inputs(made.tests[0])
    rows = made.data.x[torch.cat([made.tests[0].support, made.tests[0].query], 1)]
    torch.testing.assert_close(x.sort(-1).values, rows.sort(-1).values)
    assert not torch.equal(made.order[0], made.order[1])


@pytest.mark.parametrize("name", QUICK)
def test_rivals_work_on_easy_data(name):
    scores = rival(name, bench(steps=20), 4, (6,), 20)
    assert scores.plain.shape == (3,)
    assert float(scores.tuned.mean()) > 0.5


def test_pca_features_do_not_depend_on_the_order_of_inputs():
    made = bench(steps=20)
    raw = rival("raw", made, 9, (), 20).plain
    torch.testing.assert_close(rival("pca", made, 9, (), 20).plain, raw)


def test_hand_rule_and_supervision():
    made = bench(steps=30, batch=16)
    settings = EvalSettings(hidden=(), width=4)
    assert float(curve(Hebb(), made, settings, (30,))[30].tuned.mean()) > 0.6
    found = supervised(made, (12,), 8)
    assert found.shape == (3,)
    assert float(found.mean()) > 0.6


def test_evaluation_is_paired_and_complete():
    torch.manual_seed(0)
    rules = {
        "a": Learned.preset("small", channels=4, delta_channels=2, rank=1),
        "b": Learned.preset("small", channels=4, delta_channels=2, rank=1),
    }
    settings = EvalSettings(
        nets=2, shots=3, draws=2, batch=16, hidden=(6,), width=4, steps=(0, 3), quick=True
    )
    data = clusters()
    made = bench_of(data, settings)
    found = {part: measure(part, rules, made, settings) for part in part_names(list(rules), settings)}
    result = assembled(data, list(rules), settings, found)
    assert set(rules) <= set(result["rows"])
    assert result["judged_at"] == 3
    assert {*QUICK, "hand_rule", "untrained_rule", "random_network"} <= set(result["rows"])
    a, b, pca = (np.array(result["rows"][n]["plain_nets"]) for n in ("a", "b", "pca"))
    assert gap(result, "pca", "plain")[0] == pytest.approx(np.mean((a + b) / 2 - pca), abs=1e-4)


def test_grid_covers_what_it_says():
    torch.manual_seed(0)
    rule = Learned.preset("small", channels=4, delta_channels=2, rank=1)
    settings = EvalSettings(nets=2, shots=3, draws=1, batch=16, width=4, steps=(0, 2), quick=True)
    wide = clusters(width=12)
    cells = grid(
        rule,
        clusters(),
        settings,
        widths=(4, 6),
        depths=(1, 2),
        activations=("step",),
        sizes=(wide,),
        steps=2,
    )
    keys = ("part", "width", "depth", "activation", "inputs", "permuted")
    assert [tuple(c[k] for k in keys) for c in cells] == [
        ("network", 4, 1, "relu", 9, True),
        ("network", 4, 2, "relu", 9, True),
        ("network", 6, 2, "relu", 9, True),
        ("activation", 6, 2, "step", 9, True),
        ("inputs", 6, 2, "relu", 12, True),
        ("order", 6, 2, "relu", 9, False),
    ]
    assert all(0 <= c[k] <= 1 for c in cells for k in ("before", "after"))


def test_without_permutation_inputs_keep_the_data_s_order():
    made = bench(permuted=False)
    draw = made.tests[0]
    rows = made.data.x[torch.cat([draw.support, draw.query], 1)]
    assert torch.equal(made.inputs(draw), rows)
    assert torch.equal(draw.support, bench().tests[0].support)


def test_bad_data():
    data = clusters()
    with pytest.raises(DataError, match="too few rows"):
        bench(data, shots=40)
    with pytest.raises(DataError, match="fewer rows than a batch"):
        bench(data, batch=1000)
    with pytest.raises(DataError, match="one class"):
        bench(RuleData("x", data.x, data.x, torch.zeros_like(data.y), 1))
    with pytest.raises(DataError, match="missing or infinite"):
        RuleData("x", data.x, data.x * torch.nan, data.y, 4)
    with pytest.raises(DataError, match="differ"):
        RuleData("x", data.x[:, :3], data.x, data.y, 4)
