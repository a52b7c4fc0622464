"""Apply a learned update rule: train a network of any shape on unlabelled rows, and read its features and weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auxin.errors import ConfigError, DataError, RunError, message
from auxin.rules.file import load_rule
from auxin.update_rules.base import State
from auxin.update_rules.learned import Learned


class LearnedRule:
    """A learned unsupervised update rule, and the network that it has trained.

    The rule (meta-parameters theta) trains the weights of a multilayer perceptron from rows without labels and without
    back-propagation. `fit` trains the network, `transform` returns its features, `weights` the network itself.

    Formula:
        One step on a batch of rows: W <- (1 - eta) W - eta G, V <- (1 - eta) V - eta G, b <- (1 - eta) b - eta g_b,
        where theta computes G and g_b from the activity of the two layers that a weight connects.

    Args:
        rule: The rule.
        card: What the rule was made from: settings, coefficients, versions.

    References:
        - Metz, Maheswaranathan, Cheung, Sohl-Dickstein 2019, Meta-Learning Update Rules for Unsupervised
          Representation Learning

    Departures:
        The shipped rule, "small", is a smaller one with two additional terms; docs/update-rule.md lists the
        differences and what was measured. Compare its features with PCA's before you use them.

    The shipped rule trains a network with one hidden layer on 200 rows without labels:

    >>> import torch
    >>> x = torch.rand(200, 20)
    >>> learned = LearnedRule.load("small").fit(x, hidden=(32,), width=8, steps=10)
    >>> learned.transform(x).shape
    torch.Size([200, 8])

    The trained network as plain tensors:

    >>> weights = learned.weights()
    >>> [tuple(weights[f"weight.{layer}"].shape) for layer in (0, 1)]
    [(20, 32), (32, 8)]
    """

    def __init__(self, rule: Learned, card: dict[str, Any] | None = None) -> None:
        self.rule, self.card = rule, card or {}
        self.state: State | None = None
        self.activation = "relu"
        self.low = self.spread = self.reference = torch.zeros(0)

    @classmethod
    def load(cls, name: str | Path = "small") -> "LearnedRule":
        """Load a shipped rule by name, or a rule file.

        Args:
            name: Name of a shipped rule ("small"), or the path of a file that `auxin rule train` wrote.

        Raises:
            DataError: There is no such rule, or the file is corrupt or of another version.
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
        """Train a network on rows without labels.

        Rows are flattened and scaled to [0, 1] by the smallest and the largest of all values: one shift and one
        scale for all columns, which keeps their proportions.

        Args:
            x: Rows, [N, ...].
            hidden: Widths of the hidden layers.
            width: Width of the embedding.
            activation: Activation of the hidden layers.
            steps: Number of unsupervised steps.
            batch: Number of rows per step.
            seed: Seed of the initial weights and of the batches.

        Returns:
            This object.

        Raises:
            DataError: There are missing values, fewer rows than a batch, or all values are equal.
            ConfigError: The rule cannot produce this width, or a number is out of range.
            RunError: The training diverges.
        """
        rows = _rows(x)
        _check_training(rows, steps, batch)
        self.low, self.spread = rows.min(), rows.max() - rows.min()
        if not self.spread > 0:
            raise DataError(message("All inputs are the same number: there is nothing to learn from"))
        rows = (rows - self.low) / self.spread
        generator = torch.Generator().manual_seed(seed)
        state = self.rule.init_state((rows.shape[1], *hidden, width), 1, generator)
        with torch.no_grad():
            for _ in range(steps):
                chosen = torch.randint(len(rows), (batch,), generator=generator)
                state = self.rule.step(state, rows[chosen][None], activation)
        if not all(torch.isfinite(part).all() for part in state.tensors()):
            raise RunError(
                f"The rule's training diverged within {steps} steps",
                expected="finite weights",
                do="Train it for fewer steps, or use another rule",
            )
        self.state, self.activation = state, activation
        kept = torch.randperm(len(rows), generator=generator)[: max(512, batch)]
        self.reference = rows[kept]
        return self

    def transform(self, x: Tensor | np.ndarray) -> Tensor:
        """Return the features of rows, [n, width].

        Batch norm uses up to 512 rows of `fit`, so the features of a row do not depend on the other rows.

        Raises:
            DataError: `fit` was not called, or the rows have another length.
        """
        state, rows = self._trained(), _rows(x)
        if rows.shape[1] != state.widths[0]:
            wrong = "The rows have the wrong number of columns"
            raise DataError(wrong, expected=f"{state.widths[0]}", found=f"{rows.shape[1]}")
        rows = (rows - self.low) / self.spread
        with torch.no_grad():
            return self.rule.features(state, rows[None], self.activation, self.reference[None])[0]

    def _trained(self) -> State:
        if self.state is None:
            raise DataError("The rule has not trained a network yet", do="Call fit first.")
        return self.state

    def weights(self) -> dict[str, Tensor]:
        """Return the trained network and batch norm's statistics: `weight.l` [in, out], `mean.l`, `scale.l`, `bias.l`.

        Layer l is activation((x W - mean) * scale + bias), inputs first shifted and scaled to [0, 1]
        (`input.low`, `input.spread`); the activation of the last layer is the rule's `top`.

        Raises:
            DataError: `fit` was not called.
        """
        from auxin.math.rule_network import activate

        state, found = self._trained(), {"input.low": self.low, "input.spread": self.spread}
        x, layers = self.reference, len(state.weights)
        for number in range(layers):
            w, b = state.weights[number][0], state.biases[number][0]
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
            "The input has the wrong number of dimensions", expected="[N, ...]", found=str(tuple(rows.shape))
        )
    rows = rows.flatten(1)
    if not torch.isfinite(rows).all():
        raise DataError("The rows hold missing or infinite numbers", do="Fill or drop them.")
    return rows


def _check_training(rows: Tensor, steps: int, batch: int) -> None:
    """Refuse fewer rows than a batch holds, and numbers out of range."""
    if len(rows) < batch:
        raise DataError(
            "There are fewer rows than the batch size",
            expected=f"at least {batch}",
            found=str(len(rows)),
            do="Use a smaller batch.",
        )
    if steps < 0 or batch < 2:
        raise ConfigError(
            "The training settings are invalid",
            expected="steps >= 0 and batch >= 2",
            found=f"{steps}, {batch}",
        )
