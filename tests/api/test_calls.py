"""The first batch's inputs beside what the network was called with."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import auxin


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def forward(self, x, mask=None):
        z = self.layer(x if mask is None else x * mask)
        return {"a": z[:, :3], "b": z[:, 3:]}


def batch(rows=5):
    return {
        "x": torch.randn(rows, 4), "mask": torch.ones(rows, 4),
        "a": torch.arange(rows) % 3, "b": torch.arange(rows) % 3,
    }  # fmt: skip


def made(model, **options):
    tasks = dict.fromkeys("ab", cross_entropy)
    return auxin.Auxiliary(model, main="a", tasks=tasks, combiner="linear", every=1, **options)


@pytest.mark.parametrize(
    ("call", "inputs", "differs"),
    [
        (lambda m, b: m(b["x"]), "x", False),
        (lambda m, b: m(b["x"].double().float()), "x", False),
        (lambda m, b: m(mask=b["mask"], x=b["x"]), ("x", "mask"), False),
        (lambda m, b: (m(b["x"]), m(torch.randn(2, 4)))[0], "x", False),
        (lambda m, b: m(b["x"] + 0.3 * torch.randn(5, 4)), "x", True),
        (lambda m, b: m(b["x"].flip(0)), "x", True),
        (lambda m, b: m(b["x"], b["mask"]), "x", True),
        (lambda m, b: m(b["x"]), ("x", "mask"), True),
        (lambda m, b: m.forward(b["x"].flip(0)), "x", False),  # not seen
    ],
)
def test_other_inputs_than_the_batchs_are_named_once(call, inputs, differs):
    torch.manual_seed(0)
    model = Masked()
    aux = made(model, inputs=inputs)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            rows = batch()
            aux(call(model, rows), rows).backward()
    assert [str(w.message)[:60] for w in said if "other inputs" in str(w.message)] == [
        "The network was called with other inputs than the batch hold"
    ] * differs
    assert not model._forward_pre_hooks


def test_a_watched_network_is_copied_saved_and_compiled():
    model = Masked()
    aux, rows = made(model), batch()
    assert pickle.loads(pickle.dumps(copy.deepcopy(model))).layer.weight.shape == (6, 4)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    aux(compiled(rows["x"]), rows).backward()
    assert not model._forward_pre_hooks
    assert not made(torch.jit.trace(nn.Linear(4, 3), rows["x"])).watched.seen
