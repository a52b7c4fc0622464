"""From hidden signals to a weight update and a bias update: readouts, merge, and the limits on the step."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from auxin.update_rules._blocks import ChannelMap
from auxin.update_rules._terms import (
    COMPETITIVE,
    RECONSTRUCT,
    TERMS,
    Layer,
    column_rms,
    competitive,
    reconstruct,
)


class WeightUpdate(nn.Module):
    """G, the direction that W (and V) move against: the merged terms of one layer.

    a. each term is soft-capped, tau / sqrt(1 + mean_i tau^2), per column;
    b. G = (sum_k alpha_k tau_k + alpha_0) / number of terms;
    c. no shrinking (optional): G <- G - relu(mean(G w)) w;
    d. G <- G / sqrt(number of terms) (optional);
    e. G <- G / sqrt(1 + mean_i G^2);
    f. G <- G - target w, which holds the columns' root mean square at the target.

    Args:
        channels: C of the hidden signals.
        rank: K, low-rank readout channels.
        terms: Names of `TERMS`, and optionally "competitive" and "reconstruct".
        gain: What the stored coefficients are multiplied by (a learning-rate multiplier); alpha starts at `start`.
        start: The coefficients' first effective value.
        competitive_start: The competitive term's first coefficient.
        sharpness: The competition's first beta.
        reconstruct_start: The reconstruction term's first coefficient.
        ridge: The reconstruction's first ridge.
        target: The columns' root mean square in the long run.
        divide: Step d.
        project: Step c.
    """

    def __init__(
        self,
        channels: int,
        *,
        rank: int,
        terms: Sequence[str],
        gain: float,
        start: float,
        competitive_start: float,
        sharpness: float,
        reconstruct_start: float,
        ridge: float,
        target: float,
        divide: bool,
        project: bool,
    ) -> None:
        super().__init__()
        self.rank, self.gain, self.target = rank, gain, target
        self.divide, self.project = divide, project
        self.names = [name for name in TERMS if name in terms]
        self.lower = sum(TERMS[name].lower for name in self.names)
        self.upper = sum(TERMS[name].upper for name in self.names)
        self.read_lower = ChannelMap(channels, self.lower * rank) if self.lower else None
        self.read_upper = ChannelMap(channels, self.upper * rank) if self.upper else None
        self.alpha = nn.Parameter(torch.full((len(self.names),), start / gain))
        self.alpha_0 = nn.Parameter(torch.zeros(()))
        self.competitive_gain = competitive_start
        has = COMPETITIVE in terms
        self.competitive = nn.Parameter(torch.ones(())) if has else None
        self.log_sharpness = nn.Parameter(torch.tensor(sharpness).log()) if has else None
        self.reconstruct_gain = reconstruct_start
        has = RECONSTRUCT in terms
        self.reconstruct = nn.Parameter(torch.ones(())) if has else None
        self.log_ridge = nn.Parameter(torch.tensor(ridge).log()) if has else None

    def coefficients(self) -> dict[str, Tensor]:
        """The effective coefficient of every term, by name; beta and the ridge of our own terms."""
        found = {name: self.gain * self.alpha[k] for k, name in enumerate(self.names)}
        if self.competitive is not None and self.log_sharpness is not None:
            found[COMPETITIVE] = self.competitive_gain * self.competitive
            found["sharpness"] = self.log_sharpness.exp()
        if self.reconstruct is not None and self.log_ridge is not None:
            found[RECONSTRUCT] = self.reconstruct_gain * self.reconstruct
            found["ridge"] = self.log_ridge.exp()
        return found

    def sharpness(self, like: Tensor) -> Tensor:
        """beta of the competition (1 where there is none)."""
        return like.new_ones(()) if self.log_sharpness is None else self.log_sharpness.exp()

    def ridge(self, like: Tensor) -> Tensor:
        """The reconstruction's ridge (1 where there is none)."""
        return like.new_ones(()) if self.log_ridge is None else self.log_ridge.exp()

    def readouts(self, h: Tensor, *, upper: bool) -> list[Tensor]:
        """The low-rank readouts of a layer seen from below (upper) or from above, each [T, N, K * B]."""
        dense = self.read_upper if upper else self.read_lower
        if dense is None:
            return []
        out = dense(h).unflatten(1, (-1, self.rank))
        return list(out.permute(1, 0, 3, 2, 4).flatten(3).unbind(0))

    def terms(self, layer: Layer, lower: list[Tensor], upper: list[Tensor]) -> list[Tensor]:
        """Every term of the paper, before the merge, each [T, N_d, N_u]."""
        low, up = iter(lower), iter(upper)
        return [
            TERMS[name].formula(
                layer,
                [next(low) for _ in range(TERMS[name].lower)],
                [next(up) for _ in range(TERMS[name].upper)],
            )
            for name in self.names
        ]

    def merged(self, layer: Layer, lower: list[Tensor], upper: list[Tensor]) -> Tensor:
        """Steps a to c: the direction after the projection."""
        mix = self.alpha_0.expand(layer.w.shape)
        alpha = self.gain * self.alpha
        for k, tau in enumerate(self.terms(layer, lower, upper)):
            mix = mix + alpha[k] * tau * torch.rsqrt(1 + tau.square().mean(1, keepdim=True))
        if self.competitive is not None:
            mix = mix + self.competitive_gain * self.competitive * competitive(layer)
        if self.reconstruct is not None:
            mix = mix + self.reconstruct_gain * self.reconstruct * reconstruct(layer)
        mix = mix / max(len(self.names), 1)
        if self.project:
            shrink = torch.relu((mix * layer.w).mean((1, 2), keepdim=True))
            mix = mix - shrink * layer.w
        return mix

    def forward(self, layer: Layer, h_below: Tensor, h_above: Tensor) -> Tensor:
        """G, [T, N_d, N_u]."""
        lower = self.readouts(h_below, upper=False)
        upper = self.readouts(h_above, upper=True)
        g = self.merged(layer, lower, upper)
        if self.divide:
            g = g / max(len(self.names), 1) ** 0.5
        g = g * torch.rsqrt(1 + g.square().mean(1, keepdim=True))
        return g - self.target * layer.w


class BiasUpdate(nn.Module):
    """g_b: a linear readout of h, averaged over the batch; biases may not rise on average (optional); rms at most 1.

    c_j = mean_b(beta . h_j + beta_0);  c <- c + relu(-mean_j c);  g_b = c / sqrt(0.5 + mean_j c^2).
    """

    def __init__(self, channels: int, *, fence: bool) -> None:
        super().__init__()
        self.read = ChannelMap(channels, 1)
        self.fence = fence

    def forward(self, h: Tensor) -> Tensor:
        """Hidden signals [T, C, N, B] to [T, N]."""
        c = self.read(h.mean(3, keepdim=True))[:, 0, :, 0]
        if self.fence:
            c = c + torch.relu(-c.mean(1, keepdim=True))
        return c * torch.rsqrt(0.5 + c.square().mean(1, keepdim=True))


def normalised_columns(w: Tensor) -> Tensor:
    """W with every receptive field at unit root mean square."""
    return w / column_rms(w)
