"""From names to objects: the one place where a method's data become networks, optimisers and a plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from auxin import catalogue, combiners
from auxin.combiners.base import rate_groups
from auxin.consistency import Consistency
from auxin.data import Dataset, DevicePool, Splits, epoch_batches
from auxin.errors import ConfigError
from auxin.hypergradients import Estimator
from auxin.labelers.base import Labeler, LabelerContext
from auxin.math.hierarchy import Hierarchy
from auxin.methods.base import Method, Setting
from auxin.models import build_network, builder
from auxin.models.base import PrimaryNetwork
from auxin.optimizers import spare_compiler
from auxin.pretexts import possible
from auxin.pretexts.base import Pretext
from auxin.requests.hyperparameters import Hyperparameters, known
from auxin.runs.applicable import EVERY, hierarchy, refinement
from auxin.runs.augmentation import pool_and_views, strong_view
from auxin.runs.run_tasks import balanced, self_made, tasks_of
from auxin.runs.settings import options
from auxin.strategies.base import Phase
from auxin.tasks.base import Task
from auxin.training.feed import Feed
from auxin.training.loop import Plan
from auxin.training.objective import Objective
from auxin.training.precision import Precision
from auxin.training.reproducible import derive, seed_everything
from auxin.training.schedules import META_BATCHES, RHYTHMS, LearningRate
from auxin.training.state import TrainState
from auxin.training.steps import Learner
from auxin.views import compose


@dataclass(frozen=True, eq=False)
class PreparedRun:
    """A run, ready to start.

    Attributes:
        state: networks, optimisers and batches at their start.
        plan: How long and in which rhythm.
        pool: The rows.
        task: The main task.
        hierarchy: psi of the labeler, or None.
        refines: The given auxiliary task that refines the main one, or None.
        phase: What a strategy asked for.
    """

    state: TrainState
    plan: Plan
    pool: DevicePool
    task: Task
    hierarchy: Hierarchy | None
    refines: str | None
    phase: Phase = field(default_factory=Phase)

    @property
    def network(self) -> nn.Module:
        """The primary network."""
        return self.state.learner.network

    @property
    def labeler(self) -> Labeler | None:
        """The labeler, or None."""
        return self.state.learner.criterion.labeler


def build(
    dataset: Dataset,
    splits: Splits,
    method: Method,
    settings: Mapping[str, Setting],
    seed: int,
    device: torch.device | str = "cpu",
    *,
    taught: Objective | None = None,
) -> PreparedRun:
    """Make everything a run needs; the same seed makes the same networks and batches.

    Args:
        dataset: Data.
        splits: Roles of the rows.
        method: What is trained beside the main task, and how it is learned (its strategy is not read here).
        settings: Every hyperparameter, flat.
        seed: Seed of networks and batches.
        device: Device of the run.
        taught: Take the labeler and the combiner of this criterion instead of fresh ones.

    Raises:
        ConfigError: A part refuses its options, or a combination makes no sense.
    """
    # A phase that takes over what another one learned trains on the rows that its strategy names.
    if taught is None:
        splits = rows_for(method, settings, splits)
    seed_everything(seed)
    plain = Hyperparameters.model_validate({name: settings[name] for name in known()})
    dataset = dataset.fitted(splits.train, splits.every_training_row, plain.model)
    augmentation, weak = pool_and_views(plain, dataset)
    pool = DevicePool(dataset, splits.every_training_row, device, augmentation, hidden=splits.unlabelled)
    parts = _Parts(dataset, splits, method, settings, plain, pool, seed)
    criterion, tasks, pretexts, psi = parts.criterion(taught)
    headed: dict[str, Any] = {name: task for name, task in tasks.items() if name not in criterion.reads}
    own = trunk_options(settings, dataset)
    network = build_network(plain.model, pool.shape, headed, seed=derive(seed, "network"), **own).to(device)
    consistency = criterion.consistency
    if consistency is not None:
        consistency.attach(network)
        consistency.to(device)
    learner = parts.learner(network, criterion)
    feed = Feed(
        pool,
        splits.train,
        splits.unlabelled,
        splits.auxiliary,
        plain.batch,
        derive(seed, "feed"),
        plain.unlabelled_ratio if method.unlabelled else 0.0,
        pretexts,
        plain.pretext_share,
        strong=strong_view(plain, pool, dataset) if consistency is not None else None,
        pairs=consistency.task.name if consistency is not None else "",
        weak=compose(weak, pool.shape, pool.background) if weak else None,
    )
    plan = _plan(plain, feed, splits, learns=method.estimator is not None)
    return PreparedRun(TrainState(learner, feed), plan, pool, tasks[dataset.main], psi, refinement(dataset))


@dataclass(frozen=True, eq=False)
class _Parts:
    """What a run's parts are made from: fitted data, rows, the method and its settings, flat and checked."""

    dataset: Dataset
    splits: Splits
    method: Method
    settings: Mapping[str, Setting]
    plain: Hyperparameters
    pool: DevicePool
    seed: int

    def criterion(
        self, taught: Objective | None
    ) -> tuple[Objective, dict[str, Task], Sequence[Pretext], Hierarchy | None]:
        """The criterion, its tasks, the self-made ones among them, and the hierarchy of generated labels."""
        dataset, method, plain = self.dataset, self.method, self.plain
        labels = method.labeler if taught is None else taught.labeler
        psi = hierarchy(dataset, self.settings["psi"], self.seed) if labels is not None else None
        labeler = self._labeler(psi) if taught is None else taught.labeler
        pretexts = self_made(self._pretexts(), self.pool.shape, dataset)
        consistency = self._consistency()
        tasks, reads = tasks_of(dataset, method, plain.loss, labeler, pretexts, consistency)
        tasks = balanced(tasks, plain.class_weights, dataset, self.splits)
        if taught is None:
            combiner = combiners.build(method.combiner, tuple(tasks), **options(self.settings, "combiner"))
            combiner = combiner.to(self.pool.device)
        else:
            combiner = taught.combiner
        learned = method.estimator is not None
        criterion = Objective(tasks, labeler, combiner, learned=learned, consistency=consistency, reads=reads)
        return criterion, tasks, pretexts, psi

    def _pretexts(self) -> list[str]:
        """The method's self-made tasks, and those that the settings put beside the data's own."""
        method, plain = self.method, self.plain
        asked = [name.strip() for name in plain.pretexts.split("+") if name.strip()]
        own = possible(self.pool.shape) if EVERY in method.pretexts else method.pretexts
        names: list[str] = list(dict.fromkeys([*own, *(asked if method.given else [])]))
        if names and self.dataset.encoder.verbatim > 0:
            made = " + ".join(names)
            wrong = f"{made} transforms numeric inputs, but the inputs of {plain.model} are text tokens"
            raise ConfigError(wrong, do="Leave these methods out, or choose another model")
        return names

    def _consistency(self) -> Consistency | None:
        if self.method.needs_unlabelled and not len(self.splits.unlabelled):
            wrong = "Every training row has a main label, but the method needs rows without one"
            raise ConfigError(wrong, do="Leave out the methods for rows without a main label")
        if self.method.consistency is None:
            return None
        member = catalogue.load("consistency", self.method.consistency)
        return self._built(member, "consistency", self.dataset.tasks[self.dataset.main])

    def _labeler(self, psi: Hierarchy | None) -> Labeler | None:
        if self.method.labeler is None or psi is None:
            return None
        dataset, splits, pool = self.dataset, self.splits, self.pool
        rows = torch.cat([splits.train, splits.unlabelled]) if self.method.unlabelled else splits.train
        label_seed = derive(self.seed, "labeler")

        def make_trunk() -> nn.Module:
            make = builder(self.plain.model)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(label_seed)
                return make(pool.shape, **trunk_options(self.settings, dataset))

        context = LabelerContext(
            dataset.main,
            psi,
            pool.inputs(rows),
            pool.targets(rows),
            rows.to(pool.device),
            make_trunk,
            label_seed,
            refinement(dataset),
            dataset.tasks,
            epochs_of(self.settings, splits.train),
        )
        member = catalogue.load("labelers", self.method.labeler)
        return self._built(member, "labeler", context).to(pool.device)

    def _built(self, member: Any, part: str, argument: Any) -> Any:
        """Build a member with its own options; an option it does not take is refused with its name."""
        own = options(self.settings, part)
        try:
            return member.build(argument, **own)
        except TypeError as error:
            wrong = f"{member.__name__} does not accept its options {own}: {error}"
            raise ConfigError(wrong, do=f"Change the {part}.* settings") from error

    def learner(self, network: PrimaryNetwork, criterion: Objective) -> Learner:
        """The learner of a network: optimisers and the estimator of the hypergradient."""
        method, plain = self.method, self.plain
        weights = [p for p in [*network.parameters(), *criterion.main_parameters()] if p.requires_grad]
        optimizer = _optimizer(plain.optimizer, weights, plain.lr, plain.weight_decay, plain.momentum)
        estimator: Estimator | None = None
        meta_optimizer = None
        if method.estimator is not None:
            member = catalogue.load("hypergradients", plain.hypergradient or method.estimator)
            estimator = member(**options(self.settings, "estimator"))
        if estimator is not None and (phi := criterion.phi()):
            groups = rate_groups(phi, criterion.combiner, plain.meta_lr) if plain.meta_paced else phi
            rates = (plain.meta_lr, plain.meta_weight_decay, plain.meta_momentum)
            meta_optimizer = _optimizer(plain.meta_optimizer, groups, *rates)
        return Learner(
            network,
            criterion,
            optimizer,
            estimator,
            meta_optimizer,
            plain.scale,
            plain.clip,
            precision=Precision.of(network, plain.precision, plain.channels_last),
            compiled=plain.compile,
            meta_clip=plain.meta_clip,
        )


