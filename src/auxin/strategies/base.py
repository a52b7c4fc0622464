"""The contract of a strategy: how phases of training follow one another, and which network is kept.

A *phase* is one network from its fresh start to the end of its training. A strategy has its `Job` train phases
and states in its `Outcome` which network is kept. It sees validation scores and never a test row.

    run = job.fresh(job.phase("combiner"))                                  # the method itself, as `joint` trains it
    kept = job.fresh(job.phase("retrained", method=frozen(job.method), taught=run.state.learner.criterion))

Exact resume: a strategy is followed again from its beginning after a crash, and every phase goes on from its own
checkpoint (a finished one at once). So what a strategy does must depend on its phases alone; anything else that has to
survive goes through `Job.keep`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from torch import Tensor, nn

from auxin.methods.base import Method, Setting, Settings
from auxin.paper import Paper
from auxin.tasks.base import Task
from auxin.training.loop import Diverged, Plan
from auxin.training.objective import Objective
from auxin.training.state import TrainState

Rows = Literal["run", "all"]
R = TypeVar("R")

SINGLE = Method()
"""The main task alone."""


@dataclass(frozen=True, eq=False)
class Phase:
    """The description of one phase of training.

    Attributes:
        name: Name of its checkpoint and its record, unique among the phases of the job.
        method: Method that is trained.
        rows: "run": the rows that the run trains on; "all": those, and the auxiliary set.
        settings: Settings that override the job's.
        weights: To begin with, by name as in the primary network's `state_dict`; those that it does not have stay as
            they are drawn.
        taught: Take the labeler and the combiner of this criterion instead of fresh ones. The method should then
            learn nothing, or they learn on.
    """

    name: str = "run"
    method: Method = SINGLE
    rows: Rows = "run"
    settings: Settings = field(default_factory=dict)
    weights: Mapping[str, Tensor] | None = None
    taught: Objective | None = None


class Run(Protocol):
    """A phase ready to start, in progress or finished."""

    @property
    def state(self) -> TrainState:
        """Networks, optimisers, batches and logs."""
        ...

    @property
    def plan(self) -> Plan:
        """How long and in which rhythm."""
        ...

    @property
    def task(self) -> Task:
        """The main task."""
        ...

    @property
    def phase(self) -> Phase:
        """The description of the phase."""
        ...

    @property
    def network(self) -> nn.Module:
        """The primary network."""
        ...


@dataclass(frozen=True)
class Decision:
    """A decision made on the validation rows.

    Attributes:
        kept: Name of the candidate that was kept.
        scores: Score of every candidate on the validation rows; NaN if it diverged.
        sentence: Explanation of the decision, with the numbers.
    """

    kept: str
    scores: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """The result of a strategy.

    Attributes:
        run: Run whose network is kept.
        notes: Decisions, in sentences.
        decision: Decision of a strategy that chooses on validation, or None.
        curve: Whether the network is the one at the end of its run's epochs (a merged network is not).
    """

    run: Run
    notes: tuple[str, ...] = ()
    decision: Decision | None = None
    curve: bool = True


class Job(ABC):
    """The input of a strategy: a method, its settings, and functions that train phases of it.

    Attributes:
        name: Name of the method, for messages.
        method: Method that the strategy is applied to.
        settings: All hyperparameters of the run, flat.
        refit: Whether the rows that the run trains on include the validation rows (final runs, whose settings are
            chosen already).
    """

    name: str
    method: Method
    settings: Mapping[str, Setting]
    refit: bool

    def phase(self, name: str = "run", **changes: Any) -> Phase:
        """A phase of the job's own method; `changes` are further attributes of `Phase`."""
        return Phase(**{"name": name, "method": self.method, **changes})

    def fresh(self, phase: Phase) -> Run:
        """Build a phase and train it to its end.

        Raises:
            Diverged: Its training loss became infinite or not a number.
        """
        run = self.build(phase)
        self.train(run)
        return run

    @abstractmethod
    def build(self, phase: Phase) -> Run:
        """Fresh networks, optimisers and batches: the same phase gives the same ones."""

    @abstractmethod
    def train(self, run: Run, *, until: int | None = None, part: str = "") -> None:
        """Train to the plan's end, or until so many epochs are finished; goes on from the phase's checkpoint.

        Args:
            run: Run to be trained.
            until: Last epoch of this part; the schedule of the learning rate still spans the whole plan.
            part: The part's name, where a phase is trained in several; each has a checkpoint of its own, and the former
                part's is removed, so `keep` what is needed of it.

        Raises:
            Diverged: The training loss became infinite or not a number.
        """

    @abstractmethod
    def count(self, run: Run) -> None:
        """Record a run's epochs and steps; only needed if its state was restored, since `train` records them."""

    @abstractmethod
    def score(self, run: Run) -> float:
        """The user's metric on the validation rows; greater is better.

        Raises:
            RunError: The run trained on the validation rows, or there are none.
        """

    @abstractmethod
    def epochs(self) -> int:
        """The number of epochs of a phase with the job's settings."""

    @abstractmethod
    def within(self, name: str, *, hold: bool = False) -> "Job":
        """The same job for phases whose names begin with `name`; with `hold`, validation rows do not train."""

    @abstractmethod
    def keep(self, name: str, value: Mapping[str, Any]) -> None:
        """Save tensors, numbers and strings whole or not at all, for `kept` after a crash."""

    @abstractmethod
    def kept(self, name: str) -> dict[str, Any] | None:
        """The values that `keep` saved, or None."""


