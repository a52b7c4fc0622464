"""ForkMerge: repeatedly train a branch with and one without the auxiliaries, and merge them by validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.methods.base import Method
from auxin.paper import Paper
from auxin.strategies.base import SINGLE, Job, Outcome, Run, Strategy, usable
from auxin.training.loop import Diverged

Weights = dict[str, Tensor]


class ForkMerge(Strategy):
    """Two branches train the same number of steps; their weights are merged at the best validation score.

    Jiang, Chen, Pan, Wang, Liu, Jiang, Long 2023. Branch 0 trains the main task alone, branch 1 all tasks. After each
    part of the training

        W  <-  (1 - a) W_0 + a W_1,      a the best on the validation rows of 0, step, 2 step ... 1,

    the smaller a where several are equally good, and both branches go on from W. Since a = 0 is one of them, harmful
    auxiliaries can be left behind at every merge. Running averages of norm layers are merged like weights. Validation
    rows decide all along, so the network never trains on them.

    This is the paper's first form, derived for one auxiliary: a step on l_main + a l_aux lies on the line between the
    steps of the two branches, so that searching a is searching the auxiliary's weight. Its general form, and the
    authors' code, have a branch for the best k of several auxiliaries (ranked by a short joint training) for each of
    several k, merged greedily; here all auxiliaries share one branch, as in the authors' command for their table 2,
    with the weights of the method that the strategy is applied to (there, 1 / k each). Further departures from that
    code: it searches only the half of the line that is nearer to the better branch (its weights are a : 1 before they
    are normalised), here the whole line is searched, as the paper says; it merges a branch's best epoch so far, which
    may be older than the last merge, here the last one of the part. As there, each branch keeps its optimiser (and
    its phi) across merges. An auxiliary head stays with the branch that trains it: there is no second one to merge it
    with.

    Args:
        merges: Number of merges, evenly spread over the epochs; the last one is at the end of training.
        step: Distance between two values of a.

    Raises:
        ConfigError: There is no merge, or the step is not in (0, 1].
    """

    default = ("equal", "maxl")
    needs_validation = True
    holds_validation = True
    learns = True
    paper = Paper(
        "ForkMerge: Mitigating Negative Transfer in Auxiliary-Task Learning",
        "Jiang, Chen, Pan, Wang, Liu, Jiang, Long",
        2023,
        "https://arxiv.org/abs/2301.12618",
    )

    def __init__(self, merges: int = 5, step: float = 0.2) -> None:
        if merges < 1 or not 0 < step <= 1:
            expected, found = "at least one merge, and a step in (0, 1]", f"merges={merges}, step={step}"
            raise ConfigError("The options of forkmerge are out of range", expected=expected, found=found)
        self.merges, self.step = merges, step

    @classmethod
    def why_not(cls, method: Method) -> str | None:
        """Without auxiliaries the two branches are the same."""
        return None if method.auxiliary else "its two branches would be the same"

    def follow(self, job: Job) -> Outcome:
        """Fork, train and merge repeatedly."""
        job = job.within("fork", hold=True)
        forked = _Fork(job, self.branches(job))
        total = forked.runs[0].plan.epochs
        ends = sorted({round(total * (i + 1) / self.merges) for i in range(self.merges)} - {0})
        forked.recall()
        for end in ends[len(forked.shares) :]:
            forked.train(end)
            forked.merge([*(i * self.step for i in range(round(1 / self.step))), 1.0])
            forked.keep()
        return Outcome(forked.runs[0], tuple(forked.notes(ends)), curve=False)

    def branches(self, job: Job) -> list[Run]:
        """The main task alone, and all tasks."""
        return [job.build(job.phase("alone", method=SINGLE)), job.build(job.phase("together"))]


@dataclass(eq=False)
class _Fork:
    """The two branches during training.

    Attributes:
        job: Job of the two branches.
        runs: The branches; the first one holds the merged network.
        lost: Whether the second one diverged.
    """

    job: Job
    runs: Sequence[Run]
    lost: bool = False

    def __post_init__(self) -> None:
        self.shares: list[float] = []

    def train(self, end: int) -> None:
        """Train both until the end of this part."""
        part = f"part-{len(self.shares) + 1}"
        self.job.train(self.runs[0], until=end, part=part)
        for run in () if self.lost else self.runs[1:]:
            try:
                self.job.train(run, until=end, part=part)
            except Diverged:
                self.lost = True

    def merge(self, shares: Sequence[float]) -> None:
        """Find the best place between the branches, and put both there."""
        first = self.runs[0]
        if self.lost or len(self.runs) == 1:
            self.shares.append(0.0)
            return
        a, b = _copy(first), _copy(self.runs[1])
        scores = [self._score(mix(a, b, share)) for share in shares]
        share = shares[scores.index(max(scores))]
        self.shares.append(share)
        merged = mix(a, b, share)
        first.network.load_state_dict(merged)
        self.runs[1].network.load_state_dict({**b, **merged})

    def keep(self) -> None:
        """Save the state of the branches."""
        runs = self.runs[:1] if self.lost else self.runs
        value = {"shares": self.shares, "lost": self.lost, "runs": [run.state.state_dict() for run in runs]}
        self.job.keep("merged", value)

    def recall(self) -> None:
        """Resume from the last merge, if there was one."""
        value: dict[str, Any] | None = self.job.kept("merged")
        if value is None:
            return
        self.shares, self.lost = list(value["shares"]), value["lost"]
        for run, state in zip(self.runs, value["runs"], strict=False):
            run.state.load_state_dict(state)
            self.job.count(run)

    def notes(self, ends: Sequence[int]) -> list[str]:
        """What was merged."""
        told = ", ".join(f"{share:g}" for share in self.shares)
        found = [
            f"Merged after epochs {', '.join(map(str, ends))}: the auxiliaries' branch had the shares {told}."
        ]
        if self.lost:
            found.append("The branch with the auxiliaries diverged and was left behind.")
        return found

    def _score(self, weights: Mapping[str, Tensor]) -> float:
        self.runs[0].network.load_state_dict(weights)
        return usable(self.job.score(self.runs[0]))


def mix(a: Mapping[str, Tensor], b: Mapping[str, Tensor], share: float) -> Weights:
    """(1 - share) a + share b, for the entries of a; counters are a's.

    >>> mix({"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([1.0, 4.0]), "head": torch.zeros(1)}, 0.5)
    {'w': tensor([0.5000, 3.0000])}
    """
    return {n: torch.lerp(v, b[n], share) if v.is_floating_point() else v for n, v in a.items()}


def _copy(run: Run) -> Weights:
    return {name: value.detach().clone() for name, value in run.network.state_dict().items()}
