"""Estimate which auxiliary tasks would help, before training on them (AuxiLearn, Proposition 1)."""

from auxin.cli._console import Output
from auxin.requests.probe import ProbeRequest


def probe(request: ProbeRequest, output: Output) -> None:
    """Estimate which candidate auxiliary tasks would help, before training on them.

    A network is trained on the main task, and each candidate's head is fitted on the frozen trunk. Proposition 1 of
    AuxiLearn then gives the derivative of the held-out main loss by the candidate's weight, at weight zero: a negative
    score means that the candidate helps. Random labels are scored too, as a reference. docs/auxilearn.md explains the
    limits of the score.

    [bold]Examples[/bold]

        auxin probe digits
        auxin probe cifar100 --root DIR --level 20:100 --labels-per-class 10
        auxin probe table.csv --target price --aux rent,area --seeds 5
    """
    output.heading("auxin probe", f"  {request.data.name}")  # before the slow import of torch
    from auxin.cli._progress import progress
    from auxin.reports.probe_table import draw, terminal
    from auxin.runs.executors import executor_of
    from auxin.studies.engine import run_study
    from auxin.studies.presets import labels_of_digits
    from auxin.studies.probe import ProbeStudy

    out = request.folder
    split, decided = labels_of_digits(request.data, request.split, "held-out")
    for sentence in decided:
        output.print(f"  {sentence}")
    study = ProbeStudy(request.model_copy(update={"out": out, "split": split}))
    output.print(f"  The output folder is {out}. Run the same command to resume.")
    with progress(output) as notify:
        result = run_study(study, executor_of(request.compute), notify)
    output.print("", terminal(result), "")
    output.print(f"Result files: {out}. Figure of the ranking: {draw(result, out)}.")
    output.result(result)
