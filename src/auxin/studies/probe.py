"""Rank candidate auxiliaries before training on them: the work of `auxin probe`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from auxin import catalogue
from auxin.analysis.probe import resampled
from auxin.data import Dataset
from auxin.errors import ConfigError
from auxin.folders import CONTENT, claim_folder
from auxin.methods import resolve
from auxin.records.probe import Probe, RankedCandidate, ScoredCandidate, SeedProbe, Word
from auxin.requests.probe import ProbeRequest
from auxin.runs.applicable import auxiliaries
from auxin.runs.build import build
from auxin.runs.environment import hardware, pick_device, versions
from auxin.runs.executors import executor_of
from auxin.runs.rows import data_content, data_now, load_data, split_rows
from auxin.runs.settings import Setting, layered
from auxin.store import digest_of, write_json
from auxin.studies.engine import NotifyProgress, Study, Unit, UnitResults, run_study
from auxin.studies.probe_seed import probe_seed

RESULT = "probe.json"
CONVERGED = 0.1
"""Above this training loss of the main task, a note states that the network has not converged."""


class ProbeStudy(Study):
    """One network per seed, its candidates scored; then the ranking.

    Args:
        request: Request of the user.

    Raises:
        ConfigError: nothing is a candidate, or an argument makes no sense.
        DataError: too few held-out rows.
        RunError: The folder holds something else.
    """

    def __init__(self, request: ProbeRequest) -> None:
        self.request, self.done = request, {}
        self.dataset = data_now(request.data)
        self.dataset.dense("probe")
        self.pretexts, self.notes = _pretexts(request.pretexts, self.dataset)
        if not auxiliaries(self.dataset) and not self.pretexts:
            do = "Choose candidates with --aux or --pretexts"
            raise ConfigError("There is no candidate to probe", do=do)
        single = resolve("single")
        data, own = (self.dataset.name, self.dataset.modality), request.training.hyperparameters
        self.settings = layered(*data, single, "auxin", own, {})
        self.identity = {
            CONTENT: data_content(request.data),
            "data": request.data.identity(),
            "split": dict(request.split),
            "how": dict(request.how),
            "pretexts": list(self.pretexts),
            "settings": dict(self.settings),
        }
        build(self.dataset, split_rows(request.data, request.split, 0, False), single, self.settings, seed=0)
        self.out, self.device = request.folder, pick_device(request.compute.device)
        claim_folder(self.out, {**self.identity, "seeds": request.seeds})

    def units(self, done: UnitResults) -> list[Unit]:
        """One unit per seed."""
        del done
        return [self._unit(seed) for seed in range(self.request.seeds)]

    def _unit(self, seed: int) -> Unit:
        identity = {**self.identity, "seed": seed}
        file = self.out / "seeds" / f"seed-{seed}.json"
        work = partial(_compute, self.request, self.settings, self.pretexts, seed, file, digest_of(identity))
        return Unit("seeds", f"seed {seed}", identity, work, file, SeedProbe)

    def judge(self, done: UnitResults) -> Probe:
        """The ranking over the seeds that are finished, written to `probe.json`."""
        request = self.request
        seeds = [done[unit.digest] for unit in self.units(done) if unit.digest in done]
        splits = split_rows(request.data, request.split, 0, False)
        result = Probe(
            dataset=self.dataset.name,
            main=self.dataset.main,
            ranking=ranking([s.candidates for s in seeds]),
            seeds=len(seeds),
            damping_share=request.how.damping,
            dampings=[s.damping for s in seeds],
            over=request.how.over,
            curvature=request.how.curvature,
            settings=self.settings,
            splits=splits.sizes,
            notes=[*self.dataset.notes, *splits.notes, *self.notes],
            warnings=_warnings(seeds),
            command=request.command,
            seconds=sum(s.seconds for s in seeds),
            versions=versions(),
            hardware=hardware(self.device),
        )
        write_json(self.out / RESULT, result)
        return result


def probe(request: ProbeRequest, notify: NotifyProgress = lambda _: None) -> Probe:
    """Score the candidates seed by seed, resuming from what the folder holds, then rank them.

    Args:
        request: Request of the user.
        notify: Function that is called with progress.
    """
    return run_study(ProbeStudy(request), executor_of(request.compute), notify)


def _compute(
    request: ProbeRequest,
    settings: Mapping[str, Setting],
    pretexts: Sequence[str],
    seed: int,
    file: Path,
    digest: str,
) -> SeedProbe:
    splits = split_rows(request.data, request.split, seed, False)
    dataset, device = load_data(request.data), pick_device(request.compute.device)
    found = probe_seed(dataset, splits, settings, seed, request.how, pretexts, device)
    found = found.model_copy(update={"digest": digest})
    write_json(file, found)
    return found


def ranking(seeds: Sequence[Sequence[ScoredCandidate]]) -> list[RankedCandidate]:
    """The candidates over seeds, the most helpful first, the reference last.

    Args:
        seeds: Each seed's candidates, in the same order.
    """
    rows = []
    for scored in zip(*seeds, strict=True):
        score, low, high = resampled([np.array(s.newton) for s in scored])
        cosine, cosine_low, cosine_high = resampled([np.array(s.cosine) for s in scored])
        rows.append(
            RankedCandidate(
                name=scored[0].name,
                kind=scored[0].kind,
                score=score,
                low=low,
                high=high,
                cosine=cosine,
                cosine_low=cosine_low,
                cosine_high=cosine_high,
                word=word(low, high),
                rows=scored[0].rows,
            )
        )
    return sorted(rows, key=lambda row: (row.kind == "reference", row.score))


def word(low: float, high: float) -> Word:
    """Negative helps, where the whole interval is.

    >>> word(-2.0, -1.0), word(-1.0, 1.0), word(1.0, 2.0)
    ('helps', 'no evidence', 'hurts')
    """
    return "helps" if high < 0 else "hurts" if low > 0 else "no evidence"


def _pretexts(requested: Sequence[str], dataset: Dataset) -> tuple[list[str], list[str]]:
    """Those that fit the inputs, and why the others do not; one that was asked for by name is refused."""
    kept, notes = [], []
    for name in catalogue.names("pretexts") if "all" in requested else requested:
        if name == "none":
            continue
        try:
            catalogue.load("pretexts", name).build(dataset.shape)
            kept.append(name)
        except ConfigError as error:
            if name in requested:
                raise
            notes.append(f"{name} is left out: {error}")
    return kept, notes


def _warnings(seeds: Sequence[SeedProbe]) -> list[str]:
    found = []
    loss = max(s.train_loss for s in seeds)
    if loss > CONVERGED:
        found.append(
            f"The main task's training loss is still {loss:.2f}, but Proposition 1 assumes convergence. "
            "Train longer with --set steps=..."
        )
    residual = max(s.residual or 0.0 for s in seeds)
    if residual > 0.1:
        found.append(
            f"The linear system is solved only to a relative residual of {residual:.0%}. Raise --damping or "
            "--solver-steps."
        )
    if len(seeds) == 1:
        found.append("With one seed, the intervals do not include the variation between networks.")
    return found
