"""Does Proposition 1 predict which auxiliary helps? Its ranking against the measured gain, on real data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from auxin.data import Dataset, Splits, make_splits
from auxin.methods import resolve
from auxin.paper import AUXILEARN
from auxin.recipes import _candidates
from auxin.recipes._summary import line, rank_correlation
from auxin.records.recipe import Claim, Picture, RecipeRow
from auxin.requests.probe import ProbeSettings
from auxin.runs.build import build
from auxin.runs.settings import layered
from auxin.studies.probe_seed import RANDOM, candidates, prepare, score, trained_alone
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome
from auxin.training.evaluate import outputs
from auxin.training.loop import EpochCallbacks, fit

CIFAR = (
    "fine",
    "fine30",
    "fine60",
    "fine90",
    "drawn",
    "ten",
    "three",
    "animal",
    "parity",
    "colour",
    "rotation",
)
DAMPINGS = (0.01, 0.1)
PREDICTORS = {
    "newton": "Proposition 1",
    "newton per length": "Proposition 1 per unit of gradient",
    "cosine": "gradient similarity",
}


KINDS = (*(f"{p}@{d:g}" for p in ("newton", "newton per length") for d in DAMPINGS), "cosine")
"""The predictors' scores at every damping."""


class Proposition1(Recipe):
    """Section 4.2: "the key quantity to observe is the Newton update, rather than the gradient which is often used".

    The paper does not test it. Here, for every candidate auxiliary: Proposition 1's score and the gradient similarity
    after training on the main task alone, with half of the few main labels held out; and the gain that training with
    the candidate at weight one brings over training without, on the development rows, from the same initial weights
    and main rows in the same order. CIFAR-100 with 10 coarse labels per class and eleven candidates on all rows;
    emotions with each of its six labels as the main task, 20 labels per class, and six candidates each.

    Predictors are compared by the rank correlation with the gain, over candidates, within a main task.
    """

    paper = replace(AUXILEARN, place="section 4.2, proposition 1")
    title = "Does Proposition 1 predict which auxiliary helps?"
    needs = ("cifar100", "tabular")
    minutes = 25.0
    departures = ("The paper states the proposition and does not test it; this study is ours.",)

    def pieces(self, smoke: bool) -> list[Piece]:
        """Per data set, main task and seed: the probe, single-task training, and training with each candidate."""
        found = []
        for seed in self.seeds(3, smoke):
            for data, main, names in _cases(smoke):
                length = {"steps": 4 if smoke else 300 if data == "cifar100" else 200}
                for what in ("probe", "single", *names):
                    settings = {"data": data, "main": main, "seed": seed, "what": what, **length}
                    name = "-".join(
                        [data, main, what, f"seed-{seed}"] if main else [data, what, f"seed-{seed}"]
                    )
                    found.append(Piece(name, settings))
        return found

    def run(self, piece: Piece) -> PieceResult:
        """One probe, or one training."""
        data, main, what = (str(piece.settings[key]) for key in ("data", "main", "what"))
        seed, steps = piece.seed, piece.number("steps")
        if data == "cifar100":
            dataset = _candidates.cifar100(self.data("cifar100"))
            width = 16 if steps >= 10 else 4
            user, labels = {"steps": steps, "model.channel_width": width, "lr": 0.03333}, 10
        else:
            dataset = _candidates.emotions(self.data("tabular"), main)
            user, labels = {"steps": steps, "batch": 16, "lr": 0.03333}, 20
            user |= {} if steps >= 10 else {"model.hidden": 8}
        modality = "image" if len(dataset.shape) == 3 else "vector"
        settings = layered(dataset.name, modality, resolve("single"), "auxin", user, {})
        splits = _splits(dataset, seed, labels)
        if what == "probe":
            pretexts = ("rotation",) if modality == "image" else ()
            return _probe(dataset, splits, settings, seed, pretexts, smoke=steps < 10)
        return _train(dataset, splits.with_validation_in_train(), settings, seed, what)

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Rank correlations of each predictor with the gain, and the scatter."""
        cases = _collect(done)
        lines, claims, pictures = [], [], []
        for data in ("cifar100", "emotions"):
            own = {key: case for key, case in cases.items() if key.startswith(data)}
            if own:
                found = {kind: _correlation(own, kind) for kind in KINDS}
                seeds = len(next(iter(next(iter(own.values()))["gains"].values())))
                lines += [_row(data, kind, *found[kind], seeds) for kind in KINDS]
                claims += _claims(data, found["newton@0.01"], found["cosine"])
                pictures.append(_scatter(data, own))
        lines += [
            line(f"{key}: gain of {name}", case["gains"][name], "points", factor=100)
            for key, case in cases.items()
            for name in case["gains"]
            if key == "cifar100"
        ]
        return RecipeOutcome(lines, claims, pictures)


@cache
def _splits(dataset: Dataset, seed: int, labels: int) -> Splits:
    return make_splits(dataset, seed=seed, labels_per_class=labels, validation=0.5)


def _cases(smoke: bool) -> list[tuple[str, str, tuple[str, ...]]]:
    mains = _candidates.EMOTIONS[: 1 if smoke else None]
    others = {main: tuple(n for n in _candidates.EMOTIONS if n != main) for main in mains}
    cifar = ("fine", "drawn", "rotation") if smoke else CIFAR
    few = 2 if smoke else None
    return [*(("emotions", main, (*others[main][:few], "drawn")) for main in mains), ("cifar100", "", cifar)]


def _probe(
    dataset: Dataset,
    splits: Splits,
    settings: Mapping[str, Any],
    seed: int,
    pretexts: Sequence[str],
    smoke: bool,
) -> PieceResult:
    """Every candidate's scores under three dampings."""
    built = trained_alone(dataset, splits, settings, seed)
    asked = candidates(dataset, splits, built.pool, seed, 64 if smoke else 1024, pretexts)
    values: dict[str, float] = {}
    how = ProbeSettings(steps=2, rows=64, batches=2) if smoke else ProbeSettings()
    ready = prepare(built, splits, how)
    for damping in DAMPINGS:
        own = how.model_copy(update={"damping": damping})
        found = ready.directions(own)
        values[f"residual {damping:g}"] = found.residual or 0.0
        for candidate in asked:
            if candidate.task.name == RANDOM:
                continue
            scored = score(ready, found, candidate, built.pool.shape, settings, seed, own.batches)
            name, mean = candidate.task.name, float(np.mean(scored.newton))
            values[f"newton@{damping:g} {name}"] = mean
            values[f"newton per length@{damping:g} {name}"] = mean / max(scored.length, 1e-12)
            values[f"cosine {name}"] = -float(np.mean(scored.cosine))
    return PieceResult(values | {"largest": ready.largest})


