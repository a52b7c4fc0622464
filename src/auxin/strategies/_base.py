"""The contract of a strategy: how phases of training follow one another, and which network is kept.

A *phase* is one network from its fresh start to the end of its training. A strategy asks its `Job` for phases and says
in its `Outcome` which network is kept. It sees validation scores and never a test row.

    run = job.fresh(job.phase("combiner"))                                  # the method itself, as `joint` trains it
    kept = job.fresh(job.phase("retrained", method=frozen(job.method), taught=run.state.learner.criterion))

Exact resume: a strategy is followed again from its beginning after a crash, and every phase goes on from its own
checkpoint (a finished one at once). So what a strategy does must depend on its phases alone; anything else that has to
survive goes through `Job.keep`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Protocol

from torch import Tensor, nn

from auxin.methods._base import Method, Setting, Settings
from auxin.paper import Paper
from auxin.tasks._base import Task
from auxin.training.loop import Plan
from auxin.training.objective import Objective
from auxin.training.state import TrainState

Rows = Literal["run", "all"]

SINGLE = Method()
"""The main task alone."""


@dataclass(frozen=True, eq=False)
class Phase:
    """What one phase trains.

    Attributes:
        name: of its checkpoint and its record, unlike every other phase's of the job.
        method: what is trained beside the main task, and how it is learned.
        rows: "run": the rows that the run trains on; "all": those, and the auxiliary set.
        settings: above the job's own.
        weights: to begin with, by name as in the primary network's `state_dict`; those that it does not have stay as
            they are drawn.
        taught: take the labeler and the combiner of this criterion instead of fresh ones. The method should then
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
        """What was asked for."""
        ...

    @property
    def network(self) -> nn.Module:
        """The primary network."""
        ...


@dataclass(frozen=True)
class Decision:
    """What validation decided.

    Attributes:
        kept: the candidate that was kept.
        scores: every candidate's score on the validation rows; NaN where it diverged.
        sentence: why, with the numbers.
    """

    kept: str
    scores: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a strategy ends with.

    Attributes:
        run: the one whose network is kept.
        notes: what was decided, in sentences.
        decision: of strategies that choose on validation.
        curve: whether the network is where its run's epochs ended (a merged one is not).
    """

    run: Run
    notes: tuple[str, ...] = ()
    decision: Decision | None = None
    curve: bool = True


class Job(ABC):
    """What a strategy is given: a method, its settings, and the means to train phases of it.

    Attributes:
        name: the method's name, for sentences.
        method: what the strategy is applied to.
        settings: every hyperparameter of the run, flat.
        refit: whether the rows that the run trains on include the validation rows (final runs, whose settings are
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
            Diverged: its training loss became infinite or not a number.
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
            run: what is trained.
            until: the last epoch of this part; the learning rate follows the whole plan all the same.
            part: the part's name, where a phase is trained in several; each has a checkpoint of its own, and the former
                part's is removed, so `keep` what is needed of it.

        Raises:
            Diverged: the training loss became infinite or not a number.
        """

    @abstractmethod
    def count(self, run: Run) -> None:
        """Enter a run's epochs and steps in the books; only needed where its state was restored, as `train` does it."""

    @abstractmethod
    def score(self, run: Run) -> float:
        """The user's metric on the validation rows; greater is better.

        Raises:
            RunError: the run trained on the validation rows, or there are none.
        """

    @abstractmethod
    def epochs(self) -> int:
        """How many epochs a phase of the job's own settings has."""

    @abstractmethod
    def within(self, name: str, *, hold: bool = False) -> "Job":
        """The same job for phases whose names begin with `name`; with `hold`, validation rows do not train."""

    @abstractmethod
    def keep(self, name: str, value: Mapping[str, Any]) -> None:
        """Save tensors, numbers and strings whole or not at all, for `kept` after a crash."""

    @abstractmethod
    def kept(self, name: str) -> dict[str, Any] | None:
        """What `keep` saved, or None."""


class Strategy(ABC):
    """How phases of training follow one another. Options are flat keyword arguments of `__init__`.

    Attributes:
        default: the method it is applied to where none is named: where the data give auxiliary labels, and where
            they do not (None: it cannot run there).
        wraps: whether it can be put around another strategy, its argument `inner`.
        needs_validation: whether it cannot run without validation rows.
        holds_validation: whether its final network never trains on the validation rows.
        learns: whether it learns something of the learning signal by itself, and so is no control.
        knob: replaces the method's own knob where it is not None.
        paper: Paper that introduced it.
    """

    default: ClassVar[tuple[str, str | None]] = ("softmax", "maxl")
    wraps: ClassVar[bool] = False
    needs_validation: ClassVar[bool] = False
    holds_validation: ClassVar[bool] = False
    learns: ClassVar[bool] = False
    knob: ClassVar[tuple[Settings, ...] | None] = None
    paper: ClassVar[Paper | None] = None

    @classmethod
    def unfit(cls, method: Method) -> str | None:
        """Why this strategy makes no sense for a method, or None where it does."""
        del method
        return None

    @classmethod
    def twin(cls, name: str, inner: str) -> str:
        """The method whose name is `inner` is the untrained twin of what `name`, this strategy, is applied to."""
        return f"{name}:{inner}"

    def refuse(self, run: Run) -> None:
        """Called on a phase of the method that is built and not trained, before a comparison writes anything.

        Raises:
            ConfigError: the strategy cannot work with such a network.
        """
        del run

    @abstractmethod
    def follow(self, job: Job) -> Outcome:
        """Train what there is to train, and say which network is kept."""


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
