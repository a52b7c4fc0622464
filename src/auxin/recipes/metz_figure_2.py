"""A VAE's few-shot accuracy against its bound over training, and prototypical networks on shuffled pixels."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from auxin.features.vae import VAE
from auxin.judging.paired import paired
from auxin.models import build_network
from auxin.paper import UPDATE_RULES
from auxin.recipes import _pictures, _rules
from auxin.recipes._summary import FEWEST, across, below, by_seed, common, difference, line
from auxin.records.recipe import Claim
from auxin.rules.tasks_procedural import strokes
from auxin.studies.recipe import FinishedPiece, Piece, PieceResult, Recipe, RecipeOutcome

EPOCHS = (1, 2, 5, 10, 20, 40, 80)
LEARNERS = ("prototypical network", "learned rule")


class MetzFigure2(Recipe):
    """Left: the accuracy and the bound of VAEs that were trained longer and longer on digits.

    Right: a prototypical network (a 4-layer ConvNet trained by class means on drawn strokes, ten ways, five shots) and
    the learned rule, on digits as they are and with each network's own order of the pixels.
    """

    paper = replace(UPDATE_RULES, place="figure 2, the VAE's objective and permuted pixels")
    title = "A VAE's accuracy against its bound, and what shuffled pixels cost"
    stand_in = (
        _rules.STAND_IN
        + " Digits (8 x 8) in the place of CIFAR-10 at 16 x 16 and of mini-ImageNet; the prototypical "
        "network is trained on drawn strokes."
    )
    minutes = 15.0

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
        settings, seed, smoke = piece.settings, piece.seed, piece.smoke
        permuted = bool(settings.get("permuted", False))
        own = _rules.bench_for(_rules.data_of("digits", self), seed, smoke, 5, permuted)
        if "epochs" in settings:
            vae = VAE(16, hidden=(64,), epochs=piece.number("epochs"), rates=(1e-3,), patience=10**9)
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
        vaes = {
            epochs: {k: by_seed(done, k, epochs=epochs) for k in ("accuracy", "bound")}
            for epochs in EPOCHS
            if by_seed(done, "accuracy", epochs=epochs)
        }
        words = {e: f"VAE, {e} epoch{'s' * (e > 1)}" for e in vaes}
        lines = [line(words[e], list(v["accuracy"].values()), "%", factor=100) for e, v in vaes.items()]
        lines += [line(f"{words[e]}: bound", list(v["bound"].values())) for e, v in vaes.items()]
        claims, drawn = [], []
        accuracy, bound = (
            dict(zip(vaes, common(*(own[k] for own in vaes.values())), strict=True)) if vaes else {}
            for k in ("accuracy", "bound")
        )
        if len(vaes) > 2 and all(accuracy.values()):
            best, last = max(accuracy, key=lambda e: float(np.mean(accuracy[e]))), max(vaes)
            found = f"accuracy is best after {best} epochs; after {last} minus after {best}: "
            found += f"{difference(accuracy[last], accuracy[best], 100)}; "
            found += f"the bound's difference: {difference(bound[last], bound[best], digits=4)}"
            parts = (below(accuracy[last], accuracy[best]), below(bound[best], bound[last]))
            holds = None if best == last or (None in parts and False not in parts) else all(parts)
            text = "A VAE's accuracy peaks and then falls while its bound still improves"
            claims.append(Claim(text=text, found=found, holds=holds))
            for name, what, y, curve in (
                ("vae", "few-shot accuracy", "accuracy (%)", {"accuracy": across(accuracy.values())}),
                ("vae-bound", "bound", "bound (nats per input)", {"bound": across(bound.values(), 1.0)}),
            ):
                title = f"A VAE's {what} over its training"
                drawn.append(_pictures.lines(name, title, "epochs", y, list(vaes), curve))
        for learner in LEARNERS:
            plain, mixed = (by_seed(done, "accuracy", learner=learner, permuted=p) for p in (False, True))
            lines += [
                line(f"{learner}, pixels {word}", list(v.values()), "%", factor=100)
                for word, v in (("as they are", plain), ("shuffled", mixed))
                if v
            ]
            a, b = common(mixed, plain)
            if a:
                falls, low = below(a, b), paired(a, b).low
                if learner == LEARNERS[0]:
                    text, holds = "Shuffled pixels cost the prototypical network accuracy", falls
                else:
                    kept = True if low is not None and low > -0.03 and len(a) >= FEWEST else None
                    text, holds = "Shuffled pixels cost the rule less than 3 points", False if falls else kept
                found = f"shuffled minus in order: {difference(a, b, 100)}"
                claims.append(Claim(text=text, found=found, holds=holds))
        return RecipeOutcome(lines, claims, drawn)


WAYS, SHOTS, SIDE = 10, 5, 8
"""Classes of an episode, support and query rows of each, and the side of an image."""


def prototypical(seed: int, episodes: int) -> nn.Module:
    """A ConvNet trained on drawn strokes so that a query is nearest to its class's mean (Snell et al. 2017)."""
    draw = torch.Generator().manual_seed(seed)
    network = build_network("conv4", (1, SIDE, SIDE), {}, seed, channel_width=32)
    trunk = network.get_submodule("trunk")
    optimizer = torch.optim.Adam(trunk.parameters(), lr=1e-3)
    for _ in range(episodes):
        x = strokes(draw, WAYS, 2 * SHOTS, SIDE).x.view(WAYS, 2 * SHOTS, 1, SIDE, SIDE)
        found = trunk(x.flatten(0, 1)).view(WAYS, 2 * SHOTS, -1)
        means, queries = found[:, :SHOTS].mean(1), found[:, SHOTS:].flatten(0, 1)
        labels = torch.arange(WAYS).repeat_interleave(SHOTS)
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