def rows_for(method: Method, settings: Mapping[str, Setting], splits: Splits) -> Splits:
    """The rows' roles for a method: only one whose meta step is judged on the auxiliary set goes without its rows.

    Navon et al. 2021, section 5: "For a fair comparison, these samples are used as part of the training set by all
    competing methods."
    """
    if not len(splits.auxiliary) or (method.estimator is not None and settings["meta"] == "auxiliary"):
        return splits
    return splits.with_auxiliary_in_train()


def trunk_options(settings: Mapping[str, Setting], dataset: Dataset) -> dict[str, Any]:
    """The trunk's options: the settings', and what the fitted inputs ask for."""
    return {**options(settings, "model"), **dataset.encoder.model_options()}


def _optimizer(
    name: str, parameters: Sequence[Any], lr: float, weight_decay: float, momentum: float
) -> torch.optim.Optimizer:
    spare_compiler()
    kinds: dict[str, Any] = {
        "sgd": partial(torch.optim.SGD, momentum=momentum),
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    if name not in kinds:
        raise ConfigError(catalogue.unknown("optimizer", name, list(kinds)))
    return kinds[name](parameters, lr=lr, weight_decay=weight_decay)


def epochs_of(settings: Mapping[str, Setting], rows: Tensor) -> int:
    """How many epochs the settings ask for, where one takes these rows."""
    steps, size = settings["steps"], settings["batch"]
    if settings["epochs"] is not None:
        return int(settings["epochs"])
    assert isinstance(steps, int)
    assert isinstance(size, int)
    return max(1, round(steps / len(epoch_batches(rows, size, torch.Generator().manual_seed(0)))))


def _plan(plain: Hyperparameters, feed: Feed, splits: Splits, *, learns: bool) -> Plan:
    if plain.meta not in META_BATCHES:
        raise ConfigError(catalogue.unknown("meta batch", plain.meta, list(META_BATCHES)))
    if plain.rhythm not in RHYTHMS:
        raise ConfigError(catalogue.unknown("rhythm", plain.rhythm, list(RHYTHMS)))
    if learns and plain.rhythm == "following" and plain.meta != "next":
        raise ConfigError(
            "The following rhythm takes the outer loss on the next batch",
            expected="meta=next",
            found=f"meta={plain.meta}",
            do="Use --set meta=next, or another rhythm",
        )
    if learns and plain.meta == "auxiliary" and not len(splits.auxiliary):
        raise ConfigError(
            "The outer loss uses the auxiliary set, which is empty",
            expected="--auxiliary above 0",
            found="an empty auxiliary set",
            do="Hold rows out with --auxiliary 0.1, or use --set meta=next",
        )
    epochs = epochs_of(vars(plain), feed.train)
    rate = LearningRate(plain.lr, plain.schedule, feed.steps, epochs, plain.halve_every)
    return Plan(epochs, rate, plain.rhythm, plain.every, plain.meta, plain.patience)
