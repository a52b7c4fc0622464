"""The loop: exact resume, what moves and what does not, divergence, early stopping."""

import math
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from helpers_training import tiny

from auxin.analysis.task_signals import weights_and_cosines
from auxin.errors import RunError
from auxin.training.evaluate import score
from auxin.training.loop import Diverged, EpochCallbacks, fit
from auxin.training.schedules import LearningRate
from auxin.training.state import save


class Killed(BaseException):
    """Stands for kill -9: nothing may run after it."""


def everything(built) -> dict[str, torch.Tensor]:
    learner = built.state.learner
    found = {f"network.{k}": v for k, v in learner.network.state_dict().items()}
    if learner.criterion.labeler is not None:
        found |= {f"labeler.{k}": v for k, v in learner.criterion.labeler.state_dict().items()}
    return {k: v.clone() for k, v in found.items()}


@pytest.mark.parametrize(
    ("method", "rhythm"),
    [
        ("maxl", "alternating"),
        *((m, "fused") for m in ("single", "maxl", "maxl_frozen", "random", "rotation")),
    ],
)
def test_resume_is_exact(method: str, rhythm: str, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    whole = tiny(method, rhythm=rhythm, epochs=6)
    fit(whole.state, whole.plan, EpochCallbacks())

    def kill(log) -> None:
        if log.epoch == 4:
            raise Killed

    first = tiny(method, rhythm=rhythm, epochs=6)
    with pytest.raises(Killed):  # after epoch 4, with the state of epoch 3 on disk
        fit(first.state, first.plan, EpochCallbacks(on_epoch=kill, checkpoint=file, interval=0.0))
    torch.manual_seed(99)  # another process has another random state
    second = tiny(method, rhythm=rhythm, epochs=6)
    fit(second.state, second.plan, EpochCallbacks(checkpoint=file, interval=1e9))

    a, b = everything(whole), everything(second)
    assert [log.epoch for log in second.state.logs] == [1, 2, 3, 4, 5, 6]
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert [x.losses for x in whole.state.logs] == [x.losses for x in second.state.logs]


def test_another_seed_gives_another_run() -> None:
    runs = [tiny("single", seed=seed) for seed in (0, 0, 1)]
    for run in runs:
        fit(run.state, run.plan, EpochCallbacks())
    a, b, c = map(everything, runs)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)


def test_methods_start_from_the_same_shared_weights_and_meet_the_same_main_rows() -> None:
    built = {name: tiny(name) for name in ("single", "maxl", "rotation", "random")}
    first = built["single"].network.trunk.state_dict()
    rows = [batch.rows for batch in built["single"].state.feed.epoch()]
    x = [batch.x for batch in tiny("single").state.feed.epoch()]
    for name, run in built.items():
        assert all(torch.equal(first[k], v) for k, v in run.network.trunk.state_dict().items()), name
        if name != "single":
            for mine, theirs, inputs in zip(rows, run.state.feed.epoch(), x, strict=True):
                assert torch.equal(mine, theirs.rows[: len(mine)]), name
                assert torch.equal(inputs, theirs.x[: len(mine)]), name


def test_the_fused_step_moves_w_as_a_plain_step_does_and_phi_besides() -> None:
    plain, fused = tiny("maxl"), tiny("maxl")
    batch = next(iter(plain.state.feed.epoch()))
    phi = [p.clone() for p in fused.state.learner.problem.phi]
    a = plain.state.learner.train_step(batch)
    b = fused.state.learner.fused_step(batch, batch)
    torch.testing.assert_close(a, b)
    for mine, theirs in zip(plain.network.parameters(), fused.network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-7)
    for name, buffer in plain.network.named_buffers():
        torch.testing.assert_close(buffer, dict(fused.network.named_buffers())[name])
    assert any(not torch.equal(p, q) for p, q in zip(phi, fused.state.learner.problem.phi, strict=True))


def test_a_meta_step_leaves_the_primary_network_alone() -> None:
    built = tiny("maxl")
    batches = list(built.state.feed.epoch())
    before = {k: v.clone() for k, v in built.network.state_dict().items()}
    rng = torch.get_rng_state()
    built.state.learner.meta_step(batches[0], batches[1])
    assert all(torch.equal(before[k], v) for k, v in built.network.state_dict().items())
    assert torch.equal(rng, torch.get_rng_state())


