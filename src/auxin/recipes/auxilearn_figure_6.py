"""A hundred auxiliaries of growing noise: the learned weights follow the noise."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from auxin.paper import AUXILEARN
from auxin.recipes._regression import RegressionTraining, draw, learn
from auxin.recipes._summary import judged, line, rank_correlation, values_of
from auxin.records.recipe import Claim, Picture
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

TASKS, INPUTS = 100, 10
HOW = RegressionTraining(steps=400, rate=0.05, every=10, meta_rate=0.3, form="positive", scale=0.02)


class AuxiLearnFigure6(Recipe):
    """Appendix C.3 and figure 6: y = w x + e, and y_j = w x + |e_j| with e_j ~ N(0, j sigma_aux^2), j = 1 ... 100.

    The correlation is that of the *unclipped* parameter behind a weight (the weight is its softplus) with the noise:
    a clipped weight is zero for many tasks at once.

    Departures: the paper gives neither sizes nor noise; here 10 inputs, 200 training and 200 auxiliary rows, sigma 1,
    sigma_aux 0.1; every auxiliary weighs 0.02 to begin with.
    """

    paper = replace(AUXILEARN, place="appendix C.3, figure 6")
    title = "100 auxiliaries of growing noise"
    minutes = 0.5
    departures = (
        "The paper gives neither sizes nor noise: 10 inputs, 200 training and 200 auxiliary rows, sigma 1, "
        "sigma_aux 0.1; every auxiliary begins with a weight of 0.02.",
    )

    def pieces(self, smoke: bool) -> list[Piece]:
        """One per seed."""
        return self.seed_pieces(self.seeds(10, smoke, 2), steps=20 if smoke else HOW.steps)

    def run(self, piece: Piece) -> PieceResult:
        """Learn the weights; their rank correlation with the noise."""
        generator = torch.Generator().manual_seed(piece.seed)
        w = torch.randn(INPUTS, generator=generator, dtype=torch.float64)
        noise = 0.1 * torch.arange(1, TASKS + 1, dtype=torch.float64).sqrt()
        deviations = torch.cat([torch.ones(1, dtype=torch.float64), noise])
        rows = [draw(generator, 200, w.expand(TASKS + 1, INPUTS), deviations, folded=True) for _ in range(2)]
        path = learn(rows[0], rows[1], replace(HOW, steps=piece.number("steps")), bias=True)
        weights = path.weights[-1][1:].numpy()
        values = {
            "correlation": rank_correlation(path.raw.numpy(), noise.numpy())[0],
            "least": float(weights[:10].mean()),
            "most": float(weights[-10:].mean()),
            "outer.first": path.outer[0],
            "outer.last": path.outer[-1],
        }
        return PieceResult(values, {"weights": weights.tolist(), "raw": path.raw.tolist()})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """The correlation over seeds, and figure 6."""
        values = values_of(done)
        worst = max(values["correlation"])
        lines = [
            line("rank correlation of parameter and noise", values["correlation"]),
            line("weight of the ten cleanest", values["least"]),
            line("weight of the ten noisiest", values["most"]),
        ]
        claim = Claim(
            text="The auxiliary network captures the noise patterns and assigns weights based on the noise level",
            found=f"Spearman correlation below {np.ceil(worst * 100) / 100:.2f} for every one of {len(done)} seeds",
            holds=judged(worst < -0.9, len(done)),
        )
        picture = Picture(
            name="weights",
            kind="scatter",
            title="Learned weight of each auxiliary",
            x="task (its noise grows)",
            y="weight",
            words={"y": f"mean of {len(done)} seeds"},
        )
        weights = np.array([d.found.curves["weights"] for d in done.values()])
        arrays = {
            "x": np.arange(1, TASKS + 1),
            "y": weights.mean(0),
            "error": weights.std(0) / len(done) ** 0.5,
        }
        return RecipeOutcome(lines, [claim], [PictureData(picture, arrays)])