def _train(
    dataset: Dataset, splits: Splits, settings: Mapping[str, Any], seed: int, what: str
) -> PieceResult:
    """The development score after training with one candidate at weight one, or with none."""
    given = what in dataset.tasks
    method = resolve("equal" if given else what)
    built = build(_candidates.only(dataset, *([what] if given else [])), splits, method, settings, seed)
    fit(built.state, built.plan, EpochCallbacks())
    found, wanted = outputs(built.network, built.pool, splits.development, built.task)
    metric = "accuracy" if built.task.width > 2 else "auc"
    return PieceResult({"score": built.task.score(found, wanted, metric)})


def _collect(done: Mapping[str, FinishedPiece]) -> dict[str, dict[str, Any]]:
    """By main task: each candidate's gain over seeds, and each predictor's mean; negative predicts help."""
    by: dict[str, dict[int, dict[str, Mapping[str, float]]]] = {}
    for piece in done.values():
        said = piece.found.settings
        key = f"{said['data']} {said['main']}".strip()
        by.setdefault(key, {}).setdefault(int(said["seed"] or 0), {})[str(said["what"])] = piece.found.values
    cases = {}
    for key, seeds in by.items():
        whole = [s for s in seeds.values() if {"probe", "single"} <= set(s)]
        names = sorted(set.intersection(*(set(s) for s in whole)) - {"probe", "single"}) if whole else []
        if len(names) > 2:
            gains = {n: [s[n]["score"] - s["single"]["score"] for s in whole] for n in names}
            predictors = {
                kind: {n: [s["probe"][f"{kind} {n}"] for s in whole] for n in names} for kind in KINDS
            }
            cases[key] = {"gains": gains, "predictors": predictors}
    return cases


