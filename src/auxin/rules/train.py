"""Meta-training of a learned rule as a run in a folder: settings, progress, checkpoints, the rule and its card."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed as dist

from auxin.errors import DamagedError, RunError
from auxin.folders import CONTENT, claim_folder
from auxin.interrupts import checkpoint_seconds, checkpointing, requested
from auxin.requests.rule import TrainSettings
from auxin.rules.data import META_TEST, META_VALIDATION
from auxin.rules.file import RULE, save_rule
from auxin.rules.gradients import PersistentES
from auxin.rules.parts import cifar10_family, estimator_of, family_of
from auxin.rules.sampler import TaskSampler
from auxin.rules.trainer import MetaTrainer, MetaUpdate
from auxin.store import write_text
from auxin.tensor_files import read_state, set_aside, write_state
from auxin.update_rules.learned import Learned

CHECKPOINT = "checkpoint.pt"
FORMER = ".former.pt"
"""Ends the name of a rank's checkpoint before the newest."""


class RuleRun:
    """One run: made from settings, goes on from its folder's checkpoint where there is one.

    Args:
        settings: The run.
        out: Folder of the run.

    Raises:
        RunError: The folder holds a run with other settings or data, or something else.
        DataError: Data that the mix names are not there.
    """

    def __init__(self, settings: TrainSettings, out: Path) -> None:
        self.settings, self.out = settings, out
        torch.manual_seed(settings.seed)
        self.rule = Learned.preset(settings.preset, **settings.options)
        self.seen: set[str] = set()
        self.notes: list[str] = []
        sampler = self._sampler()
        self.trainer = MetaTrainer(
            self.rule,
            sampler,
            estimator_of(settings),
            updates=settings.updates,
            seed=settings.seed,
            pools=settings.pools,
            groups=settings.groups,
            tasks=settings.tasks,
            truncation=settings.truncation,
            length=settings.length,
            rate=settings.rate,
            sparsity=settings.sparsity,
            device=settings.device,
            on_reset=self._arrived if settings.watch else None,
        )
        self.seconds = 0.0
        self.losses: list[float] = []
        if self.leads:
            claim_folder(out, {"rule train": settings.plain(), CONTENT: _content(settings.data)})
        self._resume()

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return not dist.is_initialized() or dist.get_rank() == 0

    def run(self, interval: float | None = None) -> Iterator[MetaUpdate]:
        """Meta-train to the end; the rule and its card are written at the end.

        Args:
            interval: seconds between two checkpoints; None: `checkpoint_seconds()`. All ranks save after the same
                update: rank 0 decides.

        Raises:
            Terminated: SIGTERM or SIGHUP came; a checkpoint was written.
        """
        begun, before = time.monotonic(), self.seconds
        interval = checkpoint_seconds() if interval is None else interval
        saved = begun
        with checkpointing() as end_if_asked:
            for progress in self.trainer.run():
                self.losses.append(progress.loss)
                self.seconds = before + time.monotonic() - begun
                due = requested() is not None or time.monotonic() - saved >= interval
                if _agreed(due) and progress.update < self.settings.updates:
                    self._save()
                    saved = time.monotonic()
                    end_if_asked()
                yield progress
        self._save()
        if self.leads:
            self._finish()

    def _finish(self) -> None:
        with self.trainer.averaged() as rule:
            assert isinstance(rule, Learned)
            card = self.card()
            save_rule(rule, self.out / RULE, card)
        write_text(self.out / "card.json", json.dumps(card, indent=1) + "\n")

    def card(self) -> dict[str, Any]:
        """What the rule was made from and how."""
        tail = self.losses[-100:]
        return {
            "settings": portable(self.settings),
            "meta_parameters": sum(p.numel() for p in self.rule.parameters()),
            "meta_trained_on": list(self.trainer.maker.sampler.mix),
            "meta_validated_on": list(META_VALIDATION),
            "meta_tested_on": list(META_TEST),
            "seconds": round(self.seconds, 1),
            "last_objective": round(sum(tail) / max(len(tail), 1), 4),
            "groups_dropped": self.trainer.dropped,
            "coefficients": {k: round(v, 3) for k, v in self.rule.coefficients().items()},
            "formula": self.rule.formula(),
            "torch": torch.__version__,
            "notes": self.notes,
        }

    def _sampler(self) -> TaskSampler:
        settings, arrays = self.settings, {}
        mix = settings.families
        if mix.get("cifar10"):
            arrays["cifar10"] = cifar10_family(settings.root)
        for file in settings.data:
            name = Path(file).stem
            arrays[name] = family_of(file)
            mix.setdefault(name, 0.3)
        return TaskSampler(
            mix=mix,
            arrays=arrays,
            side=settings.side,
            classes=settings.classes,
            kinds=settings.kinds,
            hidden=settings.hidden,
            activations=settings.activations,
            embedding=settings.embedding,
            extra=settings.extra,
        )

    def _arrived(self, sampler: TaskSampler) -> None:
        for file in sorted(Path(self.settings.watch or ".").glob("*.npz")):
            if file.name not in self.seen:
                self.seen.add(file.name)
                sampler.add(file.stem, family_of(str(file)), 0.3)
                self.notes.append(f"{file.name} joined at update {self.trainer.update}")

    def _checkpoint(self) -> Path:
        place = dist.get_rank() if dist.is_initialized() else 0
        return self.out / (CHECKPOINT if place == 0 else f"checkpoint.{place}.pt")

    def _save(self) -> None:
        """Write this rank's checkpoint; with several ranks the one before is kept, for ranks that were killed apart."""
        file = self._checkpoint()
        if dist.is_initialized() and file.is_file():
            file.replace(file.with_suffix(FORMER))
        saved = {
            "settings": json.dumps(self.settings.plain(), sort_keys=True),
            "trainer": self.trainer.state_dict(),
            "seconds": self.seconds,
            "losses": self.losses,
            "seen": sorted(self.seen),
        }
        write_state(file, saved)

    def _resume(self) -> None:
        """Start where every rank has a checkpoint: at the newest update that all of them saved, or afresh."""
        file = self._checkpoint()
        found = [self._read(path) for path in (file, file.with_suffix(FORMER)) if path.is_file()]
        by_update = {saved["trainer"]["update"]: saved for saved in found if saved is not None}
        common = set.intersection(*_everywhere(set(by_update)))
        if not common:
            if by_update:
                self.notes.append("the ranks' checkpoints share no update: training started again")
            return
        saved = by_update[max(common)]
        if isinstance(self.trainer.estimator, PersistentES):
            raise RunError(
                "A run with persistent ES cannot be resumed", do="Choose another --out, or start anew."
            )
        for name in saved["seen"]:
            self.seen.add(name)
            watched = Path(self.settings.watch or ".") / name
            self.trainer.maker.sampler.add(watched.stem, family_of(str(watched)), 0.3)
        self.trainer.load_state_dict(saved["trainer"])
        self.seconds, self.losses = saved["seconds"], saved["losses"]

    def _read(self, file: Path) -> dict[str, Any] | None:
        """A checkpoint of this very run; None where it is damaged, after it was set aside.

        Raises:
            RunError: It belongs to a run with other settings.
        """
        try:
            saved = read_state(file)
        except DamagedError as error:
            self.notes.append(f"{error} It was renamed to {set_aside(file).name}.")
            return None
        if saved["settings"] != json.dumps(self.settings.plain(), sort_keys=True):
            raise RunError(
                f"The folder {self.out} holds a run with other settings", do="Choose another --out."
            )
        return saved


def _agreed(due: bool) -> bool:
    """Rank 0's answer, on every rank; a signal that reaches another rank alone is seen there at the next save."""
    if not dist.is_initialized():
        return due
    flag = torch.tensor([due])
    dist.broadcast(flag, src=0)
    return bool(flag.item())


def _everywhere(updates: set[int]) -> list[set[int]]:
    """The same set of every rank."""
    if not dist.is_initialized():
        return [updates]
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, updates)
    return found


def _content(files: Sequence[str]) -> str:
    """The SHA-256 of the user's own files."""
    total = hashlib.sha256()
    for file in files:
        total.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return total.hexdigest()


def portable(settings: TrainSettings) -> dict[str, Any]:
    """The settings without the places of files, for the card: names instead of paths."""
    found = {key: value for key, value in settings.plain().items() if key not in ("root", "watch")}
    return {**found, "data": [Path(file).name for file in settings.data]}
