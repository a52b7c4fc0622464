"""The search: folds, blends, choices, labels inferred from auxiliaries, and what is saved."""

import math
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch

from auxin.data import Dataset, make_splits
from auxin.errors import DataError, RunError
from auxin.exported.model import load_model
from auxin.fitting import candidates
from auxin.fitting.blend import greedy
from auxin.fitting.candidates import Constant, Guess, Member, RivalCandidate
from auxin.fitting.choose import CandidateOutputs, choose_alike, simplest
from auxin.fitting.intervals import interval
from auxin.fitting.network import BankJob, NetworkCandidate, train_bank
from auxin.fitting.rows import Rows, make_folds
from auxin.fitting.scores import bounds_of, losses, pooled, standard_error
from auxin.fitting.search import Search
from auxin.fitting.teachers import best_teacher, known_table
from auxin.studies.advice import auxiliaries
from auxin.studies.fit_search import SearchTarget, rows_within, search
from auxin.tasks.classes import Classes
from auxin.tasks.multilabel import Multilabel
from auxin.tasks.ordered import Ordered
from auxin.tasks.regression import Regression

FEW = ["logistic", "ridge", "svc"]


def numbers(rows: int = 120, known: int = 60, seed: int = 0) -> Rows:
    """A number that is linear in two of four columns, and an auxiliary that it is a function of."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 4)).astype(np.float32)
    hidden = torch.from_numpy(x[:, 0] + 0.5 * x[:, 1] + 0.8 * draw.normal(size=rows).astype(np.float32))
    y = 50 + 10 * hidden
    y[known:] = torch.nan
    return Rows(x, Regression.fit("y", y), y, {"part": (Regression.fit("part", hidden), hidden)})


def made(rows: Rows) -> Dataset:
    """The same as a data set."""
    tasks = {rows.task.name: rows.task} | {n: t for n, (t, _) in rows.auxiliaries.items()}
    y = {rows.task.name: rows.y} | {n: v for n, (_, v) in rows.auxiliaries.items()}
    none = torch.zeros(len(rows.x), dtype=torch.bool)
    return Dataset("made", torch.from_numpy(rows.x), tasks, y, rows.task.name, none)


def test_groups_stay_in_one_fold() -> None:
    rows = Rows(
        np.zeros((40, 1)), Classes("y", 2), torch.arange(40) % 2, groups=[f"g{k // 4}" for k in range(40)]
    )
    [part] = make_folds(rows, 5, 1, seed=3).parts
    assert all(len(set(part[4 * k : 4 * k + 4])) == 1 for k in range(10))
    assert np.bincount(part).tolist() == [8] * 5


def test_one_group_of_all_labelled_rows_is_refused() -> None:
    y = torch.tensor([0, 1] * 10 + [-1] * 4)
    rows = Rows(np.zeros((24, 1)), Classes("y", 2), y, groups=["g"] * 20 + ["h"] * 4)
    with pytest.raises(DataError, match="labelled rows of at least two groups"):
        make_folds(rows, 5, 1, seed=3)


def test_a_class_of_one_row_is_no_error() -> None:
    y = torch.cat([torch.zeros(20), torch.ones(9), torch.full((1,), 2.0)]).long()
    draw = np.random.default_rng(0)
    rows = Rows(draw.normal(size=(30, 3)).astype(np.float32), Classes("y", 3), y)
    found = Search(rows, families=["logistic", "svc", "random_forest"])
    choice = found.run()
    assert {"logistic", "svc", "random_forest", "network", "constant guess"} <= set(choice.best)
    assert found.finish(choice).outputs(rows.x).shape == (30, 3)


def test_the_blend_is_no_worse_out_of_fold_than_each() -> None:
    draw = np.random.default_rng(0)
    y = torch.from_numpy(draw.normal(size=200))
    task = Regression("y")
    outputs = [(y + torch.from_numpy(draw.normal(size=200)))[:, None] for _ in range(3)]
    weights = greedy(task, outputs, y)
    mean = losses(task, pooled(task, outputs, weights), y).mean()
    assert abs(weights.sum() - 1) < 1e-12
    assert mean < 0.6 * min(losses(task, o, y).mean() for o in outputs)


def test_a_constant_is_kept_only_where_nothing_is_clearly_better() -> None:
    noise = np.random.default_rng(0).normal(size=100)
    flat, better = 1 + 0.01 * noise, 0.9 + 0.01 * noise[::-1]
    order = {"constant guess": 0, "forest": 5}
    assert simplest({"constant guess": flat, "forest": better}, order) == "forest"
    assert simplest({"constant guess": flat, "forest": flat - 1e-5 * noise**2}, order) == "forest"
    assert simplest({"constant guess": flat, "forest": flat[::-1].copy()}, order) == "constant guess"


def test_an_auxiliary_that_tells_the_main_label_is_found_and_used() -> None:
    rows = numbers()
    folds = make_folds(rows, 5, 1, 0)
    table = known_table(rows)
    assert table is not None
    teacher = best_teacher(rows, table, folds, 0)
    assert teacher is not None
    assert teacher.exact
    said: list[str] = []
    found = Search(rows, families=FEW, notify=said.append)
    choice = found.run()
    assert any("can be inferred from the auxiliary labels (part" in sentence for sentence in said)
    assert "infer:ridge" in choice.best
    assert choice.best["infer:ridge"].loss.mean() < choice.best["constant guess"].loss.mean() * 0.8


def test_an_auxiliary_of_noise_tells_nothing() -> None:
    rows = numbers()
    noise = torch.randn(120, generator=torch.Generator().manual_seed(0))
    rows = Rows(rows.x, rows.task, rows.y, {"part": (Regression.fit("part", noise), noise)})
    table = known_table(rows)
    assert table is not None
    teacher = best_teacher(rows, table, make_folds(rows, 5, 1, 0), 0)
    assert teacher is not None
    assert not teacher.exact


def test_networks_side_by_side_equal_networks_alone() -> None:
    rows = numbers()
    x = torch.from_numpy(rows.x)
    used = torch.zeros(2, 120, dtype=torch.bool)
    used[0, :40], used[1, 20:60] = True, True
    options = {"rate": 5e-3, "decay": 0.1, "dropout": 0.0}
    both, _ = train_bank(BankJob(rows, x, used, [options] * 2, 0))
    alone, _ = train_bank(BankJob(rows, x, used[1:], [options], 0))
    torch.testing.assert_close(both.first[2:], alone.first, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(both.first[:2], alone.first, atol=1e-2)


def test_a_diverging_network_is_trained_at_a_lower_rate() -> None:
    rows = numbers()
    wild = Rows(rows.x * 1e18, rows.task, rows.y)
    member = NetworkCandidate("network", {"rate": 1e4, "decay": 0.0}).train(wild, wild.labelled, 0)
    assert torch.isfinite(member.outputs(wild.x)).all()


def test_a_rows_prediction_does_not_depend_on_the_rows_beside_it() -> None:
    x = np.random.default_rng(0).normal(size=(203, 30)).astype(np.float32)
    y = torch.from_numpy(x[:, 0])
    member = NetworkCandidate("network", {"rate": 5e-3}).train(
        Rows(x, Regression.fit("y", y), y), np.arange(60), 0
    )
    whole, order = member.outputs(x), np.random.default_rng(1).permutation(203)
    torch.testing.assert_close(member.outputs(x[order]), whole[order], rtol=0, atol=1e-12)
    torch.testing.assert_close(member.outputs(x[:1]), whole[:1], rtol=0, atol=1e-12)


def test_held_out_labels_do_not_reach_the_networks() -> None:
    rows, other = numbers(), numbers()
    folds = make_folds(rows, 5, 1, 0)
    held = np.flatnonzero(folds.parts[0] == 0)
    other.y[torch.from_numpy(rows.labelled[held])] += 1000.0
    other.auxiliaries["part"][1][torch.from_numpy(rows.labelled[held])] += 1000.0
    other = Rows(
        other.x, rows.task, other.y, {"part": (rows.auxiliaries["part"][0], other.auxiliaries["part"][1])}
    )
    one = NetworkCandidate("network + auxiliaries", {"auxiliary": 1.0})
    first, second = one.out_of_fold(rows, folds, 0), one.out_of_fold(other, folds, 0)
    torch.testing.assert_close(first[0, held], second[0, held])


@pytest.mark.parametrize("kind", ["classes", "ordered", "multilabel", "numbers"])
def test_what_is_saved_predicts_the_same(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auxin.fitting.network.STEPS", 20)
    monkeypatch.setattr("auxin.fitting.search.FOLDS", 3)
    rows = numbers()
    z = rows.auxiliaries["part"][1]
    y = torch.bucketize(z, torch.tensor([-0.5, 0.5]))
    y[60:] = -1
    task, target = {
        "classes": (Classes("y", 3), y),
        "ordered": (Ordered("y", 3), y),
        "multilabel": (
            Multilabel("y", 2),
            torch.stack([(z > 0).float(), (z > 0.5).float()], 1).where(y[:, None] >= 0, torch.nan),
        ),
        "numbers": (rows.task, rows.y),
    }[kind]
    dataset = made(Rows(rows.x, task, target, rows.auxiliaries))
    splits = make_splits(dataset, seed=0, validation=0.0, test=0.0)
    said: list[str] = []
    families = ["ridge", "lightgbm"] if kind == "numbers" else ["logistic", "ridge"]
    model = search(dataset, splits, SearchTarget(task.metrics[0], tries=1, families=families), said.append)
    model.save(tmp_path / "m")
    again = load_model(tmp_path / "m")
    torch.testing.assert_close(
        again.predict(dataset.x).outputs, model.predict(dataset.x).outputs, rtol=1e-6, atol=1e-6
    )
    record = again.training
    assert record.estimate is not None
    assert record.estimate.rows == 60
    assert record.advice[0].startswith("This model is")
    assert any("The auxiliary tasks (part)" in sentence for sentence in record.advice)


def test_a_damaged_estimator_is_refused(tmp_path: Path) -> None:
    rows = numbers()
    dataset = made(Rows(rows.x, rows.task, rows.y))
    splits = make_splits(dataset, seed=0, validation=0.0, test=0.0)
    search(dataset, splits, SearchTarget("r2", tries=1, families=["ridge"]), lambda _: None).save(tmp_path)
    file = tmp_path / "estimators.skops"
    assert file.exists()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(Exception, match="damaged, or belongs to another model"):
        load_model(tmp_path)


def test_no_time_leaves_candidates_out_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100_000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    said: list[str] = []
    found = Search(numbers(), seconds=10.0, families=FEW, notify=said.append)
    choice = found.run()
    assert any("Left out for lack of time" in sentence for sentence in said)
    assert choice.kept


def test_an_estimate_of_all_right_is_not_certain() -> None:
    outputs = torch.tensor([[5.0, 0.0]]).repeat(30, 1)
    value, low, high = interval(Classes("y", 2), outputs, torch.zeros(30, dtype=torch.long), "accuracy")
    assert (value, high) == (1.0, 1.0)
    assert 0.8 < low < 0.95


def test_the_interval_of_groups_is_that_of_their_means() -> None:
    draw = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 10)
    errors = np.abs(draw.normal(size=12))[groups] + 0.1 * draw.random(120)
    outputs, wanted = torch.from_numpy(errors)[:, None], torch.zeros(120, dtype=torch.float64)
    task = Regression("y")
    value, low, high = interval(task, outputs, wanted, "mae", groups=groups)
    means = errors.reshape(12, 10).mean(1)
    half = scipy.stats.t.ppf(0.975, 11) * means.std(ddof=1) / 12**0.5 * 1.6**0.5
    assert (value - low, high - value) == pytest.approx((half, half), rel=1e-9)
    single = interval(task, outputs, wanted, "mae")
    assert high - low > 2 * (single[2] - single[1])
    of_groups = standard_error(errors, np.zeros(120), groups)
    assert of_groups == pytest.approx(means.std(ddof=1) / 12**0.5)
    assert standard_error(errors, np.zeros(120), np.arange(120)) == pytest.approx(
        standard_error(errors, 0 * errors)
    )


def test_the_interval_of_groups_holds_where_that_of_rows_does_not() -> None:
    task, held = Classes("y", 2), np.zeros(2)
    wanted = torch.zeros(200, dtype=torch.long)
    groups = np.repeat(np.arange(20), 10)
    for seed in range(60):
        draw = np.random.default_rng(seed)
        right = draw.random(200) < draw.beta(1.5, 0.5, size=20)[groups]  # 0.75 right on the mean
        outputs = torch.from_numpy(np.where(right, 1.0, -1.0))[:, None] * torch.tensor([[1.0, -1.0]])
        for place, given in enumerate((None, groups)):
            _, low, high = interval(task, outputs, wanted, "accuracy", groups=given)
            held[place] += low <= 0.75 <= high
    assert held[0] < 45
    assert held[1] >= 54


@pytest.mark.full_size
def test_each_auxiliary_is_left_out_and_the_useful_one_is_worth_more(monkeypatch) -> None:
    monkeypatch.setattr("auxin.fitting.search.process_candidates", lambda *_: {})
    rows = numbers(200, known=16)
    noise = torch.randn(200, generator=torch.Generator().manual_seed(0))
    part = rows.auxiliaries["part"]
    rows = replace(rows, auxiliaries={"noise": (Regression.fit("noise", noise), noise), "part": part})
    found = Search(rows, tries=1, families=["ridge"])
    choice = found.run()
    together, each, *rest = auxiliaries(found, choice, "r2")
    assert together.startswith("The auxiliary tasks (noise, part) help: by R², infer:")
    worth = {
        name: (float(gain), how) for name, gain, how in re.findall(r"(\w+) ([0-9.]+) (better|worse)", each)
    }
    assert worth["part"][0] > 0.1 > worth.get("noise", (0.0, "the same"))[0]
    assert worth["part"][1] == "worse"
    assert not rest
    found.seconds = 1e-9
    assert "The worth of each by itself was not measured, for lack of time: noise, part." in auxiliaries(
        found, choice, "r2"
    )


def test_the_constant_guess_is_the_share_of_the_classes() -> None:
    rows = Rows(np.zeros((10, 1)), Classes("y", 2), torch.tensor([0] * 8 + [1] * 2))
    p = Constant().train(rows, rows.labelled, 0).outputs(rows.x).softmax(1)
    assert float(p[0, 0]) == pytest.approx(8.5 / 11)


def test_the_users_metric_decides_and_the_loss_among_equals() -> None:
    task, wanted = Classes("y", 2), torch.tensor([0, 0, 0, 1, 1, 1])
    sides = {
        "sure": [3.0, 3.0, 3.0, 0.1, -3.0, -3.0],  # 5 of 6 right, low loss
        "right": [0.1, 0.1, 0.1, -0.1, -0.1, -0.1],  # all right, high loss
        "surer": [0.4, 0.4, 0.4, -0.4, -0.4, -0.4],  # all right, a lower loss
    }
    entries = []
    for number, (name, side) in enumerate(sides.items()):
        outputs = torch.tensor([[s, -s] for s in side], dtype=torch.float64)
        entries.append(CandidateOutputs(name, name, number, outputs, losses(task, outputs, wanted)))
    rows = np.arange(6)
    assert choose_alike(task, entries, wanted, rows, blend=False).kept[0].name == "sure"
    assert choose_alike(task, entries, wanted, rows, blend=False, metric="accuracy").kept[0].name == "surer"


def test_many_rows_are_sampled_with_a_note_and_every_class_keeps_a_row() -> None:
    rows = numbers(200, 130)
    y = torch.arange(200) % 2
    y[7], y[130:] = 2, -1
    rows = Rows(rows.x, Classes("y", 3), y)
    data, said = made(rows), []
    splits = make_splits(data, seed=0, validation=0.0, test=0.0)
    wanted = SearchTarget("accuracy", tries=1, families=["logistic"], most=40)
    model = search(data, splits, wanted, said.append)
    found = [sentence for sentence in said if "take part" in sentence]
    assert found[0].startswith("Of 130 training rows with a main label, a random 41 take part.")
    assert found[1].startswith("Of 70 training rows without a main label, a random 40 take part.")
    assert model.training.estimate is not None
    assert model.training.estimate.rows == 41
    part = rows_within(data, splits, 40, lambda _: None)
    assert set(part.dataset.y["y"][part.labelled].tolist()) == {0, 1, 2}
    assert (part.dataset.y["y"][part.unlabelled] == -1).all()
    shuffled = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    other = made(Rows(rows.x[shuffled], rows.task, y[shuffled]))
    again = rows_within(other, make_splits(other, seed=0, validation=0.0, test=0.0), 40, lambda _: None)
    sums = [part.dataset.x[part.labelled].double().sum(), again.dataset.x[again.labelled].double().sum()]
    torch.testing.assert_close(*sums)


def test_a_class_with_one_labelled_row_is_named_and_the_search_goes_on() -> None:
    y = torch.arange(40) % 2
    y[3] = 2
    task = Classes("y", 3, label_names=["ant", "bee", "cat"])
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    data = Dataset("made", x, {"y": task}, {"y": y}, "y", torch.zeros(40, dtype=torch.bool))
    said: list[str] = []
    splits = make_splits(data, seed=0, test=0.0)
    search(data, splits, SearchTarget("accuracy", tries=1, families=["logistic"]), said.append)
    assert any("fewer labelled rows than the 5 folds (cat: 1)" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("names", "said"),
    [(["3", "4", "5"], True), (["3", "4", "9"], False), (["a", "b", "c"], False), (["0", "1"], False)],
)
def test_classes_that_may_be_grades_are_named(names: list[str], said: bool) -> None:
    y = torch.arange(40) % len(names)
    task = Classes("y", len(names), label_names=names)
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    data = Dataset("made", x, {"y": task}, {"y": y}, "y", torch.zeros(40, dtype=torch.bool))
    notes: list[str] = []
    wanted = SearchTarget("accuracy", tries=1, families=["logistic"])
    search(data, make_splits(data, seed=0, test=0.0), wanted, notes.append)
    assert any("--kind y=ordered" in note for note in notes) is said


def test_a_slow_candidate_is_given_up_after_a_fold_and_the_simple_ones_come_first(monkeypatch) -> None:
    clock, trained = [0.0], []
    train = RivalCandidate.train

    def timed(self, rows: Rows, kept: np.ndarray, seed: int) -> Member:
        clock[0] += 50.0 if self.rival == "svc" else 1.0
        trained.append(self.rival)
        return train(self, rows, kept, seed)

    monkeypatch.setattr(RivalCandidate, "train", timed)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    found = Search(replace(numbers(), auxiliaries={}), tries=1, seconds=100.0, families=["svc", "ridge"])
    choice = found.run()
    folds = found.folds.count
    assert trained[: folds + 1] == ["ridge"] * folds + ["svc"]
    assert trained.count("svc") == 1
    assert "ridge" in choice.best
    assert "svc" not in choice.best
    assert any(name.startswith("svc") for name in found.skipped)


def test_the_time_on_many_rows_is_extrapolated_from_a_part_of_them(monkeypatch) -> None:
    clock, sizes = [0.0], []

    def timed(self, rows: Rows, kept: np.ndarray, seed: int) -> None:
        clock[0] += len(kept) ** 2 / 1e6  # seconds of 1,000 rows: 1
        sizes.append(len(kept))

    monkeypatch.setattr(RivalCandidate, "train", timed)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    candidate = RivalCandidate("svc", {})
    few, many = numbers(7000, 7000), numbers(10_000, 10_000)
    assert candidate.within(0.0, few, make_folds(few, 5, 1, 0)) is candidate
    assert not sizes
    folds = make_folds(many, 5, 1, 0)  # five trainings and the last one, each on 8,000 rows: 64 seconds
    assert candidate.within(6 * 64 - 1, many, folds) is None
    assert sizes == [1000, 2000]
    assert candidate.within(6 * 64 + 1, many, folds) is candidate


def test_the_time_on_many_columns_is_extrapolated_from_a_part_of_them(monkeypatch) -> None:
    clock = [0.0]

    def timed(self, rows: Rows, kept: np.ndarray, seed: int) -> None:
        clock[0] += rows.x.shape[1] * len(kept) / 1e6  # seconds of 100 rows of 160 columns: .016

    monkeypatch.setattr(RivalCandidate, "train", timed)
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    wide = replace(numbers(), x=np.zeros((120, 3200), dtype=np.float32), auxiliaries={})
    folds = make_folds(wide, 5, 1, 0)
    rows = len(folds.pairs(wide.labelled)[0][1])
    candidate = RivalCandidate("svc", {})
    whole = 6 * rows * 3200 / 1e6
    assert rows * 3200 < candidates.LARGE
    assert candidate.within(0.0, wide, folds) is candidate
    assert clock[0] == 0.0
    times = candidates.LARGE / rows / 3200 + 1.0
    more = int((times - 1) * rows)
    assert candidate.within(whole * (rows + more) / rows - 0.01, wide, folds, more) is None
    assert candidate.within(whole * (rows + more) / rows + 0.01, wide, folds, more) is candidate


def test_a_model_that_diverges_on_all_rows_is_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Search(replace(numbers(), auxiliaries={}), tries=1, families=["ridge"])
    choice = found.run()
    broken = Guess(found.rows.task, torch.tensor([[math.nan]]))
    monkeypatch.setattr(RivalCandidate, "train", lambda *_: broken)
    monkeypatch.setattr(NetworkCandidate, "train", lambda *_: broken)
    with pytest.raises(RunError, match="diverges where it is trained on every labelled row"):
        found.finish(choice)


def test_a_row_with_a_far_column_is_not_predicted_far_outside_the_labels() -> None:
    rows, notes = numbers(), []
    rows = replace(rows, y=rows.y - 50, task=Regression.fit("y", rows.y - 50))
    rows.x[0, 0] = 1000.0
    search = Search(rows, tries=1, families=["ridge"], notify=notes.append)
    entry = search.run().best["ridge"]
    member = search.trained(entry)
    y = rows.y[:60]
    far = member.outputs(np.array([[1e6, 0, 0, 0], [-1e6, 0, 0, 0]], np.float32))
    values = rows.task.predict(far)
    reach = (y.max() - y.min()) / 2
    torch.testing.assert_close(values.sort().values.float(), torch.stack([y.min() - reach, y.max() + reach]))
    held = rows.task.predict(entry.outputs)
    assert any("Predictions stay within" in note and "ridge" in note for note in notes)
    assert float(held.max()) <= float(y.max() + reach) + 1e-3


def test_no_prediction_is_below_zero_where_no_label_is():
    said: list[str] = []
    rows = numbers()
    y = (rows.y - 50).clamp(min=0)
    counts = replace(rows, y=y, task=Regression.fit("y", y))
    found = Search(counts, families=["ridge"], notify=said.append)
    outputs = found.run().outputs.double()
    assert 0 <= float((outputs * counts.task.scale + counts.task.mean).min()) < 1e-9
    assert "No label is below 0, so no prediction is." in said
    assert found.negative
    member = found.trained(found.entries[-1])
    assert float(counts.task.predict(member.outputs(counts.x)).min()) >= 0
    low = bounds_of(rows.task, torch.tensor([-1.0, 9.0]))[0]
    assert low * rows.task.scale + rows.task.mean == pytest.approx(-6)
