"""Soft labels from several sources for rows without a main label; they teach the main task's own head."""

import math

import torch
from torch import Tensor, nn

from auxin import catalogue
from auxin.catalogue import check_choice
from auxin.errors import ConfigError, message
from auxin.labelers._checks import main_labels
from auxin.labelers._cross_validated import mixture_weights
from auxin.labelers.base import Labeler, LabelerContext
from auxin.math.sparse import SparseRows
from auxin.paper import Paper
from auxin.sources.base import Source, SourceInputs
from auxin.tasks.base import Task
from auxin.tasks.classes import Classes
from auxin.typing import Batch

WEIGHTS = ("equal", "cross_validated")
QUESTIONS = 5
"""How often in a training sources that follow the network are asked, where nothing else is wanted."""


class Sources(Labeler):
    """A weighted mixture of what several sources say about the class of each row without a main label.

    With q_s(x) the distribution of source s, the target of the main head is

        q(x) = sum_s w_s(x) q_s(x),     w(x) = softmax_s(a_s + b_s (c_s(x) - 1/2)),     c_s = 1 - H(q_s(x)) / log K

    over the sources that say something about x. The a_s and, with `by_row`, the b_s are phi: at zero all sources
    weigh the same (the untrained twin); the hypergradient of the main task's loss moves them. c_s is a source's
    confidence, so that a source may count where it is sure and not elsewhere. Rows with a main label get none from
    here.

    Sources that follow the network are asked again every `period` epochs, from the first period on.

    Args:
        known: Training rows with their known labels.
        rows: Row numbers of the training rows, int64 [N], ascending.
        sources: Sources by name.
        main: Name of the main task.
        start: Initial value of a_s, float [S].
        by_row: Whether a source's confidence in a row enters its weight.
        period: Number of epochs between two updates of the sources' labels.

    >>> x, y, rows = torch.tensor([[0.0], [0.2], [5.0], [5.1]]), torch.tensor([0, -1, 1, -1]), torch.arange(4)
    >>> from auxin.math.hierarchy import Hierarchy
    >>> context = LabelerContext("y", Hierarchy((1, 1)), x, {"y": y}, rows, nn.Identity, 0)
    >>> Sources.build(context, members="spread")(Batch(x, {"y": y}, rows)).isnan().all(1).tolist()
    [True, False, True, False]
    """

    learned = True
    teaches = True
    paper = Paper(
        "Learning with Local and Global Consistency",
        "Zhou, Bousquet, Lal, Weston, Schoelkopf",
        2004,
        "https://papers.nips.cc/paper/2506-learning-with-local-and-global-consistency",
        "for its first source; learned weights over sources are auxin's own",
    )
    keys: Tensor
    table: Tensor
    queries: Tensor
    epochs: Tensor

    def __init__(
        self,
        known: SourceInputs,
        rows: Tensor,
        sources: dict[str, Source],
        main: str,
        start: Tensor,
        *,
        by_row: bool = False,
        period: int = 15,
    ) -> None:
        super().__init__()
        self.known, self.sources, self.main = known, sources, main
        self.classes, self.period = known.classes, period
        device = known.x.device
        self.weight = nn.Parameter(start.clone().to(device))
        self.slope = nn.Parameter(torch.zeros_like(self.weight), requires_grad=by_row)
        nothing = torch.full((len(rows), known.classes), torch.nan)
        guesses = [nothing if (begun := s.begin(known)) is None else begun for s in sources.values()]
        self.register_buffer("keys", rows.clone())
        self.register_buffer("table", torch.stack(guesses, 1).to(known.x.dtype).to(device))
        self.register_buffer("queries", torch.zeros((), dtype=torch.int64))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.int64))

    @classmethod
    def build(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        context: LabelerContext,
        *,
        members: str = "spread+logistic+forest",
        weights: str = "equal",
        by_row: bool = False,
        period: int = 0,
        limit: int = 5000,
    ) -> "Sources":
        """Ask the sources.

        Args:
            context: The training rows, with and without a main label.
            members: The sources' names, separated by "+".
            weights: How the weights start: "equal", or "cross_validated": those under which the sources, each trained
                without the row in question, give the labelled rows' labels the greatest likelihood. Sources that
                follow the network cannot be cross-validated and start with the mean weight of the others.
            by_row: Whether a source's confidence in a row counts.
            period: Epochs between two questions to the sources that follow the network; 0: a fifth of the training.
            limit: Rows without a main label that get soft labels, at most; more are drawn from by the seed, since
                the graph of a source's neighbours takes time that grows with the square of the rows.

        Raises:
            ConfigError: An unknown source, none, or one that cannot guess here.
        """
        check_choice("start of the sources' weights", weights, list(WEIGHTS))
        if isinstance(context.x, SparseRows):
            raise ConfigError(
                message("The labeler sources takes dense inputs only, and these are kept sparse")
            )
        order, main = _within(context, int(limit)), context.tasks.get(context.main)
        others = {name: target[order] for name, target in context.y.items() if name != context.main}
        known = SourceInputs(
            context.x[order],
            context.y[context.main][order],
            context.hierarchy.primary if main is None else main.width,
            others,
            {name: context.tasks[name] for name in others if name in context.tasks},
            context.seed % 2**32,
        )
        sources = chosen(members, known)
        start = torch.zeros(len(sources), dtype=context.x.dtype)
        if weights == "cross_validated":
            start = _start(sources, known).to(context.x.dtype)
        rows = context.rows[order]
        every = int(period) or context.epochs // QUESTIONS
        return cls(known, rows, sources, context.main, start, by_row=bool(by_row), period=max(1, every))

    @classmethod
    def why_not(cls, main: Task) -> str | None:
        """A main task of classes, one per row."""
        return None if isinstance(main, Classes) else "soft labels need a main task of classes."

    def forward(self, batch: Batch) -> Tensor:
        """The mixture for each row, [B, K]; NaN for rows with a main label or unknown, and where no source speaks."""
        place = torch.searchsorted(self.keys, batch.rows).clamp(max=len(self.keys) - 1)
        wanted = (self.keys[place] == batch.rows) & (main_labels(batch, self.main) < 0)
        guesses = self.table[place]
        speaks = ~guesses.isnan().any(2)
        guesses = torch.where(speaks.unsqueeze(2), guesses, 1.0 / self.classes)
        weights = self.weights_for(guesses).masked_fill(~speaks, 0.0)
        total = weights.sum(1, keepdim=True)
        mixed = ((weights / total.clamp(min=1e-12)).unsqueeze(2) * guesses).sum(1)
        there = wanted & speaks.any(1)
        return torch.where(there.unsqueeze(1), mixed, torch.nan)

    def weights_for(self, guesses: Tensor) -> Tensor:
        """The sources' weights for rows of which they say this, [B, S, K] to [B, S]; each row sums to 1."""
        entropy = -(guesses * guesses.clamp(min=1e-12).log()).sum(2)
        confidence = 1 - entropy / math.log(self.classes)
        return (self.weight + self.slope * (confidence - 0.5)).softmax(1)

    @torch.no_grad()
    def end_epoch(self, network: nn.Module) -> None:
        """Ask the sources that follow the network again, every `period` epochs."""
        self.epochs += 1
        following = [place for place, source in enumerate(self.sources.values()) if source.follows]
        if not following or int(self.epochs) % self.period:
            return
        features, outputs = _outputs(network, self.known.x, self.main)
        for place in following:
            source = list(self.sources.values())[place]
            now = source.guess(self.known, features, outputs).to(self.table)
            keep = source.average if int(self.queries) else 0.0
            before = self.table[:, place].nan_to_num(0.0)
            self.table[:, place] = keep * before + (1 - keep) * now
        self.queries += 1


