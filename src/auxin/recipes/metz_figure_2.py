"""A VAE's few-shot accuracy against its bound over training, and prototypical networks on shuffled pixels."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from auxin.features.vae import VAE
from auxin.judging.paired import paired
from auxin.models import build_network
from auxin.paper import UPDATE_RULES, Paper
from auxin.recipes import _rules
from auxin.recipes._summary import FEWEST, below, difference, line
from auxin.records.recipe import Claim, Picture
from auxin.rules.tasks_procedural import strokes
from auxin.studies.recipe import FinishedPiece, PictureData, Piece, PieceResult, Recipe, RecipeOutcome

EPOCHS = (1, 2, 5, 10, 20, 40, 80)
LEARNERS = ("prototypical network", "learned rule")


class MetzFigure2(Recipe):
    """Left: the accuracy and the bound of VAEs that were trained longer and longer on digits.

    Right: a prototypical network (a 4-layer ConvNet trained by class means on drawn strokes, ten ways, five shots) and
    the learned rule, on digits as they are and with each network's own order of the pixels.
    """

    paper: ClassVar[Paper] = replace(UPDATE_RULES, place="figure 2, the VAE's objective and permuted pixels")
    title: ClassVar[str] = "A VAE's accuracy against its bound, and what shuffled pixels cost"
    stand_in: ClassVar[str] = (
        _rules.STAND_IN
        + " Digits (8 x 8) in the place of CIFAR-10 at 16 x 16 and of mini-ImageNet; the prototypical "
        "network is trained on drawn strokes."
    )
    minutes: ClassVar[float] = 15.0

    def pieces(self, smoke: bool) -> list[Piece]:
        """A VAE per length, and both learners on both orders, over seeds."""
        seeds = self.seeds(3, smoke)
        lengths = EPOCHS[:2] if smoke else EPOCHS
        vaes = [
            Piece(f"vae-{e}-seed-{s}", {"epochs": e, "seed": s, "smoke": smoke})
            for s in seeds
            for e in lengths
        ]
        return vaes + [
            Piece(
                f"{learner.replace(' ', '-')}-{'permuted' if permuted else 'plain'}-seed-{s}",
                {"learner": learner, "permuted": permuted, "seed": s, "smoke": smoke},
            )
            for s in seeds
            for learner in LEARNERS
            for permuted in (False, True)
        ]

    def run(self, piece: Piece) -> PieceResult:
        """One VAE, or one learner on one order."""
        settings = piece.settings
        seed, smoke = int(settings["seed"] or 0), bool(settings["smoke"])
        permuted = bool(settings.get("permuted", False))
        own = _rules.bench_for(_rules.data_of("digits", self), seed, smoke, 5, permuted)
        if "epochs" in settings:
            vae = VAE(16, hidden=(64,), epochs=int(settings["epochs"] or 1), rates=(1e-3,), patience=10**9)
            vae.fit(own.data.unlabelled, seed)
            features = lambda x: torch.stack([vae.transform(rows) for rows in x])  # noqa: E731
            return PieceResult({"accuracy": _rules.accuracy(own, features), "bound": -vae.loss})
        if settings["learner"] == "learned rule":
            features = _rules.after(_rules.shipped(), own, (64,), 3 if smoke else 100)
            return PieceResult({"accuracy": _rules.accuracy(own, features)})
        trunk = prototypical(seed, 3 if smoke else 600)
        return PieceResult({"accuracy": _nearest(trunk, own)})

    def outcome(self, done: Mapping[str, FinishedPiece]) -> RecipeOutcome:
        """Accuracy and bound over lengths; both learners with and without the pixels' order."""
        lengths = [e for e in EPOCHS if _rules.values(done, "accuracy", epochs=e)]
        vaes = {
            e: {k: list(_rules.values(done, k, epochs=e).values()) for k in ("accuracy", "bound")}
            for e in lengths
        }
        words = {e: f"VAE, {e} epoch{'s' * (e > 1)}" for e in vaes}
        lines = [line(words[e], v["accuracy"], "%", factor=100) for e, v in vaes.items()]
        lines += [line(f"{words[e]}: bound", v["bound"]) for e, v in vaes.items()]
        claims, drawn = [], []
        if len(lengths) > 2:
            mean = {e: float(np.mean(v["accuracy"])) for e, v in vaes.items()}
            best, last = max(mean, key=lambda e: mean[e]), lengths[-1]
            fell, rose = vaes[last]["accuracy"], vaes[last]["bound"]
            found = f"accuracy is best after {best} epochs; after {last} minus after {best}: "
            found += f"{difference(fell, vaes[best]['accuracy'], 100)}; "
            found += f"the bound's difference: {difference(rose, vaes[best]['bound'], digits=4)}"
            parts = (below(fell, vaes[best]["accuracy"]), below(vaes[best]["bound"], rose))
            holds = None if best == last or (None in parts and False not in parts) else all(parts)
            text = "A VAE's accuracy peaks and then falls while its bound still improves"
            claims.append(Claim(text=text, found=found, holds=holds))
            for name, measure, what, y, factor in (
                ("vae", "accuracy", "few-shot accuracy", "accuracy (%)", 100.0),
                ("vae-bound", "bound", "bound", "bound (nats per input)", 1.0),
            ):
                values = np.array([vaes[e][measure] for e in lengths]).T * factor
                title = f"A VAE's {what} over its training"
                picture = Picture(name=name, kind="lines", title=title, x="epochs", y=y)
                drawn.append(PictureData(picture, {"x": np.array(lengths), measure: values}))
        for learner in LEARNERS:
            plain, mixed = (
                _rules.values(done, "accuracy", learner=learner, permuted=p) for p in (False, True)
            )
            lines += [
                line(f"{learner}, pixels {word}", list(v.values()), "%", factor=100)
                for word, v in (("as they are", plain), ("shuffled", mixed))
                if v
            ]
            seeds = sorted(plain.keys() & mixed.keys())
            if seeds:
                a, b = ([v[s] for s in seeds] for v in (mixed, plain))
                falls, low = below(a, b), paired(a, b).low
                proto = learner == LEARNERS[0]
                what = (
                    "cost the prototypical network accuracy" if proto else "cost the rule less than 3 points"
                )
                text = f"Shuffled pixels {what}"
                kept = True if low is not None and low > -0.03 and len(a) >= FEWEST else None
                holds = falls if proto else False if falls else kept
                claims.append(
                    Claim(text=text, found=f"shuffled minus in order: {difference(a, b, 100)}", holds=holds)
                )
        return RecipeOutcome(lines, claims, drawn)


