"""The implementation of `auxin fit`: progress, and the final report."""

from rich.table import Table

from auxin.cli._console import Output
from auxin.cli._progress import progress
from auxin.exported.card import TrainingRecord
from auxin.exported.model import Model
from auxin.judging import wording
from auxin.requests.fit import FitRequest
from auxin.studies.engine import Progress
from auxin.studies.fit import Fitting
from auxin.studies.fit_job import EpochProgress

FEW = 50
"""With fewer validation rows than this, a note warns that methods are hard to tell apart."""


def run(request: FitRequest, output: Output, begun: float) -> None:
    """Fit a model and report the result; `begun` is when the command began, by `time.monotonic`."""
    with progress(output) as show:

        def notify(event: Progress | EpochProgress | str) -> None:
            if isinstance(event, EpochProgress):
                phase = "training" if event.phase == "run" else f"training {event.phase}"
                event = Progress(phase, event.epoch, event.epochs)
            show(event)

        fitting = Fitting(request, notify, begun)
        output.print(f"  The output folder is {request.folder}.")
        for sentence in _rows(fitting):
            show(sentence)
        found = fitting.run()
    model, log_loss = (found, None) if isinstance(found, Model) else (found.model, found.log_loss)
    if model is found:
        output.print(
            "  This model is already finished and is not trained again. Choose another --out to train a new one."
        )
    _show(model, request, output, log_loss)
    output.result({"model": str(request.folder), "training": model.training.model_dump(mode="json")})


def _rows(fitting: Fitting) -> list[str]:
    """Return sentences on the use of the rows and on the compared methods."""
    sizes = fitting.splits.sizes
    if fitting.searches:
        return [*_searched(sizes, fitting.request.max_rows), "An interrupted search begins anew."]
    parts = [f"{sizes['train']:,} training", f"{sizes['validation']:,} validation"]
    if sizes["unlabelled"]:
        parts.insert(1, f"{sizes['unlabelled']:,} without a main label (for auxiliary tasks)")
    if sizes["development"]:
        parts.append(f"{sizes['development']:,} test, {sizes['confirmation']:,} sealed test")
    sentences = [f"Rows: {', '.join(parts)}.", "If this is interrupted, the same command resumes it."]
    if len(fitting.compared) > 1:
        sentences.append(f"Compared on validation: {', '.join(fitting.compared)}.")
        if sizes["validation"] < FEW:
            sentences.append(
                f"With {sizes['validation']:,} validation rows, methods are hard to tell apart; ties keep single-task "
                "training. `auxin compare` compares methods on test rows; --method NAME --no-guard keeps NAME."
            )
    return sentences


def _searched(sizes: dict[str, int], most: int) -> list[str]:
    """Return sentences on the use of the rows where candidates are cross-validated, at most so many of each kind."""
    every, others = sizes["train"] + sizes["validation"], sizes["unlabelled"]
    labelled = f"{every:,}" if every <= most else f"about {most:,} of the {every:,}"
    final = "the final model is trained on all of these"
    sentences = [f"Candidates are cross-validated on {labelled} labelled rows; {final}."]
    if others:
        part = f"{others:,}" if others <= most else f"{most:,} of the {others:,}"
        sentences.append(f"{part} rows without a main label train the candidates that can use them.")
    if sizes["development"]:
        sealed = f"{sizes['confirmation']:,} that stay sealed"
        sentences.append(f"Test rows: {sizes['development']:,}, and {sealed}.")
    return sentences


def _show(model: Model, request: FitRequest, output: Output, log_loss: tuple[float, float] | None) -> None:
    record, decision = model.training, model.training.decision
    if record.advice:  # of the search
        assert decision is not None
        output.print("", _table(decision.validation, "", record.metric, "cross-validated"), "")
        for sentence in record.advice:
            output.print(f"  {sentence}")
        files = "model.json and weights"
    else:
        _show_training(record, output)
        files = "model.json, weights.safetensors"
    if record.test is not None:
        rows = f"{record.rows['development']:,} test rows that were not used for selection"
        value = wording.stated(record.test, record.metric)
        output.print(f"  Test {wording.name(record.metric)}: {value}, on {rows}.")
    elif not record.advice:
        output.print("  No rows were held out for a test. --test 0.2 holds out a fifth.")
    if log_loss is not None:
        before, after = log_loss
        heat = model.predictor.temperature
        output.print(
            f"  Calibration: temperature {heat:.2f}; validation log loss {before:.4f} before, {after:.4f} after."
        )
    output.print(f"\n{request.folder}: {files}. Next: auxin predict {request.folder} DATA")


def _show_training(record: TrainingRecord, output: Output) -> None:
    """Show which network was kept, why, and its score on the validation rows."""
    decision = record.decision
    if decision is not None and len(decision.validation) > 1:
        output.print("", _table(decision.validation, decision.kept, record.metric))
    weights = f", with the weights after epoch {record.epoch} of {record.epochs}."
    output.heading(f"\nKept: {record.method}", weights)
    if decision is not None:
        output.print(f"  {decision.why}")
    if record.validation is not None:
        value = wording.stated(record.validation, record.metric)
        trained = (
            "The network was not trained on them"
            if record.settings.get("patience") is not None
            else "The network was then retrained on all labelled rows"
        )
        output.print(
            f"  Validation {wording.name(record.metric)}: {value}, on rows that were not used for training. This "
            f"estimate is slightly optimistic: the same rows chose the method and the settings. {trained}."
        )


def _table(scores: dict[str, float], kept: str, metric: str, source: str = "validation") -> Table:
    table = Table("method", f"{wording.title(metric)}, {source}", box=None, padding=(0, 2, 0, 1))
    for name, value in sorted(scores.items(), key=lambda pair: -pair[1]):
        table.add_row(name, wording.score(value, metric), style="bold" if name == kept else "")
    return table
