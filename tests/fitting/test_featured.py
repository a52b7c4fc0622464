"""Features of images: what they are, what they never see, and candidates that learn from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from auxin.fitting import image_features
from auxin.fitting.candidates import RivalCandidate
from auxin.fitting.featured import FeaturedCandidate, FeatureTable, featured_candidates
from auxin.fitting.image_features import ImageFeatures, edges
from auxin.fitting.process import PROCESSES, process_candidates
from auxin.fitting.rows import Rows, make_folds
from auxin.fitting.saved import Parts, restored, state_of
from auxin.fitting.search import Search
from auxin.tasks.classes import Classes
from auxin.tasks.regression import Regression


def stripes(rows: int = 60, known: int = 40, channels: int = 3, side: int = 16) -> Rows:
    """Upright or level stripes at any phase: no pixel tells which."""
    draw = np.random.default_rng(0)
    y = torch.from_numpy(draw.integers(2, size=rows))
    wave = 100 + 60 * np.sin(np.arange(side) + 6 * draw.random((rows, 1)))
    image = np.where(y.numpy()[:, None, None] == 1, wave[:, None, :], wave[:, :, None])
    x = image[:, None] + 5 * draw.normal(size=(rows, channels, side, side))
    shown = y.clone()
    shown[known:] = -1
    return Rows(x.reshape(rows, -1).astype(np.float32), Classes("y", 2), shown, image=(channels, side, side))


def candidate(rows: Rows) -> FeaturedCandidate:
    return FeaturedCandidate(
        RivalCandidate("logistic", {"C": 1.0}), FeatureTable(rows, 0), "features:logistic"
    )


def test_a_response_is_that_of_the_normalised_whitened_patch() -> None:
    rows = stripes(channels=2)
    found = ImageFeatures.fit(rows)
    image = found.pixels.transform(rows.x[:1])
    side, step = image_features.PATCH, image_features.STRIDE
    filters, offset = found.filters.double().flatten(1), found.offset.double()
    places = range(0, 16 - side + 1, step)
    signs = torch.zeros(2 * len(filters), len(places), len(places), dtype=torch.float64)
    for i, down in enumerate(places):
        for j, across in enumerate(places):
            patch = image[0, :, down : down + side, across : across + side].double().flatten()
            spread = (patch.var(correction=0) + image_features.FLAT).sqrt()
            one = filters @ ((patch - patch.mean()) / spread) + offset
            signs[:, i, j] = torch.cat([(one - 0.25).clamp(min=0), (-one - 0.25).clamp(min=0)])
    quarters = [
        signs[:, a, b].mean((1, 2)) for a in (slice(0, 3), slice(3, 6)) for b in (slice(0, 3), slice(3, 6))
    ]
    wanted = torch.stack(quarters, 1).flatten()
    one = image_features.responses(image, found.filters, found.offset)[0]
    assert len(places) == 6
    assert torch.allclose(one.double(), wanted, atol=1e-5)


def test_whitened_patches_hardly_correlate() -> None:
    draw = np.random.default_rng(0)
    smooth = draw.normal(size=(40, 1, 20, 20)).cumsum(2).cumsum(3).astype(np.float32)
    rows = Rows(smooth.reshape(40, -1), Classes("y", 2), torch.zeros(40, dtype=torch.long), image=(1, 20, 20))
    found = ImageFeatures.fit(rows)
    raw = smooth[:, 0, :6, :6].reshape(40, -1)
    whole = (
        torch.nn.functional.conv2d(found.pixels.transform(rows.x), found.filters)
        .permute(1, 0, 2, 3)
        .flatten(1)
    )
    before, after = (np.abs(np.corrcoef(v)).mean() for v in (raw.T, whole.numpy()))
    assert after < before / 2


def test_edges_are_the_directions_of_the_gradients() -> None:
    down, across = np.mgrid[:16, :16].astype(np.float32)
    for turn in np.linspace(0, np.pi, 7):
        image = torch.from_numpy(across * np.cos(turn) + down * np.sin(turn))[None, None].float()
        inner = edges(image)[0].view(9, 9, 4)[4].sum(1)  # the block in the middle, by direction
        place = turn / np.pi * 9 % 9
        low, part = int(place) % 9, place % 1
        wanted = torch.zeros(9)
        wanted[low], wanted[(low + 1) % 9] = 1 - part, part
        assert torch.allclose(inner / inner.norm(), wanted / wanted.norm(), atol=0.25)
        assert int(inner.argmax()) in {low, (low + 1) % 9}


@pytest.mark.parametrize(("channels", "same"), [(3, True), (1, False)])
def test_a_photograph_is_the_same_mirrored_and_a_letter_is_not(channels: int, same: bool) -> None:
    rows = stripes(channels=channels)
    found = ImageFeatures.fit(rows)
    slant = np.tri(16, dtype=np.float32)[None, None].repeat(channels, 1) * 100
    one, two = found.transform(np.stack([slant.ravel(), slant[..., ::-1].ravel()]))
    assert np.allclose(one, two, atol=1e-4) is same


def test_both_kinds_have_one_weight() -> None:
    rows = stripes()
    found = ImageFeatures.fit(rows)
    z = found.transform(rows.x)
    patches = 8 * len(found.filters)
    assert z.shape[1] == patches + 324
    assert np.allclose(z.mean(0), 0, atol=1e-3)
    assert np.isclose(z[:, :patches].var(0).sum(), 0.5, rtol=0.1)
    assert np.isclose(z[:, patches:].var(0).sum(), 0.5, rtol=0.1)


def test_it_learns_what_no_pixel_tells_and_is_saved() -> None:
    rows = stripes()
    member = candidate(rows).train(rows, rows.labelled, 0)
    assert rows.task.score(member.outputs(rows.x)[40:], stripes(known=60).y[40:], "accuracy") == 1.0
    parts = Parts()
    again = restored(state_of(member, parts), rows.task, parts)
    assert torch.equal(again.outputs(rows.x), member.outputs(rows.x))
    before = len(parts.tensors)
    state_of(candidate(rows).train(rows, rows.labelled, 0), parts)
    assert len(parts.tensors) == 2 * before  # other features
    state_of(member, parts)
    assert len(parts.tensors) == 2 * before  # the same ones, once


def test_a_held_out_label_does_not_reach_its_fold() -> None:
    rows = stripes()
    folds = make_folds(rows, 4, 1, 0)
    before = candidate(rows).out_of_fold(rows, folds, 0)
    held = torch.from_numpy(folds.parts[0] == 0)
    changed = rows.y.clone()
    changed[: len(held)][held] = 1 - changed[: len(held)][held]
    other = replace(rows, y=changed)
    after = candidate(other).out_of_fold(other, folds, 0)
    assert torch.equal(before[0, held], after[0, held])
    assert not torch.equal(before[0, ~held], after[0, ~held])


def test_processes_of_classes_see_features_and_those_of_numbers_see_pixels() -> None:
    rows = stripes()
    found = featured_candidates(rows, 1, 0, process_candidates(rows, print))
    assert set(found) == {"features:logistic", "features:svc", PROCESSES[0]}
    bright = replace(rows, task=Regression.fit("y", rows.y.float()), y=torch.from_numpy(rows.x.mean(1)))
    found = featured_candidates(bright, 1, 0, process_candidates(bright, print))
    assert set(found) == {"features:ridge", "features:svc"}
    assert featured_candidates(replace(rows, image=(3, 8, 32)), 1, 0, {}) == {}


def test_no_time_for_the_features_leaves_them_out() -> None:
    rows = stripes()
    one, folds = candidate(rows), make_folds(rows, 2, 1, 0)
    assert one.within(0.0, rows, folds) is None
    assert not one.table.made
    assert one.within(60.0, rows, folds) is one


def test_they_come_after_the_linear_models(monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[str] = []
    monkeypatch.setattr(Search, "_score", lambda _, candidate: scored.append(candidate.family))
    monkeypatch.setattr("auxin.fitting.search.choose", lambda *_, **__: None)
    Search(stripes(), families=["svc", "logistic"]).run()
    assert scored[:6] == [
        "constant guess",
        "logistic",
        "features:logistic",
        PROCESSES[0],
        "features:svc",
        "convnet",
    ]
