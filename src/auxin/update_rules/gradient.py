"""Back-propagation of the reconstruction error as an update rule: an autoencoder whose decoder is V.

The ordinary way to train the same network without labels, under the same contract.
"""

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.math.rule_network import activate, forward, standardise
from auxin.paper import Paper
from auxin.update_rules.base import State, UpdateRule, check_inputs


class Gradient(UpdateRule):
    """Plain gradient descent on |x - mean x - decode(x^L)|^2 / 2, summed over inputs, mean over the batch.

    The decoder runs down the backward weights: y^(l-1) = activation(BN(V^l y^l)), the last step linear,
    without batch norm. W, V and b all move by -eta * gradient, which is zero behind a step activation.

    Args:
        step_size: eta.
        noise: standard deviation of noise added to the encoder's input (a denoising autoencoder).
        top: activation behind the top layer.

    Raises:
        ConfigError: A step size that is not positive.

    >>> rule = Gradient(step_size=0.1)
    >>> rule.step(rule.init_state((5, 2)), torch.rand(1, 9, 5)).age
    1
    """

    paper = Paper(
        "Reducing the Dimensionality of Data with Neural Networks",
        "Hinton, Salakhutdinov",
        2006,
        "https://doi.org/10.1126/science.1127647",
    )

    def __init__(self, *, step_size: float = 0.02, noise: float = 0.0, top: str = "relu") -> None:
        super().__init__()
        if step_size <= 0:
            raise ConfigError("step_size is out of range", expected="more than 0", found=str(step_size))
        self.step_size, self.noise, self.top = step_size, noise, top

    def step(self, state: State, x: Tensor, activation: str = "relu") -> State:
        """One step of gradient descent; the state it gives is cut from the graph."""
        check_inputs(state, x)
        with torch.enable_grad():
            tensors = [t.detach().requires_grad_() for t in state.tensors()]
            loss = self.loss(state.with_tensors(tensors), x, activation)
            gradient = torch.autograd.grad(loss.sum(), tensors, allow_unused=True, materialize_grads=True)
        moved = [t.detach() - self.step_size * g for t, g in zip(tensors, gradient, strict=True)]
        return state.with_tensors(moved, state.age + 1)

    def loss(self, state: State, x: Tensor, activation: str = "relu") -> Tensor:
        """The reconstruction error per task, [T]."""
        noisy = x + self.noise * torch.randn_like(x) if self.noise else x
        y = forward(state, noisy, activation, self.top).top
        layers = len(state.weights)
        for number in range(layers, 0, -1):
            y = state.backward[number - 1] @ y
            if number > 1:
                y = activate(standardise(y), activation)
        target = x.transpose(1, 2)
        target = target - target.mean(2, keepdim=True)
        return 0.5 * (y - target).square().sum(1).mean(1)