def prototypical(seed: int, episodes: int, ways: int = 10, shots: int = 5, side: int = 8) -> nn.Module:
    """A ConvNet trained on drawn strokes so that a query is nearest to its class's mean (Snell et al. 2017)."""
    draw = torch.Generator().manual_seed(seed)
    network = build_network("conv4", (1, side, side), {}, seed, channel_width=32)
    trunk = network.get_submodule("trunk")
    optimizer = torch.optim.Adam(trunk.parameters(), lr=1e-3)
    for _ in range(episodes):
        x = strokes(draw, ways, 2 * shots, side).x.view(ways, 2 * shots, 1, side, side)
        found = trunk(x.flatten(0, 1)).view(ways, 2 * shots, -1)
        means, queries = found[:, :shots].mean(1), found[:, shots:].flatten(0, 1)
        labels = torch.arange(ways).repeat_interleave(shots)
        loss = nn.functional.cross_entropy(-torch.cdist(queries, means).square(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return trunk


def _nearest(trunk: nn.Module, bench: _rules.RuleBench) -> float:
    """Accuracy of the nearest class mean; batch norm sees support and query together, as in training."""
    scores: list[Tensor] = []
    side = round(bench.data.x.shape[1] ** 0.5)
    for draw in bench.tests:
        x, n = bench.inputs(draw), draw.support.shape[1]
        for net in range(bench.nets):
            with torch.no_grad():
                found = trunk(x[net].view(-1, 1, side, side))
            support, query = found[:n], found[n:]
            means = torch.stack([support[draw.support_y[net] == k].mean(0) for k in range(bench.data.ways)])
            scores.append((torch.cdist(query, means).argmin(1) == draw.query_y[net]).float().mean())
    return float(torch.stack(scores).mean())