def _correlation(cases: Mapping[str, Mapping[str, Any]], kind: str) -> tuple[float, float, float]:
    """The mean over main tasks of the rank correlation of (minus) predictor and gain, with a 95 % bootstrap interval.

    A draw takes main tasks where there are several, and within each its candidates, with replacement.
    """
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    for case in cases.values():
        x = -np.array([np.mean(v) for v in case["predictors"][kind].values()])
        pairs.append((x, np.array([np.mean(v) for v in case["gains"].values()])))
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(1000):
        tasks = generator.integers(len(pairs), size=len(pairs))
        draws.append(np.mean([_redrawn(pairs[int(k)][0], pairs[int(k)][1], generator) for k in tasks]))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return float(np.mean([rank_correlation(x, y)[0] for x, y in pairs])), float(low), float(high)


def _redrawn(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> float:
    rows = generator.integers(len(x), size=len(x))
    while np.ptp(x[rows]) == 0 or np.ptp(y[rows]) == 0:
        rows = generator.integers(len(x), size=len(x))
    return rank_correlation(x[rows], y[rows])[0]


def _row(data: str, kind: str, rho: float, low: float, high: float, seeds: int) -> RecipeRow:
    predictor, at, damping = kind.partition("@")
    name = PREDICTORS[predictor] + (f", damping {damping}" if at else "")
    text = f"{data}: rank correlation of {name} and gain, [{low:+.2f}, {high:+.2f}]"
    return RecipeRow(name=text, ours=rho, seeds=seeds)


def _claims(data: str, newton: tuple[float, float, float], cosine: tuple[float, float, float]) -> list[Claim]:
    words = [f"{rho:+.2f} [{low:+.2f}, {high:+.2f}]" for rho, low, high in (newton, cosine)]
    return [
        Claim(
            text=f"{data}: Proposition 1's ranking predicts the gain",
            found=f"rank correlation {words[0]}",
            holds=True if newton[1] > 0 else False if newton[2] < 0 else None,
        ),
        Claim(
            text=f"{data}: the Newton update is the quantity to observe, rather than the gradient",
            found=f"rank correlation {words[0]}, the gradient similarity's {words[1]}",
            holds=True if newton[1] > cosine[2] else False if newton[2] < cosine[1] else None,
        ),
    ]


def _scatter(data: str, cases: Mapping[str, Mapping[str, Any]]) -> PictureData:
    x, y, error, labels = [], [], [], []
    for case in cases.values():
        for name, gains in case["gains"].items():
            x.append(np.mean(case["predictors"]["newton@0.01"][name]))
            y.append(100 * np.mean(gains))
            error.append(100 * np.std(gains) / max(len(gains) - 1, 1) ** 0.5)
            labels.append(name)
    picture = Picture(
        name=f"gain-{data}",
        kind="scatter",
        title=f"{data}: predicted and measured gain",
        x="score of Proposition 1 (negative predicts help)",
        y="gain over single (points)",
    )
    named = {"labels": np.array(labels)} if len(cases) == 1 else {}
    arrays = {"x": np.array(x), "y": np.array(y), "error": np.array(error), **named}
    return PictureData(picture, arrays)
