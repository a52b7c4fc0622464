"""One model to use: the best candidate, or a named method that is kept only if validation prefers it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter

import torch

from auxin.data import Dataset, Splits, epoch_batches
from auxin.errors import ConfigError, message
from auxin.exported.card import CardDecision
from auxin.exported.model import Model, load_model
from auxin.folders import CONTENT, claim_folder
from auxin.methods import full_name, resolve
from auxin.records.results import Setting
from auxin.requests.compare import CompareRequest
from auxin.requests.fit import FitRequest
from auxin.requests.shared import TrainingRequest
from auxin.runs.applicable import applicable
from auxin.runs.build import build
from auxin.runs.environment import pick_device
from auxin.runs.metric import settle
from auxin.runs.rows import data_content, data_now, split_rows
from auxin.runs.settings import layered
from auxin.studies.choose import ChooseStudy, ComparisonChoice, candidates
from auxin.studies.engine import Progress
from auxin.studies.fit_finish import FitOutcome, finish, follow
from auxin.studies.fit_job import EpochProgress, FitJob
from auxin.studies.fit_search import SearchTarget, search, searchable

BEST = "best"
"""Name of the search over all candidates."""
RUNS = "runs"
"""The folder of the comparison's result files, inside the model's."""
PRESET = "adamw"
"""The preset of the settings that the user does not give."""
PASSES = 20
"""Minimum number of passes over the rows if the user gives no length."""

_RUNS = ("compute.jobs", "compute.engine", "compute.address")
SEARCH = ("the search", ("draws", "guard", "split.validation", *_RUNS))
"""Cross-validation of all candidates, in this process."""
COMPARED = ("a comparison of networks", ("max_rows",))
"""Named methods that are compared on validation rows."""
ALONE = ("the training of one network", ("tries", "draws", "max_rows", "budget", *_RUNS))
"""A method that nothing is compared with: its settings are the user's or the defaults."""

NotifyFit = Callable[[Progress | EpochProgress | str], None]


