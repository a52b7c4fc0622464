"""Few-shot accuracy on MNIST and Fashion-MNIST at 14 x 14 and 28 x 28: the learned rule beside its controls."""

from collections.abc import Mapping
from dataclasses import replace

from auxin.paper import UPDATE_RULES
from auxin.recipes import _rules
from auxin.recipes._pictures import bars, plain
from auxin.recipes._summary import by_seed, claims, line
from auxin.requests.rule import EvalSettings
from auxin.rules.evaluate import measure
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

DATA, SIDES = ("mnist", "fashion_mnist"), (14, 28)
PARTS = ("learned rule", "untrained rule", "random network", "supervised", "vae", "raw", "pca")
NAMES = {"vae": "VAE", "raw": "raw pixels", "pca": "PCA"}
RIVALS = {"vae": "a VAE", "supervised": "supervised training", "random network": "a random network"}
HIDDEN, STEPS = (64,), 100


class MetzFigure4(Recipe):
    """Ten labels per class; features read by ridge regression, and by logistic regression as the release does.

    28 x 28 is larger than anything the rule was meta-trained on (8 x 8).
    """

    paper = replace(UPDATE_RULES, place="figure 4, few-shot accuracy")
    title = "Few-shot accuracy of the learned rule"
    stand_in = _rules.STAND_IN
    needs = ("mnist", "fashion_mnist")
    minutes = 20.0
    departures = (
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
        part, smoke = str(piece.settings["part"]), piece.smoke
        data = _rules.data_of(str(piece.settings["data"]), self, piece.number("side"))
        own = _rules.bench_for(data, piece.seed, smoke)
        steps = 3 if smoke else STEPS
        rules = {"learned rule": (_rules.shipped, steps), "untrained rule": (_rules.untrained, steps)}
        rules["random network"] = (_rules.shipped, 0)
        if part in rules:
            make, count = rules[part]
            return PieceResult(_rules.scores(own, _rules.after(make(), own, HIDDEN, count)))
        if part == "raw":
            return PieceResult(_rules.scores(own, lambda x: x))
        evaluation = EvalSettings(hidden=HIDDEN, steps=(steps,))
        found = measure(part, {"small": _rules.shipped()}, own, evaluation)["row"]
        return PieceResult({"ridge": found["plain"][0]})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracies, the paper's sentences, bars."""
        lines, judged, drawn = [], [], []
        for data in DATA:
            for side in SIDES:
                found = {p: by_seed(done, "ridge", data=data, side=side, part=p) for p in PARTS}
                where = f"{data} {side} x {side}"
                read = by_seed(done, "logistic", data=data, side=side, part="learned rule")
                rows = {
                    NAMES.get(part, part): list(own.values())
                    for part, own in {**found, "learned rule, logistic": read}.items()
                    if own
                }
                made = [line(f"{where} | {name}", own, "%", factor=100) for name, own in rows.items()]
                lines += made
                if made:
                    shown = [(name, row.ours, row.error) for name, row in zip(rows, made, strict=True)]
                    drawn.append(bars(plain(where), f"{self.title}: {where}", "accuracy (%)", shown))
                for rival, name in RIVALS.items():
                    text = f"The learned rule is better than {name}"
                    judged += claims(text, f"{where}: ", found["learned rule"], found[rival], 100)
        return RecipeOutcome(lines, judged, drawn)
