"""The hand rule: Hebb's term with decorrelation (Sanger's order gives PCA), and soft competition.

What a learned rule must beat before it can claim to have learned something.
"""

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.math.rule_network import Activity, forward, standardise
from auxin.paper import Paper
from auxin.update_rules._terms import Layer, column_rms, competitive
from auxin.update_rules._update import normalised_columns
from auxin.update_rules.base import State, UpdateRule, check_inputs


class Hebb(UpdateRule):
    """W moves towards what its units correlate with, minus what other units already have.

    h_j = E[(x - mean x) y_j] with y standardised; deflated, h_j - sum_k corr(y_k, y_j) h_k over the units
    before j ("triangular", Gram and Schmidt's order, whose fixed point are the principal components) or over
    all others at half weight ("symmetric"); columns to unit root mean square;
    W <- (1 - eta) W + eta * target * direction.

    Args:
        decorrelation: "triangular", "symmetric" or "none".
        competition: Share of the soft k-means term (0 .. 1) in the direction.
        sharpness: beta of the competition.
        step_size: eta.
        target: root mean square of the columns.
        top: activation behind the top layer.

    Raises:
        ConfigError: An unknown decorrelation.

    >>> rule = Hebb()
    >>> rule.step(rule.init_state((5, 2)), torch.rand(1, 9, 5)).age
    1
    """

    paper = Paper(
        "Optimal Unsupervised Learning in a Single-Layer Linear Feedforward Neural Network",
        "Sanger",
        1989,
        "https://doi.org/10.1016/0893-6080(89)90044-0",
        "the triangular form",
    )

    def __init__(
        self,
        *,
        decorrelation: str = "triangular",
        competition: float = 0.0,
        sharpness: float = 4.0,
        step_size: float = 0.03,
        target: float = 1 / 7,
        top: str = "linear",
    ) -> None:
        super().__init__()
        if decorrelation not in ("triangular", "symmetric", "none"):
            raise ConfigError(
                f"Unknown decorrelation {decorrelation!r}", expected="one of: triangular, symmetric, none"
            )
        self.decorrelation, self.competition, self.sharpness = decorrelation, competition, sharpness
        self.step_size, self.target, self.top = step_size, target, top

    def step(self, state: State, x: Tensor, activation: str = "relu") -> State:
        """One step of every layer on the batch [T, B, N_0]; biases stay."""
        check_inputs(state, x)
        activity = forward(state, x, activation, self.top)
        keep, eta = 1 - self.step_size, self.step_size * self.target
        weights = tuple(
            keep * w + eta * self._direction(w, activity, number)
            for number, w in enumerate(state.weights, start=1)
        )
        return State(weights, state.backward, state.biases, state.age + 1)

    def _direction(self, w: Tensor, activity: Activity, number: int) -> Tensor:
        below, above = activity.post[number - 1], standardise(activity.post[number])
        h = (below - below.mean(2, keepdim=True)) @ above.transpose(1, 2) / below.shape[2]
        h = _unit(h - self._shared(h, above))
        if not self.competition:
            return h
        layer = Layer(
            normalised_columns(w),
            below,
            below,
            above,
            activity.normal[number],
            sharpness=w.new_tensor(self.sharpness),
            ridge=w.new_zeros(()),
        )
        return _unit((1 - self.competition) * h - self.competition * competitive(layer))

    def _shared(self, h: Tensor, above: Tensor) -> Tensor:
        if self.decorrelation == "none":
            return torch.zeros_like(h)
        correlation = above @ above.transpose(1, 2) / above.shape[2]
        if self.decorrelation == "triangular":
            return h @ torch.triu(correlation, 1)
        others = correlation - torch.diag_embed(correlation.diagonal(dim1=1, dim2=2))
        return 0.5 * h @ others


def _unit(h: Tensor) -> Tensor:
    return h / column_rms(h, 1e-12)
