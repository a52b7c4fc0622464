"""The search: every candidate on the same folds, the cheap and the likely first, within the time there is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from auxin import catalogue
from auxin.errors import RunError
from auxin.fitting.auxiliaries import inferring, likely, stacking, teachers_of
from auxin.fitting.blend import Blend, mean_of_repeats
from auxin.fitting.candidates import Candidate, Constant, Member, TooSlow, rival_candidates
from auxin.fitting.choose import CandidateOutputs, ModelChoice, choose, corrected
from auxin.fitting.featured import FeaturedCandidate, featured_candidates
from auxin.fitting.images import ConvCandidate, image_candidates
from auxin.fitting.network import network_candidates
from auxin.fitting.process import PROCESSES, process_candidates
from auxin.fitting.rows import Folds, Rows, make_folds
from auxin.fitting.scores import at_temperature, bounds_of, standard_error
from auxin.fitting.teachers import OwnTeachers
from auxin.rivals import Vectors, why_not

FOLDS, REPEATS = 5, 1
LEADING = 2
"""Families whose further tries are made: those nearest to the best."""
LAST_ON_IMAGES = ("self_training", "lightgbm", "gradient_boosting", "catboost")
"""Rivals that are slow on thousands of pixels and seldom the best: in a short time they come after the others."""
AIDED = 0.4
"""The share of the search's time that is kept for candidates with inferred labels, where there are auxiliary tasks."""
RESERVE = 0.75
"""The share of the time that the search may use; the rest is for training on all labelled rows."""


