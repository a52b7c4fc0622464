"""The main job: every method on the same rows, seeds and budget; settings chosen on validation; a verdict."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from auxin import catalogue
from auxin.data import Dataset, Splits
from auxin.errors import ConfigError, UnsupportedError
from auxin.folders import CONTENT, claim_folder
from auxin.judging.verdict import judge
from auxin.methods import resolve
from auxin.methods.base import Method
from auxin.records.results import Comparison, Half, Phase, RunResult, Setting
from auxin.requests.compare import CompareRequest
from auxin.runs.build import build
from auxin.runs.environment import hardware, pick_device, versions
from auxin.runs.executors import default_jobs, executor_of
from auxin.runs.gather import PREDICTIONS
from auxin.runs.measures import agreement_between_runs
from auxin.runs.metric import guess, settle
from auxin.runs.predictions import MainPredictions, read_predictions
from auxin.runs.rival import tries
from auxin.runs.rows import RunSpec, data_content, data_now, split_rows
from auxin.runs.run import LABELS_FILE
from auxin.runs.settings import attempts, layered, without_model
from auxin.store import read_json, write_json
from auxin.studies import budget as budgets
from auxin.studies.engine import NotifyProgress, Study, Unit, UnitResults, run_study, run_unit
from auxin.studies.lineup import check_strategy, line_up, pool_notes, step_costs
from auxin.studies.tuning import chosen, too_few

TUNING = 1000
"""Tuning seeds start here, so that they are never among the reported seeds."""
PILOT = 0.1
"""The share of a run that is timed to plan a budget."""
SEEDS = 5
"""The number of seeds of the final runs, where neither the user nor a paper gives one."""
TRIES = 4
"""Settings that each method tries where validation rows can tell them apart."""


@dataclass(eq=False)
class CompareStudy(Study):
    """A comparison: pilot runs where there is a time budget, tuning runs, final runs, and the verdict.

    Attributes:
        request: Request of the user.
        notify: Function that receives progress, and a sentence about every decision.
    """

    request: CompareRequest
    notify: NotifyProgress
    notes: list[str] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)
    chosen: dict[str, tuple[dict[str, Setting], float]] = field(default_factory=dict)
    done: dict[str, RunResult] = field(default_factory=dict)
    planned: bool = False

    def __post_init__(self) -> None:
        request = self.request
        self.begun, self.started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        self.dataset, self.out = data_now(request.data), request.folder
        self.plan_file = self.out / "plan.json"
        self.device = pick_device(request.compute.device)
        self.own = request.training.hyperparameters
        if request.metric is not None:
            settled = settle(request.metric, self.dataset.tasks[self.dataset.main])
            request = self.request = request.model_copy(update={"metric": settled})
        lineup = line_up(request.methods, self.dataset, self._note, twins=request.twins)
        self.methods, self.requested = self._beside_scratch(*lineup), lineup.requested
        self.size = budgets.Size(
            tries=request.tries or TRIES, tuning_seeds=request.tuning_seeds, seeds=request.seeds or SEEDS
        )
        self._check(self.dataset)
        identity = {**request.identity(), "methods": list(self.methods)}
        claim_folder(self.out, {CONTENT: data_content(request.data), **identity})

    @property
    def tuning_rows(self) -> Splits:
        """The rows of the tuning runs of the first seed."""
        return split_rows(self.request.data, self.request.split, TUNING, refit=False)

    @property
    def jobs(self) -> int:
        """How many runs are computed at a time."""
        return self.request.compute.jobs or default_jobs()

    def run(self) -> Comparison:
        """Compute the units and judge them, resuming from what the folder holds."""
        return run_study(self, executor_of(self.request.compute), self.notify)

    def units(self, done: UnitResults) -> list[Unit]:
        """Pilot runs, then tuning runs, then final runs."""
        if pilots := self._pilots_left(done):
            return pilots
        if not self.chosen:
            tuning = self._tuning_units() if self.size.tries > 1 else []
            if any(unit.digest not in done for unit in tuning):
                return tuning
            self._choose(done)
        return self._final_units()

    def finals(self, done: UnitResults) -> list[RunResult]:
        """The final runs that are finished, as they finished."""
        digests = {unit.digest for unit in self._final_units()} if self.chosen else set()
        return [run for digest, run in done.items() if digest in digests]

    def judge(self, done: UnitResults) -> Comparison:
        """The verdict over the final runs that are finished, written to `comparison.json`."""
        finals = self.finals(done)
        comparison = judge(
            finals,
            predictions=self._predictions(finals),
            validation={name: score for name, (_, score) in self.chosen.items()},
            controls=[name for name, method in self.methods.items() if method.control],
            twins={name: method.twin for name, method in self.methods.items() if method.twin},
            chance=self.chance(),
            splits=self.split_counts(),
            tries=self.size.tries,
            cuts=self.cuts,
            notes=[*self.notes, *step_costs(finals), *self._label_agreement()],
            command=self.request.command,
            started=self.started,
            seconds=time.monotonic() - self.begun,
            versions=versions(),
            hardware=hardware(self.device),
            finished=len(finals) == self.size.seeds * len(self.methods),
        )
        write_json(self.out / "comparison.json", comparison)
        return comparison

    def split_counts(self) -> dict[str, int | float | str]:
        """How many rows play which role in the final runs, and in tuning where that differs."""
        request = self.request
        final = split_rows(request.data, request.split, 0, request.refit)
        counts: dict[str, int | float | str] = dict(final.sizes)
        if self.size.tries > 1:
            counts["train while tuning"] = len(self.tuning_rows.train)
            counts["validation while tuning"] = len(self.tuning_rows.validation)
        if request.split.labels_per_class is not None:
            counts["labels per class"] = request.split.labels_per_class
        if request.split.fraction is not None:
            counts["fraction of the training rows"] = request.split.fraction
        return counts

    def _label_agreement(self) -> list[str]:
        """Whether different seeds learn the same labels (the paper's section 4.5 says they do not)."""
        said = []
        for name, method in self.methods.items():
            if method.control or method.labeler is None:
                continue
            files = [Path(self.final(name, seed).folder) / LABELS_FILE for seed in range(self.size.seeds)]
            value = agreement_between_runs(files)
            if value is not None:
                share = f"{value:.2f} of their information (0: unrelated, 1: the same)"
                said.append(f"{name}: the labels of different seeds share {share}.")
        return said

    def _note(self, note: str) -> None:
        self.notes.append(note)
        self.notify(note)

    def _beside_scratch(self, found: dict[str, Method], requested: set[str]) -> dict[str, Method]:
        """With a pretrained model also the main task from random weights, before anything learned; else not that."""
        pretrained = str(self.own.get("model", "")).startswith("pretrained:")
        others = {name: method for name, method in found.items() if name != "scratch" or name in requested}
        if not pretrained:
            return others
        self._note(
            "Added `scratch` (single-task training from random weights), to measure what the pretrained weights add."
        )
        return {"single": others["single"], "scratch": resolve("scratch"), **others}

    def _check(self, dataset: Dataset) -> None:
        """Refuse, before anything is written, requests that would fail later."""
        request = self.request
        splits = split_rows(request.data, request.split, 0, refit=False)
        for note in [*dataset.notes, *splits.notes, *pool_notes(self.methods, dataset)]:
            self._note(note)
        model = str(self.settings_of("single")["model"])
        if "model" not in self.own:
            shape = " x ".join(map(str, dataset.shape))
            self._note(f"The model is {model}, chosen for inputs of shape {shape} (--model).")
        trunk = catalogue.load("models", model) if model in catalogue.names("models") else None
        chosen = "channels_last" not in self.own and getattr(trunk, "channels_last", False)
        if chosen and self.device == "cpu":
            self._note("Images have the channels innermost, which is faster on a CPU (channels_last).")
        if self.size.tries > 1:
            metric = request.metric or dataset.tasks[dataset.main].metrics[0]
            rows, requested = len(splits.validation), request.tries is not None
            if reason := too_few(rows, request.tuning_seeds, metric, requested):
                self._note(reason)
                self.size = self.size.model_copy(update={"tries": 1})
        for name, method in list(self.methods.items()):
            try:
                settings = self.settings_of(name)
                built = build(dataset, splits, method, settings, seed=0)
                check_strategy(name, method, splits, settings, built)
            except (ConfigError, UnsupportedError) as error:
                if name in self.requested or name == "single":
                    raise
                del self.methods[name]
                self._note(f"{name} is left out: {error}")

    def settings_of(self, name: str, attempt: Mapping[str, Setting] | None = None) -> dict[str, Setting]:
        """The settings of a method's runs, with those of a try."""
        data, method = (self.dataset.name, self.dataset.modality), self.methods[name]
        own = without_model(self.own) if name == "scratch" else self.own
        found = layered(*data, method, self.request.preset, own, attempt or {})
        return budgets.shortened(found, self.size.length)

    def _tries(self, name: str) -> list[dict[str, Setting]]:
        lr = self.settings_of(name)["lr"]
        assert isinstance(lr, float)
        if self.size.tries == 1:
            return [{}]
        rival = self.methods[name].rival
        if rival is not None:
            found = tries(rival, self.dataset, len(self.tuning_rows.train))
            return [dict(one) for one in found[: self.size.tries]]
        return attempts(self.methods[name], self.size.tries, lr, fixed="lr" in self.own)

    def _spec(
        self, name: str, attempt: str, phase: Phase, settings: Mapping[str, Setting], seed: int
    ) -> RunSpec:
        request, final = self.request, phase == "final"
        folder = self.out / "runs" / phase / name / attempt / f"seed-{seed}"
        run = (name, attempt, phase, settings, seed, str(folder))
        rules = (request.metric, request.refit and final, self.device, final, data_content(request.data))
        return RunSpec(request.data, request.split, *run, *rules)

    def final(self, name: str, seed: int) -> RunSpec:
        """The reported run of a method and a seed, with the settings that were chosen for it."""
        return self._spec(name, "final", "final", self.chosen[name][0], seed)

    def _pilots_left(self, done: UnitResults) -> list[Unit]:
        """The pilot runs while one is missing; once all are done, the comparison is shortened by their times."""
        budget = self.request.budget
        if budget is None or self.planned:
            return []
        if not self.plan_file.exists():
            pilots = self._pilots()
            if any(unit.digest not in done for unit in pilots):
                return pilots
            self._plan(budget, self._run_seconds(done))
            write_json(self.plan_file, budgets.SavedPlan(**dict(self.size), cuts=self.cuts))
        plan = read_json(self.plan_file, budgets.SavedPlan)  # a resumed comparison keeps its first plan
        self.size, self.cuts, self.planned = plan, plan.cuts, True
        for cut in self.cuts:
            self.notify(f"Cut to fit the budget: {cut}.")
        return []

    def _pilots(self) -> list[Unit]:
        """A tenth of a run of each method: full runs alone could exceed a budget."""
        short = {name: budgets.shortened(self.settings_of(name), PILOT) for name in self.methods}
        specs = [self._spec(name, "pilot", "tuning", settings, TUNING) for name, settings in short.items()]
        return [run_unit("pilot runs", spec) for spec in specs]

    def _run_seconds(self, done: UnitResults) -> dict[str, float]:
        """The estimated seconds of one full run of each method; an estimator's pilot is one already."""
        found = {}
        for run in (done[unit.digest] for unit in self._pilots()):
            times = budgets.full_length(self.settings_of(run.method)) / budgets.full_length(run.settings)
            steps = (run.seconds_per_step or 0.0) * (run.steps or 0) or run.seconds
            more = 0.0 if self.methods[run.method].rival else steps * (times - 1)
            found[run.method] = run.seconds + more
        return found

    def _plan(self, budget: float, cost: dict[str, float]) -> None:
        left = budget - (time.monotonic() - self.begun)
        self.size, self.cuts = budgets.fit(self.size, cost, self.jobs, max(left, 0.0))

    def _tuning_units(self, kind: str = "tuning runs") -> list[Unit]:
        specs = [
            self._spec(name, f"try-{number}", "tuning", self.settings_of(name, attempt), TUNING + seed)
            for seed in range(self.size.tuning_seeds)
            for name in self.methods
            for number, attempt in enumerate(self._tries(name), start=1)
        ]
        return [run_unit(kind, spec) for spec in specs]

    def _final_units(self) -> list[Unit]:
        return [
            run_unit("final runs", self.final(name, seed))
            for seed in range(self.size.seeds)
            for name in self.methods
        ]

    def _choose(self, done: UnitResults) -> None:
        """Each method's settings: the best try's where it is better beyond its standard error, else the defaults."""
        if self.size.tries == 1:
            self.chosen = {name: (self.settings_of(name), math.nan) for name in self.methods}
            return
        results = [done[unit.digest] for unit in self._tuning_units()]
        rows = len(self.tuning_rows.validation)
        for name in self.methods:
            settings, score, passed = chosen([r for r in results if r.method == name], rows)
            self.chosen[name] = (settings, score)
            if passed:
                self._note(f"The method {name} keeps its default settings: {passed}.")

    def chance(self, half: Half = "development") -> float:
        """What a diverged run counts as at best: the score of a guess on this half of the test rows."""
        splits = split_rows(self.request.data, self.request.split, 0, self.request.refit)
        dataset = self.dataset.fitted(splits.train, splits.every_training_row)
        task = dataset.tasks[dataset.main]
        return guess(task, settle(self.request.metric, task), dataset.y[dataset.main][getattr(splits, half)])

    def _predictions(self, finals: Sequence[RunResult]) -> dict[tuple[str, int], MainPredictions]:
        """The final runs' predictions on the development rows, where the metric is no mean over rows."""
        files = {
            (run.method, run.seed): Path(self.final(run.method, run.seed).folder) / PREDICTIONS
            for run in finals
            if "development" not in run.correct
        }
        return {key: found for key, file in files.items() if (found := read_predictions(file)) is not None}
