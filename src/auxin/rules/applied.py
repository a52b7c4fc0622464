"""A rule at work: it trains a network of any shape on rows without labels, and gives its features and weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError, message
from auxin.rules.file import load_rule
from auxin.update_rules._base import State
from auxin.update_rules.learned import Learned


class LearnedRule:
    """A rule file, and the network it has trained.

    Args:
        rule: the rule.
        card: what it was made from.

    >>> import torch
    >>> x = torch.rand(200, 20)
    >>> LearnedRule.load("small").fit(x, hidden=(32,), width=8, steps=10).transform(x).shape
    torch.Size([200, 8])
    """

    def __init__(self, rule: Learned, card: dict[str, Any] | None = None) -> None:
        self.rule, self.card = rule, card or {}
        self.state: State | None = None
        self.activation = "relu"
        self.low = self.spread = self.reference = torch.zeros(0)

    @classmethod
    def load(cls, name: str | Path = "small") -> "LearnedRule":
        """A shipped rule by name, or a rule file.

        Raises:
            DataError: no such rule; a file that is corrupt or of another version.
        """
        return cls(*load_rule(name))

    def fit(
        self,
        x: Tensor | np.ndarray,
        *,
        hidden: Sequence[int] = (64,),
        width: int = 16,
        activation: str = "relu",
        steps: int = 100,
        batch: int = 32,
        seed: int = 0,
    ) -> "LearnedRule":
        """Train a network on the rows without labels; returns itself.

        Rows are flattened, and brought to [0, 1] by the smallest and the largest number of all (one shift and
        one scale for all columns, so that their proportions stay).

        Args:
            x: rows [N, ...].
            hidden: widths of the hidden layers.
            width: of the embedding.
            activation: of the hidden layers.
            steps: unsupervised steps.
            batch: rows per step.
            seed: of the first weights and the batches.

        Raises:
            DataError: NaN, fewer rows than a batch, rows that are all the same.
            ConfigError: a width that the rule cannot give.
        """
        rows = _rows(x)
        if len(rows) < batch:
            raise DataError(
                message(
                    "There are fewer rows than the batch size",
                    expected=f"at least {batch}",
                    found=str(len(rows)),
                    do="Use a smaller batch.",
                )
            )
        self.low, self.spread = rows.min(), rows.max() - rows.min()
        if not self.spread > 0:
            raise DataError(message("All inputs are the same number: there is nothing to learn from"))
        if steps < 0 or batch < 2:
            raise ConfigError(
                message(
                    "The training settings are invalid",
                    expected="steps >= 0 and batch >= 2",
                    found=f"{steps}, {batch}",
                )
            )
        rows = (rows - self.low) / self.spread
        generator = torch.Generator().manual_seed(seed)
        state = self.rule.init_state((rows.shape[1], *hidden, width), 1, generator)
        with torch.no_grad():
            for _ in range(steps):
                chosen = torch.randint(len(rows), (batch,), generator=generator)
                state = self.rule.step(state, rows[chosen][None], activation)
        self.state, self.activation = state, activation
        kept = torch.randperm(len(rows), generator=generator)[: max(512, batch)]
        self.reference = rows[kept]
        return self

    def transform(self, x: Tensor | np.ndarray) -> Tensor:
        """Features [n, width] of rows; batch norm uses up to 512 of the rows of `fit`, so rows do not mix.

        Raises:
            DataError: not fitted, or rows of another length.
        """
        if self.state is None:
            raise DataError(message("The rule has not trained a network yet", do="Call fit first."))
        rows = _rows(x)
        if rows.shape[1] != self.state.widths[0]:
            raise DataError(
                message(
                    "The rows have the wrong number of columns",
                    expected=f"{self.state.widths[0]}",
                    found=f"{rows.shape[1]}",
                )
            )
        rows = (rows - self.low) / self.spread
        with torch.no_grad():
            return self.rule.features(self.state, rows[None], self.activation, self.reference[None])[0]

    def weights(self) -> dict[str, Tensor]:
        """The trained network, with batch norm's statistics: `weight.l` [in, out], `mean.l`, `scale.l`, `bias.l`.

        Layer l is activation((x W - mean) * scale + bias), inputs first shifted and scaled to [0, 1]
        (`input.low`, `input.spread`); the rule's `top` is behind the last.

        Raises:
            DataError: not fitted.
        """
        if self.state is None:
            raise DataError(message("The rule has not trained a network yet", do="Call fit first."))
        from auxin.math.rule_network import activate

        found = {"input.low": self.low, "input.spread": self.spread}
        x, layers = self.reference, len(self.state.weights)
        for number in range(layers):
            w, b = self.state.weights[number][0], self.state.biases[number][0]
            u = x @ w
            var, mean = torch.var_mean(u, 0, correction=0)
            scale = torch.rsqrt(var + 1e-6)
            found |= {
                f"weight.{number}": w,
                f"mean.{number}": mean,
                f"scale.{number}": scale,
                f"bias.{number}": b,
            }
            name = self.rule.top if number == layers - 1 else self.activation
            x = activate(((u - mean) * scale + b).T, name).T
        return {key: value.detach().clone().contiguous() for key, value in found.items()}


def _rows(x: Tensor | np.ndarray) -> Tensor:
    rows = x.float() if isinstance(x, Tensor) else torch.from_numpy(np.array(x, dtype=np.float32))
    if rows.dim() < 2:
        raise DataError(
            message(
                "The input has the wrong number of dimensions",
                expected="[N, ...]",
                found=str(tuple(rows.shape)),
            )
        )
    rows = rows.flatten(1)
    if not torch.isfinite(rows).all():
        raise DataError(message("The rows hold missing or infinite numbers", do="Fill or drop them."))
    return rows
