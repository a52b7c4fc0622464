"""Few-shot accuracy on MNIST and Fashion-MNIST at 14 x 14 and 28 x 28: the learned rule beside its controls."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from auxin.paper import UPDATE_RULES, Paper
from auxin.recipes import _rules
from auxin.recipes._sheet_pictures import plain
from auxin.recipes._summary import below, difference, line
from auxin.records.recipe import Claim, Picture, RecipeRow
from auxin.requests.rule import EvalSettings
from auxin.rules.evaluate import measure
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

DATA, SIDES = ("mnist", "fashion_mnist"), (14, 28)
PARTS = ("learned rule", "untrained rule", "random network", "supervised", "vae", "raw", "pca")
NAMES = {"vae": "VAE", "raw": "raw pixels", "pca": "PCA"}
RIVALS = {"vae": "a VAE", "supervised": "supervised training", "random network": "a random network"}
HIDDEN, STEPS = (64,), 100


class MetzFigure4(Recipe):
    """Ten labels per class; features read by ridge regression, and by logistic regression as the release does.

    28 x 28 is larger than anything the rule was meta-trained on (8 x 8).
    """

    paper: ClassVar[Paper] = replace(UPDATE_RULES, place="figure 4, few-shot accuracy")
    title: ClassVar[str] = "Few-shot accuracy of the learned rule"
    stand_in: ClassVar[str] = _rules.STAND_IN
    needs: ClassVar[tuple[str, ...]] = ("mnist", "fashion_mnist")
    minutes: ClassVar[float] = 20.0
    departures: ClassVar[tuple[str, ...]] = (
        "The heights of the figure's bars are not given in the text, so the sentences are compared.",
        "Raw pixels and PCA are beside the paper's rivals: it has none of the two.",
        "100 inner steps; the release takes 3,000 at a step a hundred times smaller.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """Every data set, size and part, over seeds."""
        sides = SIDES[:1] if smoke else SIDES
        return [
            Piece(f"{data}-{side}-{part.replace(' ', '-')}-seed-{s}", settings)
            for s in self.seeds(3, smoke)
            for data in (DATA[:1] if smoke else DATA)
            for side in sides
            for part in PARTS
            for settings in ({"data": data, "side": side, "part": part, "seed": s, "smoke": smoke},)
        ]

    def run(self, piece: Piece) -> PieceResult:
        """One part on one data set."""
        settings = piece.settings
        part, smoke = str(settings["part"]), bool(settings["smoke"])
        data = _rules.data_of(str(settings["data"]), self, int(settings["side"] or 0))
        own = _rules.bench_for(data, int(settings["seed"] or 0), smoke)
        steps = 3 if smoke else STEPS
        rules = {"learned rule": (_rules.shipped, steps), "untrained rule": (_rules.untrained, steps)}
        rules["random network"] = (_rules.shipped, 0)
        if part in rules:
            make, count = rules[part]
            features = _rules.after(make(), own, HIDDEN, count)
            return PieceResult(
                {"ridge": _rules.accuracy(own, features), "logistic": _rules.logistic(own, features)}
            )
        if part == "raw":
            raw = {"ridge": _rules.accuracy(own, lambda x: x), "logistic": _rules.logistic(own, lambda x: x)}
            return PieceResult(raw)
        evaluation = EvalSettings(hidden=HIDDEN, steps=(steps,))
        found = measure(part, {"small": _rules.shipped()}, own, evaluation)["row"]
        return PieceResult({"ridge": found["plain"][0]})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracies, the paper's sentences, bars."""
        lines, claims, drawn = [], [], []
        for data in DATA:
            for side in SIDES:
                found = {p: _rules.values(done, "ridge", data=data, side=side, part=p) for p in PARTS}
                where = f"{data} {side} x {side}"
                read = _rules.values(done, "logistic", data=data, side=side, part="learned rule")
                rows = [
                    line(f"{where} | {NAMES.get(part, part)}", list(own.values()), "%", factor=100)
                    for part, own in {**found, "learned rule, logistic": read}.items()
                    if own
                ]
                lines += rows
                drawn += [_picture(f"{self.title}: {where}", rows)] if rows else []
                for rival in RIVALS:
                    seeds = sorted(found["learned rule"].keys() & found[rival].keys())
                    if seeds:
                        a, b = ([found[p][s] for s in seeds] for p in ("learned rule", rival))
                        text = f"The learned rule is better than {RIVALS[rival]}"
                        holds = below(b, a)
                        claims.append(
                            Claim(text=text, found=f"{where}: {difference(a, b, 100)}", holds=holds)
                        )
        return RecipeOutcome(lines, claims, drawn)


def _picture(title: str, rows: Sequence[RecipeRow]) -> PictureData:
    """A row per part."""
    where = rows[0].name.partition(" | ")[0]
    bars = {
        "names": np.array([row.name.partition(" | ")[2] for row in rows]),
        "ours": np.array([row.ours for row in rows]),
        "error": np.array([row.error or 0.0 for row in rows]),
    }
    return PictureData(Picture(name=plain(where), kind="bars", title=title, y="accuracy (%)"), bars)