class Strategy(ABC):
    """How phases of training follow one another. Options are flat keyword arguments of `__init__`.

    Attributes:
        default: The method it is applied to where none is named: where the data give auxiliary labels, and where
            they do not (None: it cannot run there).
        wraps: Whether it can be applied to another strategy, its argument `inner`.
        needs_validation: Whether it requires validation rows.
        holds_validation: Whether its final network never trains on the validation rows.
        learns: Whether it learns a part of the learning signal itself and is therefore no control.
        tuning: Candidate settings that replace the method's own, or None.
        paper: Paper that introduced it.
    """

    default: ClassVar[tuple[str, str | None]] = ("softmax", "maxl")
    wraps: ClassVar[bool] = False
    needs_validation: ClassVar[bool] = False
    holds_validation: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    tuning: ClassVar[tuple[Settings, ...] | None] = None
    paper: ClassVar[Paper | None] = None

    @classmethod
    def why_not(cls, method: Method) -> str | None:
        """The reason why this strategy cannot be applied to a method, or None if it can."""
        del method
        return None

    @classmethod
    def twin(cls, name: str, inner: str) -> str:
        """The method whose name is `inner` is the untrained twin of what `name`, this strategy, is applied to."""
        return f"{name}:{inner}"

    def refuse(self, run: Run) -> None:
        """Called on a phase of the method that is built and not trained, before a comparison writes anything.

        Raises:
            ConfigError: The strategy cannot work with such a network.
        """
        del run

    @abstractmethod
    def follow(self, job: Job) -> Outcome:
        """Train the phases and return which network is kept."""


def unless_diverged(train: Callable[..., R], *arguments: Any) -> R | None:
    """What a training gives; None where it diverges."""
    try:
        return train(*arguments)
    except Diverged:
        return None


def then_fixed(job: "Job", name: str, nothing: str, **rows: str) -> "Outcome":
    """Learn, then train a new network with phi held constant; one phase, and a note, where nothing is learned.

    Args:
        job: The method and its trainings.
        name: Name of the second phase.
        nothing: The note.
        rows: Attributes of that phase: the rows that train.
    """
    if job.method.control:
        return Outcome(job.fresh(job.phase(name, **rows)), (nothing,))
    taught = job.fresh(job.phase("learning")).state.learner.criterion
    return Outcome(job.fresh(job.phase(name, method=frozen(job.method), taught=taught, **rows)))


def frozen(method: Method) -> Method:
    """The same method with nothing learned."""
    return replace(method, estimator=None)


def usable(score: float) -> float:
    """The score, with what is no number below every other one.

    >>> usable(0.5), usable(float("nan"))
    (0.5, -inf)
    """
    return score if score == score else float("-inf")


CONTRACT = Strategy
