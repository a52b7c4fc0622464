"""Accuracy over meta-training on images and on text: continued improvement against over-fitting."""

import shutil
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from auxin.paper import UPDATE_RULES
from auxin.recipes import _rules
from auxin.recipes._pictures import lines
from auxin.recipes._summary import below, curves_of, difference, line, rank_correlation, values_of
from auxin.records.recipe import Claim
from auxin.requests.rule import TrainSettings
from auxin.rules.train import RuleRun
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome
from auxin.update_rules.learned import Learned

LOOKS = 8
SETS = ("digits", "imdb")


class MetzFigure3(Recipe):
    """A small rule is meta-trained on drawn tasks; it is evaluated at intervals on digits and on IMDB.

    The paper sees images improve to the end of 200 hours, and text best after 30 hours.
    """

    paper = replace(UPDATE_RULES, place="figure 3, over meta-training")
    title = "Accuracy over meta-training, on images and on text"
    stand_in = "Minutes of meta-training on drawn tasks in the place of 200 hours on image sets."
    needs = ("imdb",)
    minutes = 40.0
    departures = (
        "The paper gives the curves without numbers.",
        "Digits are a development set of auxin's recipe for rules.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """A meta-training per seed."""
        updates = LOOKS if smoke else 800
        return self.seed_pieces(self.seeds(3, smoke), updates=updates, smoke=smoke)

    def run(self, piece: Piece) -> PieceResult:
        """Meta-train, and evaluate at even intervals."""
        smoke, updates = piece.smoke, piece.number("updates")
        mix = {"strokes": 0.4, "textures": 0.35, "mixtures": 0.25}
        settings = TrainSettings(seed=piece.seed, updates=updates, mix=mix, tasks=2 if smoke else 6)
        folder = self.folder / "rules" / piece.name
        # A resumed meta-training would lack the looks before its checkpoint.
        shutil.rmtree(folder, ignore_errors=True)
        run = RuleRun(settings, folder)
        benches = {n: _rules.bench_for(_rules.data_of(n, self), 0, smoke, 5) for n in SETS}
        curves: dict[str, list[float]] = {"updates": [], **{n: [] for n in SETS}}
        every = max(1, updates // LOOKS)
        for progress in run.run():
            if progress.update % every == 0 or progress.update == updates:
                curves["updates"].append(float(progress.update))
                with run.trainer.averaged() as rule:
                    assert isinstance(rule, Learned)
                    for name, own in benches.items():
                        features = _rules.after(rule, own, (64,), 3 if smoke else 100)
                        curves[name].append(_rules.accuracy(own, features))
        ends = {f"{n} at the end": curves[n][-1] for n in SETS} | {
            f"{n} at best": max(curves[n]) for n in SETS
        }
        return PieceResult(ends, curves)

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracies at the end and at best, curves."""
        rows = [line(n, values, "%", factor=100) for n, values in values_of(done).items()]
        curves = curves_of(done, ["updates", *SETS])
        x = curves.pop("updates")[0]
        curves = {n: 100 * curve for n, curve in curves.items()}
        claims = []
        for name, text in (
            ("digits", "Images improve to the end of meta-training"),
            ("imdb", "Text is best early and then falls as the rule over-fits to images"),
        ):
            mean = curves[name].mean(0)
            if len(x) < 4 or np.ptp(mean) == 0:
                continue
            rho, _ = rank_correlation(np.arange(len(x)), mean)
            first, last = curves[name][:, 0].tolist(), curves[name][:, -1].tolist()
            holds = below(first, last) if name == "digits" else below(last, first)
            found = f"after {x[-1]:.0f} minus after {x[0]:.0f} updates: {difference(last, first, unit='points')}; "
            found += f"best after {x[mean.argmax()]:.0f}; rank correlation with time {rho:+.2f}"
            claims.append(Claim(text=text, found=found, holds=holds))
        picture = lines("curves", self.title, "meta-updates", "few-shot accuracy (%)", x, curves)
        return RecipeOutcome(rows, claims, [picture])
