"""A made-up comparison, with everything a report can show."""

import numpy as np

from auxin.judging.verdict import judge
from auxin.records.results import DecisionRecord, EpochRecord, RunResult, Scores
from auxin.store import write_json

SKILL = {
    "single": 0.905,
    "equal": 0.912,
    "maxl_frozen": 0.915,
    "rotation": 0.87,
    "random": 0.90,
    "maxl": 0.925,
}
LEARNED = {"maxl_frozen": 0.99, "maxl": 0.7}


def fake_runs(seeds=5, epochs=40, skill=SKILL, labels=True):
    return [
        _run(method, seed, epochs, level, labels) for method, level in skill.items() for seed in range(seeds)
    ]


def _run(method, seed, epochs, level, labels):
    generator = np.random.default_rng([seed, *method.encode()])
    shared = np.random.default_rng(seed).normal(0, 0.006)
    score = level + shared + generator.normal(0, 0.004)
    rows = (generator.random(400) < score).astype(float)
    seconds = 6.0 + 4.0 * (method in LEARNED)
    return RunResult(
        method=method,
        attempt="final",
        phase="final",
        settings={"lr": 0.1, "batch": 25, "augment": False, "combiner.scale": 3.0},
        seed=seed,
        dataset="digits",
        split_hash=f"{seed:064x}",
        metric="accuracy",
        epochs=[_epoch(method, e, epochs, score, generator, labels) for e in range(1, epochs + 1)],
        scores=Scores(validation=score - 0.01, development=score),
        correct={"development": rows.tolist()},
        seconds=seconds + generator.random(),
        seconds_per_step=0.004,
        parameters={"primary": 28_218, "auxiliary": 31_850 * (method in LEARNED)},
        label_measures={"label_entropy.sample": LEARNED[method]} if method in LEARNED and labels else {},
        versions={"python": "3.12.3", "torch": "2.13.0", "auxin": "0.1.0"},
        hardware={"cpu": "a processor", "cores": 2, "device": "cpu"},
        started="2026-01-02T03:04:05+00:00",
    )


def _epoch(method, epoch, epochs, score, generator, labels):
    grown = 1 - np.exp(-6 * epoch / epochs)
    measures = {}
    if method in LEARNED and labels:
        sharp = 1 - (1 - LEARNED[method]) * grown
        measures = {"label_entropy.sample": sharp, "label_entropy.mean": 0.5 + sharp / 2}
    if method != "single":
        measures["cosine.labels"] = 0.4 * (1 - grown) + generator.normal(0, 0.03)
    if method == "maxl":
        measures |= {"weight.labels": 1 + 0.5 * grown, "weight.rotation": 1 - 0.8 * grown}
    return EpochRecord(
        epoch=epoch,
        seconds=0.15,
        train_loss=2.3 * np.exp(-5 * epoch / epochs) + 0.02 + abs(generator.normal(0, 0.01)),
        losses={"digit": 0.1},
        validation=0.1 + (score - 0.11) * grown + generator.normal(0, 0.004),
        learning_rate=0.1,
        measures=measures,
    )


def guarded_runs(*kept):
    """Runs of one seed per name, in which validation kept that name for `maxl`."""
    runs = fake_runs(seeds=len(kept), epochs=2)
    decided = {seed: DecisionRecord(kept=name, scores={}, sentence="") for seed, name in enumerate(kept)}
    return [r.model_copy(update={"decision": decided[r.seed]}) if r.method == "maxl" else r for r in runs]


def fake_comparison(runs=None, **about):
    runs = fake_runs() if runs is None else runs
    options = {
        "controls": ["equal", "maxl_frozen", "random"],
        "twins": {"maxl": "maxl_frozen"},
        "splits": {
            "train": 80,
            "unlabelled": 1337,
            "validation": 20,
            "development": 180,
            "confirmation": 180,
        },
        "tries": 4,
        "command": "auxin compare digits --labels-per-class 10 --seeds 5",
        "versions": runs[0].versions,
        "hardware": runs[0].hardware,
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 312.0,
    }
    return judge(runs, validation=SKILL, **{**options, **about})


def write_fake(folder, runs=None, **about):
    runs = fake_runs() if runs is None else runs
    write_json(folder / "comparison.json", fake_comparison(runs, **about))
    for run in runs:
        write_json(folder / "runs" / "final" / run.method / "final" / f"seed-{run.seed}" / "result.json", run)
    return folder
