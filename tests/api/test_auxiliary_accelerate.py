"""Gradient accumulation by Accelerate beside a meta loader."""

from typing import Any

import pytest
import torch
from auxiliary_cases import batch, make, net

accelerate = pytest.importorskip("accelerate")


@pytest.fixture
def accelerator():
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(True)
    GradientState._reset_state()
    yield accelerate.Accelerator(gradient_accumulation_steps=4, cpu=True)
    AcceleratorState._reset_state(True)
    GradientState._reset_state()


@pytest.mark.parametrize("rows", [3, 24])
@pytest.mark.parametrize("given", ["loader", "iterator", "function"])
def test_a_prepared_meta_loader_leaves_the_windows_to_the_training_loader(accelerator, rows, given):
    model, data = net(), batch()
    whole: Any = [{k: v[i % len(v)] for k, v in data.items()} for i in range(24)]
    loaders = [torch.utils.data.DataLoader(part, batch_size=2) for part in (whole[:20], whole[:rows])]
    model, optimizer, train, meta = accelerator.prepare(
        model, torch.optim.SGD(model.parameters(), lr=0.1), *loaders
    )
    endless = iter(drawn for _ in range(10) for drawn in meta)
    source = {"loader": meta, "iterator": endless, "function": lambda: next(endless)}[given]
    aux = make(model, every=1)
    for _ in range(2):
        steps = []
        for number, drawn in enumerate(train, 1):
            with accelerator.accumulate(model):
                accelerator.backward(aux(model(drawn["x"]), drawn))
                optimizer.step()
                if accelerator.sync_gradients:
                    assert aux.after_step(optimizer, source) is not None
                    steps.append(number)
                optimizer.zero_grad()
        assert steps == [4, 8, 10]
        assert not accelerator.gradient_state.in_dataloader