@dataclass(eq=False)
class Search:
    """A search while it lasts.

    Attributes:
        rows: the training rows.
        seed: of folds and of everything random in the candidates.
        tries: options that each family tries at most.
        seconds: wall seconds for all of it; None: as long as it takes.
        every: whether every family makes all its tries, not only the leading ones.
        families: the rivals that take part; None: the usual ones.
        metric: the user's, by which candidates are chosen; None: by log loss or squared error.
        notify: Called with a sentence on every decision made for the user.
        step: Called with the stage, the number of candidates finished, and about how many there are.
        far: Candidates that put held-out rows outside the bounds of numbers.
        negative: Those that put held-out rows below 0, where no label is.
    """

    rows: Rows
    seed: int = 0
    tries: int = 2
    seconds: float | None = None
    every: bool = False
    families: Sequence[str] | None = None
    metric: str | None = None
    notify: Callable[[str], None] = lambda _: None
    step: Callable[[str, int, int], None] = lambda *_: None
    entries: list[CandidateOutputs] = field(default_factory=list)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    far: list[str] = field(default_factory=list)
    negative: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begun = time.monotonic()
        self.folds: Folds = make_folds(self.rows, FOLDS, REPEATS, self.seed)
        self.kept_back = AIDED if self.rows.auxiliaries else 0.0
        self.wanted: Tensor = self.rows.y[torch.from_numpy(self.rows.labelled)]

    def run(self) -> ModelChoice:
        """Score the candidates, and choose."""
        self._score(Constant())
        offered = rival_candidates(self.rows, self.tries, self.families or self._usual())
        self._note_dense()
        offered |= network_candidates(self.rows, self.tries)
        offered |= image_candidates(self.rows, self.tries, self.notify)
        offered |= (processes := process_candidates(self.rows, self.notify))
        offered |= featured_candidates(self.rows, self.tries, self.seed, processes)
        teachers = (
            teachers_of(self.rows, self.folds, self.seed, self.notify) if self.rows.auxiliaries else None
        )
        if teachers is not None and teachers.common.exact:
            self.kept_back = 0.0
            self._round(inferring(likely(offered), teachers))
        self._round(offered)
        if self.rows.auxiliaries:
            self._round(self._with_auxiliaries(offered, teachers))
        if self.skipped:
            self.notify(f"Left out for lack of time: {', '.join(self.skipped)}.")
        if self.far:
            self.notify(
                "Predictions stay within the labels' range and half of it on either side; held-out rows lay beyond "
                f"with {', '.join(self.far)}."
            )
        if self.negative:
            self.notify("No label is below 0, so no prediction is.")
        every = np.arange(len(self.wanted))
        return choose(
            self.rows.task,
            self.entries,
            self.wanted,
            every,
            seed=self.seed,
            metric=self.metric,
            groups=self.rows.of_groups,
        )

    def _with_auxiliaries(
        self, offered: dict[str, list[Candidate]], teachers: OwnTeachers | None
    ) -> dict[str, list[Candidate]]:
        """The leading candidates beside auxiliary labels."""
        self.kept_back = 0.0
        networks = {k: v for k, v in offered.items() if isinstance(v[0], ConvCandidate)}
        others = {k: v for k, v in offered.items() if k not in networks and k not in PROCESSES}
        leading = [self.best(name) for name in self._leaders(others)]
        bases = [base for base in leading if base.weighted][:1]
        bases += [self.best(name) for name in self._leaders(networks)[:1]]
        found = {} if teachers is None else inferring(bases, teachers)
        return found | stacking(self.rows, leading, self.seed)

    def _note_dense(self) -> None:
        """Name the rivals that cannot learn from inputs that are kept sparse."""
        task, shape = self.rows.task, self.rows.shape
        dense = [
            name
            for name in self.families or self._usual()
            if shape.compressed and why_not(name, task) is None and why_not(name, task, compressed=True)
        ]
        if dense:
            self.notify(f"Left out, because the inputs are kept sparse: {', '.join(dense)}.")

    @staticmethod
    def _usual() -> list[str]:
        """Every rival but stacking, a blend of others, the process, `fit` having its own, and of the boosters one."""
        names = [
            n for n in catalogue.names("rivals") if n not in ("stacking", "gaussian_process", "catboost")
        ]
        return [n for n in names if n != ("gradient_boosting" if find_spec("lightgbm") else "lightgbm")]

    def best(self, family: str) -> Candidate:
        """The family's candidate with the lowest loss."""
        own = [e for e in self.entries if e.family == family]
        return self.candidates[min(own, key=lambda e: e.loss.mean()).name]

    def honest(self) -> Tensor:
        """Out-of-fold outputs of the whole choice, corrected for choosing, [n, width]."""
        return corrected(
            self.rows.task, self.entries, self.wanted, self.folds, self.metric, self.rows.of_groups
        )

    def finish(self, choice: ModelChoice) -> "TemperedMember":
        """Train what was chosen on every labelled row."""
        members = tuple(self.trained(entry) for entry in choice.kept)
        if len(members) == 1:
            return members[0]
        return TemperedMember(Blend(self.rows.task, members, choice.weights), choice.heat)

    def trained(self, entry: CandidateOutputs) -> "TemperedMember":
        """A candidate trained on every labelled row, at the temperature that its out-of-fold outputs asked for.

        Raises:
            RunError: Its outputs are not finite, although those of the folds were.
        """
        member = self.candidates[entry.name].train(self.rows, self.rows.labelled, self.seed)
        if not bool(member.outputs(self.rows.x[self.rows.labelled[:FOLDS]]).isfinite().all()):
            wrong = f"{entry.name} was chosen, but diverges where it is trained on every labelled row"
            raise RunError(wrong, do="Choose another --seed, or a --method.")
        labels = self.rows.y[torch.from_numpy(self.rows.labelled)]
        return TemperedMember(member, entry.heat, bounds_of(self.rows.task, labels))

    def _round(self, offered: dict[str, list[Candidate]]) -> None:
        """The first try of every family, the simplest first, then the further tries of those that lead."""
        for number, family in enumerate(sorted(offered, key=lambda name: self._turn(offered[name][0]))):
            self.step("first tries", number, len(offered))
            self._score(offered[family][0])
        further = {family: tries for family, tries in offered.items() if len(tries) > 1}
        leading = list(further) if self.every else self._leaders(further)
        for number, family in enumerate(leading):
            self.step("further tries", number, len(leading))
            for candidate in offered[family][1:]:
                self._score(candidate)

    def _turn(self, candidate: Candidate) -> tuple[int, int]:
        """The simplest first; of images, after the linear models what sees features, then convolutional networks."""
        place = candidate.simplicity
        if self.rows.image is None or (place < 2 and not isinstance(candidate, FeaturedCandidate)):
            return 0, place
        if isinstance(candidate, FeaturedCandidate):
            return 1, place
        late = candidate.family in LAST_ON_IMAGES
        return (2 if isinstance(candidate, ConvCandidate) else 4 if late else 3), place

    def _leaders(self, offered: dict[str, list[Candidate]]) -> list[str]:
        """The families with the lowest losses, none worse than the best by more than two standard errors."""
        own = {
            e.family: e.loss
            for e in sorted(self.entries, key=lambda e: -e.loss.mean())
            if e.family in offered
        }
        if not own:
            return []
        order = sorted(own, key=lambda name: own[name].mean())
        best = own[order[0]]
        near = [
            n
            for n in order
            if own[n].mean() - best.mean() <= 2 * standard_error(own[n], best, self.rows.of_groups)
        ]
        return (near or order[:1])[:LEADING]

    def _score(self, candidate: Candidate) -> None:
        if candidate.name in self.candidates:  # labels inferred by a table are tried first, and not again
            return
        left, until = (
            self.left() if self.entries else None,
            None,
        )  # the first, a constant guess, is always made
        if left is not None:
            until = time.monotonic() + left
            slower = candidate.family.startswith("convnet +") and "convnet" not in self.cost
            hopeless = left <= 0 or slower  # not even an estimate, which takes time itself
            shorter = None if hopeless else candidate.within(left, self.rows, self.folds)
            if shorter is None or self.cost.get(candidate.family, 0.0) > left:
                self.skipped.append(candidate.name)
                return
            if shorter is not candidate:
                self.notify(
                    f"{shorter.name} takes the place of {candidate.name}, to fit into the time limit."
                )
            candidate = shorter
        begun = time.monotonic()
        try:
            outputs = candidate.out_of_fold(self.rows, self.folds, self.seed, until)
            found = mean_of_repeats(self.rows.task, self._bounded(outputs, candidate.name))
        except TooSlow:
            self.skipped.append(candidate.name)
            return
        except Exception as error:  # an estimator's own refusal must not end the command
            self.notify(
                f"{candidate.name} was left out: {type(error).__name__}: {str(error).splitlines()[0]}"
            )
            return
        finally:
            self.cost[candidate.family] = max(time.monotonic() - begun, self.cost.get(candidate.family, 0.0))
        if not bool(torch.isfinite(found).all()):
            self.notify(f"{candidate.name} was left out: its predictions are not finite.")
            return
        self.candidates[candidate.name] = candidate
        names = candidate.name, candidate.family, candidate.simplicity
        self.entries.append(CandidateOutputs.of(self.rows.task, *names, found, self.wanted))

    def _bounded(self, outputs: Tensor, name: str) -> Tensor:
        """Out-of-fold outputs within the bounds of the labels that each fold's model has seen."""
        found, wide = outputs.clone(), outputs.clone()
        for repeat, kept, held in self.folds.pairs(self.rows.labelled):
            labels = self.rows.y[torch.from_numpy(kept)]
            for made, zero in ((found, True), (wide, False)):
                if bounds := bounds_of(self.rows.task, labels, zero):
                    made[repeat, held] = outputs[repeat, held].clamp(*bounds)
        if bool((wide != outputs).any()):
            self.far.append(name)
        if bool((found != wide).any()):
            self.negative.append(name)
        return found

    def left(self) -> float | None:
        """The seconds that the search may still take; None: as many as it needs."""
        if self.seconds is None:
            return None
        return RESERVE * (1 - self.kept_back) * self.seconds - (time.monotonic() - self.begun)


@dataclass(frozen=True, eq=False)
class TemperedMember(Member):
    """A member at a temperature, or within bounds.

    Attributes:
        member: The member.
        heat: The temperature of probabilities; 1 for numbers.
        bounds: Between which numbers stay, in units of the spread; None: anywhere.
    """

    member: Member
    heat: float
    bounds: tuple[float, float] | None = None

    @property
    def task(self):  # noqa: ANN201  # type: ignore[override]
        """The main task."""
        return self.member.task

    def outputs(self, x: Vectors) -> Tensor:
        """The member's outputs at the temperature, or within the bounds."""
        outputs = at_temperature(self.task, self.member.outputs(x), self.heat)
        return outputs if self.bounds is None else outputs.clamp(*self.bounds)
