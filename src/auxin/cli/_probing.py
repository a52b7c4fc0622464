"""The work behind `auxin probe`: words to a request, progress, the ranking, the figure."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxin.catalogue import unknown
from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.errors import ConfigError, message
from auxin.reports.probe_table import draw, terminal
from auxin.runs.executors import Executor
from auxin.runs.rows import DataSpec, SplitSpec
from auxin.runs.settings import parse
from auxin.studies.engine import Progress
from auxin.studies.probe import ProbeRequest, probe
from auxin.studies.probe_seed import How
from auxin.studies.request import pick_device


@dataclass(frozen=True)
class Asked:
    """The arguments of `auxin probe`, as typed."""

    data: str
    root: Path | None
    options: dict[str, Any]
    pretexts: str
    split: tuple[int | None, float | None, float]
    seeds: int
    how: dict[str, Any]
    settings: tuple[str, ...]
    device: str
    out: Path | None
    command: str


def run(asked: Asked, output: Output, executor: Executor) -> None:
    """Probe, show the ranking, say where the files are."""
    request = _request(asked, output)
    output.say(f"  results in {request.out}. Run the same command to resume.")
    with progress(output) as show:

        def tell(event: Progress | str) -> None:
            if isinstance(event, Progress):
                show(event.phase, event.done, event.total)

        result = probe(request, tell, executor)
    output.say("", terminal(result), "")
    output.say(f"Result files: {request.out}. The ranking as a figure: {draw(result, request.out)}.")
    output.result(result)


def _request(asked: Asked, output: Output) -> ProbeRequest:
    labels, fraction, validation = asked.split
    if asked.data == "digits" and labels is None and fraction is None:
        labels = 10
        output.say("  digits with 10 labels per class, the held-out rows' included (--labels-per-class 10).")
    options = tuple(sorted((k, v) for k, v in asked.options.items() if v is not None))
    return ProbeRequest(
        data=DataSpec(asked.data, str(asked.root) if asked.root else None, options),
        split=SplitSpec(labels, fraction, validation),
        out=asked.out or Path("runs") / _name(asked),
        seeds=asked.seeds,
        how=_how(asked.how),
        pretexts=tuple(name.strip() for name in asked.pretexts.split(",") if name.strip()),
        settings=parse(asked.settings),
        device=pick_device(asked.device),
        command=asked.command,
    )


def _how(words: dict[str, Any]) -> How:
    for name, known in (("over", ["shared", "network"]), ("curvature", ["gauss_newton", "hessian"])):
        if words[name] not in known:
            raise ConfigError(unknown(name, words[name], known))
    for name, least in (("steps", 1), ("rows", 2), ("batches", 2)):
        if words[name] < least:
            raise ConfigError(
                message(f"--{name} is too small", expected=f"at least {least}", found=str(words[name]))
            )
    return How(**words)


def _name(asked: Asked) -> str:
    """A folder's name that is the same for the same question, so that the same command goes on."""
    told = [asked.data, asked.root, asked.options, asked.pretexts, asked.split, asked.seeds, asked.how]
    digest = hashlib.sha256(repr([*told, asked.settings]).encode()).hexdigest()[:8]
    return f"probe-{Path(asked.data).stem}-{digest}"
