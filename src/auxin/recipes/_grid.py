"""A table of runs: every method of a sheet on every data set of it, each over seeds, and its verdicts."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from auxin.errors import DataError
from auxin.judging.paired import paired
from auxin.methods import resolve
from auxin.recipes._pictures import WORDS, pictures, plain, row_name
from auxin.recipes._sheet import PAPERS, Sheet, read_sheet, tiny
from auxin.recipes._summary import by_seed, claims, common, equal_rows, line, with_difference
from auxin.records.recipe import Claim, RecipeRow
from auxin.records.results import RunResult
from auxin.requests.data import DataSpec, SplitSpec
from auxin.runs.environment import pick_device
from auxin.runs.rows import load_data, split_rows
from auxin.runs.run import RESULT, RunSpec, execute, rebuild, score_rows
from auxin.runs.settings import layered
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome


class GridRecipe(Recipe):
    """A recipe whose pieces are the runs of a sheet. A TOML file of the folder is a subclass with its sheet.

    Attributes:
        sheet: What is run.
    """

    takes_rows = True
    sheet: Sheet

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every method on every data set, seed after seed.

        The tiny run has one seed: every method on the first data set, and the last method on each further data set of
        another name.
        """
        at_hand = [data for data in self.sheet.data if smoke or self._missing(data) is None]
        if not at_hand:
            self._folder(next(iter(self.sheet.data)))
        names = [self.sheet.data[data].name for data in at_hand]
        others = [data for i, data in enumerate(at_hand) if names.index(names[i]) == i]
        return [
            Piece(
                f"{plain(data)}-{plain(method)}-seed-{seed}",
                {
                    "data": data,
                    "method": method,
                    "seed": seed,
                    "rows": self.size.rows,
                    "smoke": smoke,
                    "cell": self._mark(data, method),
                },
            )
            for seed in self.seeds(self.sheet.seeds, smoke)
            for data in at_hand
            for method in self.sheet.methods
            if not smoke or data == at_hand[0] or (data in others and method == list(self.sheet.methods)[-1])
        ]

    def needs_of(self, piece: Piece) -> list[str]:
        """The data set of the piece's cell."""
        name = self.sheet.data[str(piece.settings["data"])].name
        return [] if name == "digits" else [name]

    def run(self, piece: Piece) -> PieceResult:
        """One training, from its settings and the sheet."""
        spec = self.spec(piece)
        weights = Path(spec.folder) / "network.safetensors"
        if spec.keep_weights and not weights.exists():  # a run that was killed after its weights were deleted
            (Path(spec.folder) / RESULT).unlink(missing_ok=True)
        result = execute(spec)
        values = {self.sheet.metrics[0]: _score(result)}
        if len(self.sheet.metrics) > 1:
            built, splits = rebuild(spec)
            for metric in self.sheet.metrics[1:]:
                values[metric] = score_rows(built, splits.development, metric)[0]
            weights.unlink(missing_ok=True)
        values |= result.label_measures
        values |= {"seconds": result.seconds, "epochs": len(result.epochs)}
        curves = _curves(result, self.sheet.figure.measure)
        values |= {name: curve[-1] for name, curve in curves.items()}
        notes = [*([] if piece.smoke else self._small(spec)), *result.warnings]
        return PieceResult(values, curves, notes=notes)

    def spec(self, piece: Piece) -> RunSpec:
        """The run behind a piece."""
        sheet, wanted = self.sheet, piece.settings
        data, row = sheet.data[str(wanted["data"])], sheet.methods[str(wanted["method"])]
        name = row.method or str(wanted["method"])
        folder = None if data.name == "digits" else str(self.data(data.name))
        where = DataSpec.model_validate({"name": data.name, "root": folder, **data.options})
        dataset = load_data(where)
        user = {**sheet.settings, **data.settings, **row.settings}
        split = SplitSpec.model_validate({"validation": 0.0, **data.split, **row.split})
        if piece.smoke:
            user = tiny(user, dataset.modality)
            few = 0.1 if data.name == "digits" else None  # the others read fixtures of a few rows
            split = SplitSpec(fraction=few, validation=0.25, auxiliary=0.25, test=split.test)
        if wanted["rows"]:
            split = _at_most(where, split, piece.number("rows"), piece.seed)
        settings = layered(dataset.name, dataset.modality, resolve(name), sheet.preset, user, {})
        place = str(self.folder / "runs" / piece.name)
        return RunSpec(
            where,
            split,
            name,
            "final",
            "final",
            settings,
            piece.seed,
            place,
            sheet.metrics[0],
            keep_weights=len(sheet.metrics) > 1,
            device=pick_device("auto"),
        )

    def _small(self, spec: RunSpec) -> list[str]:
        """A sentence if the data at hand are only a part of those of the paper."""
        part = next(p for p in self.sheet.data.values() if p.name == spec.data.name)
        have = int((~load_data(spec.data).official_test).sum())
        if part.rows is None or have >= part.rows:
            return []
        return [f"Stand-in: {have:,} of the {part.rows:,} training rows of {part.name} are at hand."]

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """A line per cell and metric, the verdicts, and the picture."""
        sheet = self.sheet
        rows = [
            row
            for measure in (*sheet.metrics, *sheet.measures)
            for data in sheet.data
            for method in sheet.methods
            if (row := self._row(measure, data, method, done)) is not None
        ]
        notes = [f"Length: {sheet.length}"]
        if any(row.difference is not None for row in rows):
            notes.append(f"Differences are to {sheet.reference}, paired over seeds, with 95 % intervals.")
        notes += [sentence] if (sentence := self.left_out()) else []
        notes += equal_rows(d.found for d in done.values())
        return RecipeOutcome(rows, self._claims(done), pictures(sheet, rows, done), notes)

    def left_out(self) -> str:
        """The data sets of the sheet that are not at hand."""
        absent = {
            self.sheet.data[data].name: None for data in self.sheet.data if self._missing(data) is not None
        }
        return (
            f"Left out, since --root contains no folder of this name: {', '.join(absent)}." if absent else ""
        )

    def _claims(self, done: Mapping[str, FinishedPiece]) -> list[Claim]:
        """The paper's sentences, judged by the paired difference on each data set."""
        found = []
        for claim in self.sheet.claims:
            factor = self.sheet.factor if claim.metric in self.sheet.metrics else 1.0
            for data in self.sheet.data:
                a, b = (
                    by_seed(done, claim.metric, data=data, method=method)
                    for method in (claim.better, claim.worse)
                )
                what = WORDS.get(claim.metric, claim.metric)
                words = f"{data}: {claim.better} minus {claim.worse} in {what} "
                found += claims(claim.text, words, a, b, factor, lower=claim.lower)
        return found

    def _folder(self, data: str) -> Path | None:
        name = self.sheet.data[data].name
        return None if name == "digits" or self.environment is None else self.data(name)

    def _missing(self, data: str) -> DataError | None:
        """Why a data set cannot take part; None where it can."""
        try:
            self._folder(data)
        except DataError as error:
            return error
        return None

    def _row(
        self, measure: str, data: str, method: str, done: Mapping[str, FinishedPiece]
    ) -> RecipeRow | None:
        """A line of the table, of a metric beside the paper's number and with its difference to the reference."""
        sheet, name = self.sheet, row_name(self.sheet, measure, data, method)
        own, base = (by_seed(done, measure, data=data, method=m) for m in (method, sheet.reference))
        if not own:
            return None
        if measure not in sheet.metrics:
            return line(name, list(own.values()))
        numbers = sheet.numbers.get(measure, {}).get(data, {})
        number, error = _number(numbers.get(method))
        found = line(name, list(own.values()), sheet.unit, number, error, sheet.factor)
        if not sheet.reference or method == sheet.reference:
            return found
        a, b = common(own, base)
        if not a:
            return found
        against, _ = _number(numbers.get(sheet.reference))
        gap = paired(np.multiply(a, sheet.factor), np.multiply(b, sheet.factor))
        theirs = number - against if number is not None and against is not None else None
        return with_difference(found, gap, theirs)

    def _mark(self, data: str, method: str) -> str:
        """A hash of what the cell's runs depend on, so that pieces of an earlier sheet are not reused."""
        sheet = self.sheet
        content = repr((sheet.preset, sheet.settings, sheet.data[data], sheet.methods[method], sheet.metrics))
        return sha256(content.encode()).hexdigest()[:12]