def chosen(members: str, known: SourceInputs) -> dict[str, Source]:
    """The sources of these names.

    Raises:
        ConfigError: There is none of that name, none at all, or one cannot guess here.
    """
    names = [name.strip() for name in members.split("+") if name.strip()]
    if not names:
        raise ConfigError("No source was named", expected="such as spread+logistic", found=repr(members))
    found: dict[str, Source] = {}
    for name in names:
        catalogue.check_choice("source", name, catalogue.names("sources"))
        member = catalogue.load("sources", name)
        if (reason := member.why_not(known)) is not None:
            raise ConfigError(message(f"The source {name!r} cannot be used: {reason}"))
        found[name] = member()
    return found


def _within(context: LabelerContext, limit: int) -> Tensor:
    """The places of the rows that enter, by ascending row number: those with a main label, and `limit` others."""
    bare = (context.y[context.main] < 0).nonzero().squeeze(1)
    if len(bare) > limit:
        draw = torch.Generator().manual_seed(context.seed)
        bare = bare[torch.randperm(len(bare), generator=draw)[:limit].to(bare.device)]
    places = torch.cat([(context.y[context.main] >= 0).nonzero().squeeze(1), bare])
    return places[context.rows[places].argsort()]


def _start(sources: dict[str, Source], known: SourceInputs) -> Tensor:
    """The logarithms of the cross-validated weights, of mean zero over the sources that have one."""
    fixed = {name: source for name, source in sources.items() if not source.follows}
    if len(fixed) < 2:
        return torch.zeros(len(sources))
    found = dict(zip(fixed, mixture_weights(list(fixed.values()), known).log().tolist(), strict=True))
    middle = math.log(1 / len(fixed))
    return torch.tensor([found.get(name, middle) for name in sources])


def _outputs(network: nn.Module, x: Tensor, main: str, at_once: int = 1024) -> tuple[Tensor, Tensor]:
    """The trunk's features and the main head's logits, in evaluation mode; the network is left as it was."""
    training = network.training
    network.eval()
    features: list[Tensor] = []
    outputs: list[Tensor] = []
    for part in x.split(at_once):
        own = network.trunk(part)  # type: ignore[operator]
        features.append(own)
        outputs.append(network.heads[main](own))  # type: ignore[index,operator]
    network.train(training)
    return torch.cat(features), torch.cat(outputs)
