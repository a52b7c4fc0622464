"""What a network puts out, as task functions read it: a class of outputs stays one in a meta step."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import auxin


@dataclass(frozen=True)
class Plain:
    logits: Tensor
    kind: str = "two"


class Named(NamedTuple):
    logits: Tensor


class Attributes(OrderedDict):
    """Items that are attributes too, as transformers' outputs."""

    @property
    def logits(self):
        return self["logits"]


MAKE = {
    "dataclass": Plain,
    "named": Named,
    "attributes": lambda logits: Attributes(logits=logits),
    "proxy": lambda logits: MappingProxyType({"logits": logits}),
    "list": lambda logits: [logits],
}


def read(out):
    if isinstance(out, list):
        return out[0]
    return out["logits"] if isinstance(out, Mapping) and not isinstance(out, Attributes) else out.logits


class Net(nn.Module):
    def __init__(self, make):
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.head, self.make = nn.Linear(3, 4), nn.Linear(4, 3), make

    def forward(self, x):
        return self.make(self.head(self.trunk(x).tanh()))


def weights(make):
    model = Net(make)
    tasks = {
        name: (lambda out, y, place=place: (read(out)[:, place] - y).pow(2))
        for place, name in enumerate("abc")
    }
    torch.manual_seed(1)
    aux = auxin.Auxiliary(model, main="a", tasks=tasks, combiner="linear", every=1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        batch = {"x": torch.randn(6, 3)} | {name: torch.randn(6) for name in "abc"}
        optimizer.zero_grad()
        aux(model(batch["x"]), batch).backward()
        optimizer.step()
        aux.after_step(optimizer, batch)
    return aux.weights()


@pytest.mark.parametrize("kind", MAKE)
def test_outputs_of_any_class(kind):
    found = weights(MAKE[kind])
    assert found["b"] != 1.0
    assert found == weights(MAKE["list"])