@cache
def from_sheet(file: Path) -> type[GridRecipe]:
    """The recipe that a TOML file describes.

    Raises:
        ConfigError: everything that is wrong with the file.
    """
    sheet = read_sheet(file)
    about = {
        "sheet": sheet,
        "paper": replace(PAPERS[sheet.paper], place=sheet.place),
        "title": sheet.title,
        "stand_in": sheet.stand_in,
        "minutes": sheet.minutes,
        "departures": tuple(sheet.departures),
        "__doc__": sheet.title,
        "__module__": f"auxin.recipes.{file.stem}",
    }
    return type(file.stem.title().replace("_", ""), (GridRecipe,), about)


def _at_most(where: DataSpec, split: SplitSpec, rows: int, seed: int) -> SplitSpec:
    """The split with at most so many training rows."""
    have = len(split_rows(where, split, seed, refit=False).train)
    if have <= rows:
        return split
    fraction = (split.fraction or 1.0) * rows / have
    return split.model_copy(update={"labels_per_class": None, "fraction": fraction})


def _score(result: RunResult) -> float:
    found = result.scores.development
    return float("nan") if found is None else found


def _curves(result: RunResult, measure: str) -> dict[str, list[float]]:
    """A measure over epochs; of several of that beginning (a cosine per task), their mean."""
    curve = []
    for epoch in result.epochs:
        own = {"validation": epoch.validation, "train_loss": epoch.train_loss, **epoch.measures}
        values = [v for n, v in own.items() if n.startswith(measure) and v is not None]
        if values:
            curve.append(float(np.mean(values)))
    return {measure: curve} if curve else {}


def _number(number: float | list[float] | None) -> tuple[float | None, float | None]:
    if number is None:
        return None, None
    return (number[0], number[1]) if isinstance(number, list) else (number, None)
