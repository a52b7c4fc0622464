"""The implementation of `auxin probe`: request, progress, ranking, and figure."""

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
from auxin.studies.probe_seed import ProbeSettings
from auxin.studies.request import pick_device


@dataclass(frozen=True)
class ProbeArguments:
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


def run(arguments: ProbeArguments, output: Output, executor: Executor) -> None:
    """Probe, and show the ranking and the paths of the files."""
    request = _request(arguments, output)
    output.say(f"  Results are saved in {request.out}. Run the same command to resume.")
    with progress(output) as show:

        def tell(event: Progress | str) -> None:
            if isinstance(event, Progress):
                show(event.phase, event.done, event.total)

        result = probe(request, tell, executor)
    output.say("", terminal(result), "")
    output.say(f"Result files: {request.out}. Figure of the ranking: {draw(result, request.out)}.")
    output.result(result)


def _request(arguments: ProbeArguments, output: Output) -> ProbeRequest:
    labels, fraction, validation = arguments.split
    if arguments.data == "digits" and labels is None and fraction is None:
        labels = 10
        output.say(
            "  The digits data set uses 10 labels per class by default, held-out rows included (--labels-per-class 10)."
        )
    options = tuple(sorted((k, v) for k, v in arguments.options.items() if v is not None))
    return ProbeRequest(
        data=DataSpec(arguments.data, str(arguments.root) if arguments.root else None, options),
        split=SplitSpec(labels, fraction, validation),
        out=arguments.out or Path("runs") / _name(arguments),
        seeds=arguments.seeds,
        how=_settings(arguments.how),
        pretexts=tuple(name.strip() for name in arguments.pretexts.split(",") if name.strip()),
        settings=parse(arguments.settings),
        device=pick_device(arguments.device),
        command=arguments.command,
    )


def _settings(words: dict[str, Any]) -> ProbeSettings:
    for name, known in (("over", ["shared", "network"]), ("curvature", ["gauss_newton", "hessian"])):
        if words[name] not in known:
            raise ConfigError(unknown(name, words[name], known))
    for name, least in (("steps", 1), ("rows", 2), ("batches", 2)):
        if words[name] < least:
            raise ConfigError(
                message(f"--{name} is too small", expected=f"at least {least}", found=str(words[name]))
            )
    return ProbeSettings(**words)


def _name(arguments: ProbeArguments) -> str:
    """Return a folder name that depends on the study's arguments only, so that the same command resumes."""
    values = [
        arguments.data,
        arguments.root,
        arguments.options,
        arguments.pretexts,
        arguments.split,
        arguments.seeds,
        arguments.how,
    ]
    digest = hashlib.sha256(repr([*values, arguments.settings]).encode()).hexdigest()[:8]
    return f"probe-{Path(arguments.data).stem}-{digest}"
