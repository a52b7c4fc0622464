"""The losses of the consistencies against NumPy, and what one run of each learns."""

import numpy as np
import pytest
import torch
from torch import nn

from auxin.consistency.fixmatch import FixMatch
from auxin.consistency.mean_teacher import MeanTeacher
from auxin.consistency.vicreg import VICReg
from auxin.errors import ConfigError
from auxin.typing import Batch

DRAW = np.random.default_rng(0)
PAIRS = torch.tensor([-1, -1, -1, -1, 0, 1, 2, 3])


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_fixmatch_is_equation_4() -> None:
    z = DRAW.normal(size=(8, 3)) * 3
    found = FixMatch(3, threshold=0.8).task.loss(torch.from_numpy(z), PAIRS).numpy()
    p = softmax(z[:4])
    wanted = np.where(p.max(1) >= 0.8, -np.log(softmax(z[4:]))[np.arange(4), p.argmax(1)], 0.0)
    assert 0 < (p.max(1) >= 0.8).sum() < 4
    assert np.abs(found[4:] - wanted).max() < 1e-12


def test_vicreg_is_equations_1_to_6() -> None:
    z = DRAW.normal(size=(8, 5))
    found = VICReg(5, variance=0.7, covariance=0.3).task.loss(torch.from_numpy(z), PAIRS).numpy()
    weak, strong = z[:4], z[4:]
    distance = ((weak - strong) ** 2).mean(1)
    terms = 0.0
    for view in (weak, strong):
        cov = np.cov(view.T)
        terms += 0.7 * np.maximum(0, 1 - np.sqrt(np.diag(cov) + 1e-4)).mean()
        terms += 0.3 * ((cov**2).sum() - (np.diag(cov) ** 2).sum()) / 5
    assert np.abs(found[4:] - (distance + terms)).max() < 1e-12


def test_the_teacher_is_the_moving_average_of_the_weights() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    teacher = MeanTeacher(2, classes=True, decay=0.7)
    teacher.attach(network)
    wanted = {name: value.clone() for name, value in network.state_dict().items()}
    for step in range(1, 6):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += torch.randn_like(parameter)
        network(torch.randn(5, 3, dtype=torch.float64))
        teacher.after_step(network)
        keep = min(0.7, 1 - 1 / (step + 1))
        for name, value in network.state_dict().items():
            mixed = keep * wanted[name] + (1 - keep) * value if value.is_floating_point() else value
            wanted[name] = mixed.clone()
    for name, value in teacher.teacher.state_dict().items():
        assert torch.allclose(value, wanted[name], atol=1e-12)
    x = torch.randn(8, 3, dtype=torch.float64)
    with torch.no_grad():
        answers = teacher.teacher.eval()(x[:4]).softmax(1)
    targets = teacher.targets(Batch(x, {}, torch.arange(8)), PAIRS)
    assert torch.allclose(targets[4:], answers, atol=1e-12)
    output = torch.randn(8, 2, dtype=torch.float64)
    losses = teacher.task.loss(output, targets)[4:].numpy()
    difference = softmax(output[4:].numpy()) - answers.numpy()
    assert np.abs(losses - (difference**2).mean(1)).max() < 1e-12


class Shared(nn.Module):
    """Two layers with one weight, and a normalised one."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight
        self.last = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 2))


def test_the_teacher_moves_tied_weights_once_and_copies_the_vectors_of_a_spectral_norm() -> None:
    torch.manual_seed(0)
    network = Shared().double()
    teacher = MeanTeacher(2, classes=True, decay=0.5)
    teacher.attach(network)
    before = network.first.weight.detach().clone()
    for step in range(20):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += torch.randn_like(parameter)
            for _ in range(30):  # the power iteration follows the weight
                network.last(torch.zeros(1, 4, dtype=torch.float64))
        teacher.after_step(network)
        own, found = network.state_dict(), teacher.teacher.state_dict()
        if not step:
            assert torch.allclose(found["first.weight"], (before + own["first.weight"]) / 2)
        assert torch.equal(
            found["last.parametrizations.weight.0._u"], own["last.parametrizations.weight.0._u"]
        )


@pytest.mark.parametrize(
    "wrong",
    [lambda: FixMatch(3, 1.5), lambda: MeanTeacher(3, True, 1.0), lambda: VICReg(1), lambda: VICReg(4, -1)],
)
def test_options_out_of_range_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        wrong()