@dataclass(eq=False)
class Fitting:
    """A fit while it lasts: compare, train, guard, calibrate, train on every labelled row, save.

    Attributes:
        request: Request of the user.
        notify: Function that receives progress, and a sentence about every decision.
        begun: Start of the time that the budget limits, by `time.monotonic`.
    """

    request: FitRequest
    notify: NotifyFit
    begun: float = field(default_factory=time.monotonic)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        request = self.request
        self.dataset: Dataset = data_now(request.data)
        self.decides = request.metric is not None
        metric = settle(request.metric, self.dataset.tasks[self.dataset.main])
        method = BEST if request.method == BEST else full_name(request.method, len(self.dataset.tasks) > 1)
        self.out, self.own = request.folder, request.training.hyperparameters
        self.device = pick_device(request.compute.device)
        self.request = request.model_copy(update={"metric": metric, "method": method})
        plain, split = method == BEST and not self.own, request.split
        self.searches = plain and searchable(self.dataset, int(self.dataset.has_main().sum()))
        if self.searches:
            split = split.model_copy(update={"validation": 0.0})
        self.splits: Splits = split_rows(request.data, split, request.seed, refit=False)
        self.compared = [] if self.searches else self._compared()
        # Settings that a method which will certainly run does not take are refused before the folder is claimed.
        for name in self.compared:
            if name in ("single", method):
                build(self.dataset, self.splits, resolve(name), self._defaults(name), seed=0)
        claim_folder(self.out, {CONTENT: data_content(request.data), **self.request.identity()})
        (self.out / RUNS).mkdir(exist_ok=True)

    def run(self) -> FitOutcome | Model:
        """Return the saved model; the existing one if this fit was finished before."""
        if (self.out / "model.json").exists():
            return load_model(self.out, [str(self.own.get("model", ""))], self.notify)
        way = SEARCH if self.searches else COMPARED if len(self.compared) > 1 else ALONE
        for sentence in unused_note(self.request, way):
            self._report(sentence)
        if self.searches:
            return self._search()
        choice = self._choose() if len(self.compared) > 1 else self._only(self.compared[0])
        job = self._job(choice)
        trained = follow(job, self.request.guard)
        for note in job.notes:
            self.notify(note)
        asked = self.request.method
        decision = CardDecision(kept=choice.method, asked=asked, why=choice.why, validation=choice.scores)
        fitted = finish(
            job,
            trained,
            asked,
            decision=decision if choice.why else None,
            notes=choice.notes,
            test=self.splits.development,
            command=self.request.command,
            seconds=time.monotonic() - self.begun,
            started=self.started,
        )
        fitted.model.save(self.out)
        job.forget()
        return fitted

    def _search(self) -> FitOutcome:
        """Rivals, networks and their blends by cross-validation, the best of them on all rows."""
        request = self.request
        assert request.metric is not None
        spent = time.monotonic() - self.begun
        wanted = SearchTarget(
            metric=request.metric,
            decides=self.decides,
            seed=request.seed,
            tries=request.tries,
            seconds=None if request.budget is None else max(request.budget - spent, 1.0),
            requested=request.method,
            command=request.command,
            started=self.started,
            most=request.max_rows,
        )
        step = lambda what, done, of: self.notify(Progress(what, done, of))  # noqa: E731
        model = search(self.dataset, self.splits, wanted, self._report, step)
        model.save(self.out)
        return FitOutcome(model, None)

    def _compared(self) -> list[str]:
        """The methods that are compared, refused here where they cannot run."""
        request = self.request
        held = len(self.splits.validation) > 0
        if request.method == BEST:
            if not held:
                do = "Hold out some rows with --validation 0.2, or choose one with --method"
                raise ConfigError("There are no validation rows to select a method on", do=do)
            return candidates(self.dataset)
        reason = applicable(resolve(request.method), self.dataset)
        if reason is not None:
            raise ConfigError(message(f"The method {request.method!r} cannot run on these data: {reason}"))
        if request.guard and not held:
            wrong = "The guard needs validation rows, and there are none"
            raise ConfigError(wrong, do="Hold out some rows with --validation 0.2, or use --no-guard")
        guarded = request.guard and resolve(request.method).auxiliary
        return ["single", request.method] if guarded else [request.method]

    def _choose(self) -> ComparisonChoice:
        request = self.request
        comparison = CompareRequest(
            data=request.data,
            split=request.split,
            methods=tuple(self.compared),
            out=self.out / RUNS,
            training=TrainingRequest(settings=self._user),
            seeds=1,
            tries=request.tries,
            tuning_seeds=request.draws,
            metric=request.metric,
            budget=request.budget,
            compute=request.compute,
            preset=PRESET,
            refit=False,
            twins=False,
            command=request.command,
        )
        choice = ChooseStudy(comparison, self._report).choose()
        self._report(f"The method {choice.method} is trained: {choice.why}.")
        return choice

    def _only(self, name: str) -> ComparisonChoice:
        for note in [*self.dataset.notes, *self.splits.notes]:
            self._report(note)
        return ComparisonChoice(name, {name: self._defaults(name)}, {}, "", tuple(self.notes))

    def _job(self, choice: ComparisonChoice) -> FitJob:
        request, name = self.request, choice.method
        return FitJob(
            self.dataset,
            self.splits,
            resolve(name),
            name,
            choice.settings[name],
            request.seed,
            alone=choice.settings.get("single"),
            metric=request.metric,
            device=self.device,
            folder=self.out / RUNS,
            notify=self.notify,
        )

    @cached_property
    def _user(self) -> dict[str, Setting]:
        """The user's settings, and a length that fits the data where they give none."""
        own = dict(self.own)
        if "steps" in own or "epochs" in own:
            return own
        default = self._defaults("single", own)
        batch, steps = default["batch"], default["steps"]
        assert isinstance(batch, int)
        assert isinstance(steps, int)
        passes = PASSES * len(epoch_batches(self.splits.train, batch, torch.Generator()))
        return own | {"steps": max(steps, passes)}

    def _defaults(self, name: str, own: Mapping[str, Setting] | None = None) -> dict[str, Setting]:
        data = self.dataset.name, self.dataset.modality
        return layered(*data, resolve(name), PRESET, self._user if own is None else own, {})

    def _report(self, event: Progress | str) -> None:
        if isinstance(event, str):
            self.notes.append(event)
        self.notify(event)


def unused_note(request: FitRequest, way: tuple[str, tuple[str, ...]]) -> list[str]:
    """A sentence on options that the user changed and that do not apply.

    Args:
        request: The user's request.
        way: How the model is chosen, and the options that do not apply: `SEARCH`, `COMPARED` or `ALONE`.

    >>> from auxin.requests.data import DataSpec
    >>> unused_note(FitRequest(data=DataSpec(name="a.csv"), draws=5, tries=3), SEARCH)
    ['Options that do not apply to the search: --draws.']
    """
    usual = FitRequest(data=request.data)
    what, options = way
    given = [option for option in options if attrgetter(option)(request) != attrgetter(option)(usual)]
    flags = {option: "--" + option.rpartition(".")[2].replace("_", "-") for option in given}
    flags |= {"guard": "--no-guard"} if "guard" in given else {}
    return [f"Options that do not apply to {what}: {', '.join(flags.values())}."] if given else []
