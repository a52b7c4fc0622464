"""The implementation of `auxin probe`: progress, ranking, and figure."""

from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.reports.probe_table import draw, terminal
from auxin.requests.probe import ProbeRequest
from auxin.runs.executors import executor_of
from auxin.studies.engine import Progress, run_study
from auxin.studies.presets import DIGITS_LABELS
from auxin.studies.probe import ProbeStudy


def run(request: ProbeRequest, output: Output) -> None:
    """Probe, and show the ranking and the paths of the files."""
    request, out = request.model_copy(update={"out": request.folder}), request.folder
    split = request.split
    if request.data.name == "digits" and split.labels_per_class is None and split.fraction is None:
        split = split.model_copy(update={"labels_per_class": DIGITS_LABELS})
        request = request.model_copy(update={"split": split})
        output.print(
            f"  The digits data set uses {DIGITS_LABELS} labels per class by default, held-out rows included "
            f"(--labels-per-class {DIGITS_LABELS})."
        )
    study = ProbeStudy(request)
    output.print(f"  The output folder is {out}. Run the same command to resume.")
    with progress(output) as show:

        def notify(event: Progress | str) -> None:
            if isinstance(event, Progress):
                show(event.phase, event.done, event.total, left=event.left)

        result = run_study(study, executor_of(request.compute), notify)
    output.print("", terminal(result), "")
    output.print(f"Result files: {out}. Figure of the ranking: {draw(result, out)}.")
    output.result(result)
