"""What a user asks `compare` for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from auxin.errors import ConfigError, message
from auxin.records.results import Setting
from auxin.runs.rows import DataSpec, SplitSpec


@dataclass(frozen=True)
class Request:
    """What a user asks `compare` for.

    Attributes:
        data: which data.
        split: how rows get their roles.
        methods: their names; "all" stands for every method that can run on the data, "usual" for
            those that suit the data (`auxin.studies.lineup.usual`).
        out: the folder of the result files; the same folder again goes on.
        preset: "auxin" (the honest protocol) or "paper" (the published one).
        settings: the user's own, above every default.
        seeds: how many seeds are reported.
        tries: settings tried per method on validation; 1 tries none; None: four, or none where the validation rows are
            too few to tell settings apart.
        tuning_seeds: seeds over which a try is averaged.
        metric: the user's, or None for the main task's default.
        budget: wall seconds, or None.
        jobs: units computed side by side.
        engine: where they are computed (`auxin.runs.executors.pick`).
        address: of a Ray cluster, or None.
        device: "cpu", "cuda" ...
        refit: whether the final runs train on the validation rows too.
        twins: whether the untrained twins of learned methods are run too.
        command: the command line that does it again.
    """

    data: DataSpec
    split: SplitSpec
    methods: tuple[str, ...]
    out: Path
    preset: str = "auxin"
    settings: Mapping[str, Setting] = field(default_factory=dict)
    seeds: int = 5
    tries: int | None = None
    tuning_seeds: int = 2
    metric: str | None = None
    budget: float | None = None
    jobs: int = 1
    engine: str = "auto"
    address: str | None = None
    device: str = "cpu"
    refit: bool = True
    twins: bool = True
    command: str = ""


def pick_device(asked: str) -> str:
    """The device to run on; "auto" is a CUDA device where there is one.

    Raises:
        ConfigError: PyTorch has no such device here.
    """
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=asked)
    except (RuntimeError, AssertionError) as error:
        here = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        raise ConfigError(
            message("The device is not available", expected=f"auto or one of: {here}", found=repr(asked))
        ) from error
    return asked