def test_the_frozen_twin_is_the_same_generator_never_trained() -> None:
    learned, frozen = tiny("maxl"), tiny("maxl_frozen")
    a, b = learned.labeler.state_dict(), frozen.labeler.state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
    start = {k: v.clone() for k, v in b.items()}
    fit(frozen.state, frozen.plan, EpochCallbacks())
    fit(learned.state, learned.plan, EpochCallbacks())
    assert all(torch.equal(start[k], v) for k, v in frozen.labeler.state_dict().items())
    assert not all(torch.equal(start[k], v) for k, v in learned.labeler.state_dict().items())


def test_hidden_main_labels_never_reach_a_batch() -> None:
    built = tiny("rotation")
    hidden = set(built.state.feed.unlabelled.tolist())
    seen = 0
    for batch in built.state.feed.epoch():
        for row, label in zip(batch.rows.tolist(), batch.y["digit"].tolist(), strict=True):
            if row in hidden or row == -1:
                seen += 1
                assert label == -1
    assert seen > 0


def test_divergence_names_the_task_and_the_epoch() -> None:
    built = tiny("single", lr=1e6, schedule="constant", epochs=10)
    with pytest.raises(Diverged, match=r"epoch \d+.*digit"):
        fit(built.state, built.plan, EpochCallbacks())


def test_early_stopping_keeps_the_best_weights() -> None:
    built = tiny("single", epochs=30, patience=2)
    scores = iter([0.1, 0.5, 0.4, 0.3, *[0.2] * 30])
    kept = {}

    def remember(log) -> None:
        kept[log.epoch] = {k: v.clone() for k, v in built.network.state_dict().items()}

    fit(built.state, built.plan, EpochCallbacks(validation=lambda: next(scores), on_epoch=remember))
    assert len(built.state.logs) == 4
    assert all(torch.equal(kept[2][k], v) for k, v in built.network.state_dict().items())


@pytest.mark.parametrize("damage", [lambda b: b[:200], lambda b: b[:900] + bytes([b[900] ^ 1]) + b[901:]])
def test_a_damaged_checkpoint_is_set_aside_and_training_starts_again(damage, tmp_path: Path) -> None:
    whole, built, file = tiny("single"), tiny("single"), tmp_path / "checkpoint.pt"
    fit(whole.state, whole.plan, EpochCallbacks())
    save(whole.state, file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.warns(UserWarning, match=r"checkpoint\.pt.*starts again"):
        fit(built.state, built.plan, EpochCallbacks(checkpoint=file))
    assert built.state.step == whole.state.step
    a, b = everything(whole), everything(built)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert any("set aside" in note for note in built.state.learner.notes)
    assert (tmp_path / "checkpoint.pt.damaged").exists()


def test_learning_rates() -> None:
    cosine = LearningRate(1.0, "cosine", steps=5, epochs=4)
    assert [cosine(0), cosine(10)] == [1.0, pytest.approx(0.5)]
    assert cosine(20) == pytest.approx(0.0, abs=1e-12)
    halve = LearningRate(0.01, "halve", steps=3, epochs=200, every=50)
    assert [halve(0), halve(3 * 50 - 1), halve(3 * 50), halve(3 * 199)] == [0.01, 0.01, 0.005, 0.00125]
    with pytest.raises(ValueError, match="schedule"):
        LearningRate(1.0, "warm", 1, 1)


def test_evaluation_leaves_the_mode_and_buffers_alone() -> None:
    built = tiny("single")
    built.network.train()
    before = {k: v.clone() for k, v in built.network.state_dict().items()}
    value = score(built.network, built.pool, built.state.feed.train, built.task)
    assert 0 <= value <= 1
    assert not math.isnan(value)
    assert built.network.training
    assert all(torch.equal(before[k], v) for k, v in built.network.state_dict().items())


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built, file = tiny("single"), tmp_path / "checkpoint.pt"
    save(built.state, file)
    before = file.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("auxin.store.os.fsync", full)
    with pytest.raises(RunError, match=r"disk is full.*No space left"):
        save(built.state, file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_look_at_the_weights_holds_the_self_made_rows_and_moves_nothing() -> None:
    """A self-made task has no row among the data's own, so it would seem to weigh nothing."""
    built = tiny("rotation")
    rows, before = built.state.feed.train[:8], repr(built.state.feed.state_dict())
    first, second = (built.state.feed.looked_at(rows) for _ in range(2))
    assert torch.equal(first.x, second.x)
    assert repr(built.state.feed.state_dict()) == before
    found, _ = weights_and_cosines(built.network, built.state.learner.criterion, first)
    assert found["rotation"] == pytest.approx(1.0)
