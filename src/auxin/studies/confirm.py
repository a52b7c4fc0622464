"""Open the second half of the test rows: once per claim, and record the configuration it was opened for."""

import hashlib
from pathlib import Path

from auxin.errors import RunError
from auxin.judging.verdict import judge
from auxin.records.results import Comparison, RunResult, Scores
from auxin.requests.compare import CompareRequest
from auxin.runs.predictions import MainPredictions
from auxin.runs.rows import RunSpec
from auxin.runs.run import rebuild, score_rows
from auxin.store import read_json, write_json
from auxin.studies.compare import CompareStudy

NAME = "confirmation.json"


def confirm(request: CompareRequest) -> Comparison:
    """Judge a finished comparison on its confirmation rows.

    The trained networks of the final runs are read back; nothing is trained and nothing is chosen any more. The
    result is written beside the comparison, and a second call reads it back instead of looking again.

    Raises:
        RunError: The comparison is not finished or is one of other data or settings, or a network is not there, or the
            comparison changed since the confirmation rows were opened.
    """
    file, source = request.folder / NAME, request.folder / "comparison.json"
    do = "Run the same command without --confirm first"
    if not source.exists():
        raise RunError(f"There is no finished comparison in {request.folder}", do=do)
    comparison = read_json(source, Comparison)
    if not comparison.finished:
        raise RunError("The comparison is not finished", do=do)
    digest = _digest(comparison)
    job = CompareStudy(request, lambda _: None)  # the folder is claimed, and its data and settings compared
    if file.exists():
        return _again(file, digest)
    job.chosen = {row.method: (dict(row.settings), row.validation or 0.0) for row in comparison.rows}
    finals = [job.final(row.method, seed) for seed in comparison.seeds for row in comparison.rows]
    pairs = [_confirmed(spec) for spec in finals]
    opened = f"The confirmation rows were opened once, for the comparison with digest {digest}."
    confirmed = judge(
        [run for run, _ in pairs],
        predictions={(run.method, run.seed): found for run, found in pairs if found is not None},
        validation={row.method: row.validation for row in comparison.rows if row.validation is not None},
        controls=[row.method for row in comparison.rows if row.role != "method"],
        twins={row.method: row.versus_twin.reference for row in comparison.rows if row.versus_twin},
        half="confirmation",
        chance=job.chance("confirmation"),
        splits=comparison.splits,
        tries=comparison.tries,
        cuts=comparison.cuts,
        notes=[*comparison.notes, opened],
        command=request.command,
        versions=comparison.versions,
        hardware=comparison.hardware,
        finished=True,
    )
    write_json(file, confirmed)
    return confirmed


def _again(file: Path, digest: str) -> Comparison:
    found = read_json(file, Comparison)
    if not any(digest in note for note in found.notes):
        raise RunError(
            f"The confirmation rows have already been opened for another version of this comparison: {file}",
            do="Collect new test rows: a changed comparison is a new claim, and a claim is confirmed once",
        )
    return found


def _digest(comparison: Comparison) -> str:
    rows = [
        (row.method, sorted(row.settings.items(), key=str), sorted(row.scores.items()))
        for row in comparison.rows
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def _confirmed(spec: RunSpec) -> tuple[RunResult, MainPredictions | None]:
    """The run's result with its score on the confirmation rows, and its predictions; a diverged run stays diverged."""
    result = read_json(Path(spec.folder) / "result.json", RunResult)
    development = result.scores.development
    if development is None or development != development:
        lost = {"phase": "confirm", "scores": Scores(confirmation=float("nan"))}
        return result.model_copy(update=lost), None
    built, splits = rebuild(spec)
    score, shares, found = score_rows(built, splits.confirmation, spec.metric)
    scores = Scores(development=development, confirmation=score)
    update = {"phase": "confirm", "scores": scores, "correct": {"confirmation": shares} if shares else {}}
    return result.model_copy(update=update), found
