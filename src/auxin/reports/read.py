"""Read a comparison's result files back, and refuse those that do not belong together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auxin.errors import RunError
from auxin.judging.verdict import check_comparable
from auxin.records.results import Comparison, RunResult
from auxin.store import read_json


@dataclass(frozen=True)
class Results:
    """A comparison and the runs behind it.

    Attributes:
        comparison: The verdicts.
        runs: The reported runs (not those that chose settings), in the comparison's order of methods, then by
            seed.
        folder: Where they were read from.
        places: Each run's folder, by method and seed.
    """

    comparison: Comparison
    runs: list[RunResult]
    folder: Path
    places: Mapping[tuple[str, int], Path] = field(default_factory=dict)

    def of(self, method: str) -> list[RunResult]:
        """The runs of one method, by seed."""
        return [run for run in self.runs if run.method == method]


def read_results(folder: Path) -> Results:
    """The comparison in a folder.

    Raises:
        RunError: There is no comparison, a file is corrupt, or a run's rows differ from those that were
            compared.
    """
    file = folder / "comparison.json"
    if not file.exists():
        raise RunError(
            f"There is no comparison in {folder}",
            expected="a folder that `auxin compare --out` wrote",
            do="Give that folder, or run `auxin compare` again to finish it",
        )
    comparison = read_json(file, Comparison)
    phase = "confirm" if comparison.half == "confirmation" else "final"
    order = [row.method for row in comparison.rows]
    found = {path: read_json(path, RunResult) for path in sorted((folder / "runs").glob("**/result.json"))}
    own = {
        path: run
        for path, run in found.items()
        if run.phase == phase and run.method in order and run.seed in comparison.seeds
    }
    runs = sorted(own.values(), key=lambda run: (order.index(run.method), run.seed))
    _check(comparison, runs, file)
    places = {(run.method, run.seed): path.parent for path, run in own.items()}
    return Results(comparison, runs, folder, places)


def _check(comparison: Comparison, runs: list[RunResult], file: Path) -> None:
    if not runs:
        return
    check_comparable(runs)
    for run in runs:
        compared = comparison.split_hashes.get(run.seed)
        if compared != run.split_hash:
            raise RunError(
                f"{run.method} with seed {run.seed} is not the run that was compared in {file}",
                expected=f"split {compared}",
                found=f"split {run.split_hash}",
                do="Run the comparison again in a new folder",
            )
