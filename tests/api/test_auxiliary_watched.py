"""What a loop does from one loss to the next and the look-ahead does not is told by name, and nothing else is."""

import copy
import pickle
import sys
import warnings
from pathlib import Path
from queue import SimpleQueue

import pytest
import torch
from auxiliary_cases import batch, functions, net
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from auxin.api.auxiliary import Auxiliary
from real_step import Reversed


def nothing(*arguments):
    del arguments


def looped(
    make=torch.optim.SGD,
    call=lambda model, x: model(x),
    change=nothing,
    after=nothing,
    lost=lambda loss, model: loss,
    steps=3,
    model=None,
    every=1,
    **options,
):
    """The warnings of a loop of some steps."""
    model = model or net()
    optimizer = make(model.parameters(), 0.1)
    aux = Auxiliary(model, main="main", tasks=functions(), combiner="linear", every=every, **options)
    aux.combiner.double()
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always", RuntimeWarning)
        for seed in range(steps):
            data = batch(seed)
            loss = lost(aux(call(model, data["x"]), data), model)
            optimizer.zero_grad()
            loss.backward()
            change(model)
            optimizer.step()
            after(model)
            aux.after_step(optimizer, batch(9))
    assert not optimizer._optimizer_step_post_hooks
    return [str(each.message) for each in given if each.category is RuntimeWarning]


def observed():
    """A network with a backward hook, which a further backward pass would call once more."""
    model = net()
    model.heads["near"].register_full_backward_hook(nothing)
    return model


def by_norm(model):
    nn.utils.clip_grad_norm_(model.parameters(), 0.05)


def by_value(model):
    nn.utils.clip_grad_value_(model.parameters(), 0.01)


def a_part(model):
    nn.utils.clip_grad_norm_(model.trunk.parameters(), 0.001)


def noise(model):
    for p in model.parameters():
        p.grad += torch.randn_like(p)


def frozen(model):
    for p in model.trunk.parameters():
        p.grad = None


def penalised(loss, model):
    return loss + sum(p.pow(2).sum() for p in model.trunk.parameters())


def moved(model):
    with torch.no_grad():
        model.trunk.weight.clamp_(-0.1, 0.1)


def by_data(model):
    model.trunk.weight.data = model.trunk.weight.data.clamp(-0.1, 0.1)


def other_rows(model, x):
    return model(x) | {"far": model(x + 1)["far"]}


def in_parts(model, x, stop=lambda hidden: hidden):
    """The network's own function, by its parts: one head may see the trunk as a constant."""
    hidden = torch.tanh(model.norm(model.trunk(x)))
    return {name: head(stop(hidden) if name == "far" else hidden) for name, head in model.heads.items()}


def turned(model, x):
    out = model(x)
    return out | {"far": Reversed.apply(out["far"])}


def with_constants(model, x):
    lent = {name: p.detach() if "trunk" in name else p for name, p in model.named_parameters()}
    return torch.func.functional_call(model, lent, (x,))


def hooked(model, x):
    out = model(x)
    out["near"].register_hook(lambda grad: grad / 10)
    return out


@pytest.mark.parametrize(
    ("habit", "match"),
    [
        ({"change": by_norm}, r"used 0\.\d+ times the gradient.*takes it once.*clip_norm"),
        ({"change": by_norm, "clip_norm": 0.01}, r"takes 0\.\d+ times it \(clip_norm=0.01\)"),
        ({"lost": lambda loss, model: loss / 2}, r"used 0\.5 times"),
        ({"change": a_part}, r"other gradients of trunk\.weight, trunk\.bias\. "),
        ({"change": by_value}, "other gradients of"),
        ({"change": by_value, "clip_value": 0.02}, "other gradients of"),
        ({"change": noise}, "other gradients of"),
        ({"change": frozen}, r"other gradients of trunk\.weight, trunk\.bias\. "),
        ({"lost": penalised}, r"other gradients of trunk\.weight"),
        ({"after": moved}, r"between the optimiser's step and the next loss.*found trunk\.weight\."),
        ({"after": by_data}, r"found trunk\.weight\."),
        ({"change": moved}, r"between the loss and the optimiser's step.*found trunk\.weight\."),
        ({"change": by_norm, "model": observed()}, r"used 0\.\d+ times the gradient.*takes it once.*clip_norm"),
        ({"change": a_part, "model": observed()}, r"other gradients of trunk\.weight, trunk\.bias\. "),
        ({"after": moved, "model": observed()}, r"the optimiser's step and the next loss.*found trunk\.weight\."),
        ({"call": lambda model, x: {k: v / 2 for k, v in model(x).items()}}, "outputs of 'main', 'near', 'far'"),
        ({"call": other_rows}, r"outputs of 'far' that"),
        ({"call": lambda model, x: in_parts(model, x + 1)}, "outputs of 'main', 'near', 'far' that"),
        ({"call": lambda model, x: in_parts(model, x, torch.detach)}, "gradients of the outputs of 'far' that"),
        ({"call": lambda model, x: copy.deepcopy(model)(x)}, "gradients of the outputs of 'main', 'near', 'far' that"),
        ({"call": with_constants}, "called with other parameters than its own"),
        ({"call": turned}, "gradients of the outputs of 'far' that"),
        ({"call": hooked}, "gradients of the outputs of 'near' that"),
    ],
)  # fmt: skip
def test_what_the_look_ahead_does_not_do_is_told(habit, match):
    told = looped(**habit)
    assert len(told) == 1
    with pytest.warns(RuntimeWarning, match=match):
        warnings.warn(told[0], RuntimeWarning, stacklevel=1)


def double(model):
    with torch.no_grad():
        saved = model.trunk.weight.clone()
        model.trunk.weight.mul_(2)  # weights of another model for an evaluation, and back
        model.trunk.weight.copy_(saved)


@pytest.mark.parametrize(
    "habit",
    [
        {},
        {"make": torch.optim.Adam, "steps": 12},
        {"change": by_norm, "clip_norm": 0.05},
        {"change": by_norm, "clip_norm": 0.05, "model": observed()},
        {"change": by_value, "clip_value": 0.01},
        {"after": double},
        {"call": lambda model, x: {k: v.float() for k, v in model(x).items()}},
        {"model": net(dropout=0.3, norm=True)},
        {"call": in_parts},
        {"call": lambda model, x: torch.func.functional_call(model, dict(model.named_parameters()), (x,))},
        {"call": lambda model, x: model.forward(x), "model": net(dropout=0.3, norm=True)},
        {"call": lambda model, x: {k: v.clone() for k, v in model(x).items()}},
    ],
)
def test_what_it_does_is_not_told(habit):
    assert looped(**habit) == []


def test_backward_hooks_are_called_by_the_loop_alone():
    model, calls = observed(), SimpleQueue()
    model.heads["near"].register_full_backward_hook(lambda *_: calls.put(1))
    looped(steps=3, model=model, every=100)
    assert calls.qsize() == 3


@pytest.mark.parametrize("make", [net, observed])
@pytest.mark.parametrize("order", ["before", "after"])
def test_accumulation_is_let_through(order, make):
    """Over micro-batches of different sizes, divided by their number, under a scale."""
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), 0.01)
    aux = Auxiliary(model, main="main", tasks=functions(), combiner="linear", every=1)
    aux.combiner.double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(9):
            data = batch(seed, rows=6 + seed)
            loss = aux(model(data["x"]), data) / 3
            loss.backward()
            if seed % 3 == 2:
                by_norm(model)
                optimizer.step()
                if order == "before":
                    optimizer.zero_grad()
                aux.after_step(optimizer, batch(9))
                optimizer.zero_grad()


def test_a_penalty_that_begins_later_is_told_in_the_end():
    seen = []

    def later(loss, model):
        seen.append(loss)
        return penalised(loss, model) if len(seen) > 5 else loss

    assert looped(lost=later, steps=6) == []
    seen.clear()
    assert len(looped(lost=later, steps=12)) == 1


def test_outputs_that_are_stopped_later_are_told_in_the_end():
    seen = []

    def later(model, x):
        seen.append(x)
        return model(x) if len(seen) < 6 else in_parts(model, x, torch.detach)

    assert looped(call=later, steps=6) == []
    seen.clear()
    assert len(looped(call=later, steps=12)) == 1


@pytest.mark.parametrize("key", ["x", "far"])
def test_a_batch_that_is_written_into_before_the_meta_step_is_told(key):
    """As a loader does that uses its memory again; here by NumPy, which no version counter sees."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    aux = Auxiliary(model, main="main", tasks=functions(), combiner="linear", every=2)
    aux.combiner.double()

    def train():
        for seed in range(4):
            data = batch(seed)
            aux(model(data["x"]), data).backward()
            optimizer.step()
            optimizer.zero_grad()
            data[key].numpy()[:2] = 1 + data[key].numpy()[:1] % 2
            aux.after_step(optimizer, batch(9))

    words = "the inputs" if key == "x" else "the labels of 'far'"
    with pytest.warns(
        RuntimeWarning, match=f"the batch was written into: found other numbers in {words}"
    ) as given:
        train()
    assert sum("written into" in str(each.message) for each in given) == 1


def test_a_network_that_is_watched_can_be_copied():
    model = net()
    aux = Auxiliary(model, main="main", tasks=functions(), combiner="linear")
    aux.combiner.double()
    out = model(batch(0)["x"])
    copied, other = copy.deepcopy((model, aux))
    pickle.dumps(other)
    assert torch.equal(copied(batch(0)["x"])["far"], out["far"])


def test_a_closure_and_a_scaler():
    for scaled in (False, True):
        model = net().float()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaled)
        aux = Auxiliary(model, main="main", tasks=functions(), combiner="linear", every=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for seed in range(3):
                data = {k: v.float() if k == "x" else v for k, v in batch(seed).items()}

                def closure(data=data, model=model, aux=aux, optimizer=optimizer):
                    optimizer.zero_grad()
                    loss = aux(model(data["x"]), data)
                    loss.backward()
                    return loss

                if scaled:
                    optimizer.zero_grad()
                    scaler.scale(aux(model(data["x"]), data)).backward()
                    scaler.step(optimizer)
                    scaler.update()
                else:
                    optimizer.step(closure)
                aux.after_step(optimizer, data)


def test_an_optimiser_that_did_not_step_with_the_others_is_told():
    model = net()
    each = [torch.optim.SGD(part.parameters(), 0.1) for part in (model.trunk, model.heads)]
    aux = Auxiliary(model, main="main", tasks=functions(), combiner="linear", every=1)
    aux.combiner.double()

    def alternate():
        for seed in range(3):
            data = batch(seed)
            model.zero_grad()
            aux(model(data["x"]), data).backward()
            for optimizer in each[seed % 2 :]:
                optimizer.step()
            aux.after_step(each, data)

    with pytest.warns(RuntimeWarning, match="SGD did not step with the others") as given:
        alternate()
    assert len(given) == 1


class Once(torch.autograd.Function):
    """The identity, whose backward pass can be taken once, as that of a compiled network."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        if torch._C._autograd._get_current_graph_task_keep_graph():
            raise RuntimeError("This backward function was compiled with non-empty donated buffers")
        return grad.clone()


@pytest.mark.parametrize(
    ("habit", "count"),
    [({}, 0), ({"clip_norm": 0.05, "change": by_norm}, 0), ({"change": by_norm}, 1), ({"change": a_part}, 1),
     ({"after": moved}, 1), ({"lost": penalised}, 0)],
)  # fmt: skip
def test_a_backward_pass_that_can_be_taken_once_is_watched_as_the_loop_takes_it(habit, count):
    def call(model, x):
        return {name: Once.apply(out) for name, out in model(x).items()}

    assert len(looped(every=100, call=call, **habit)) == count


@pytest.mark.parametrize(
    ("habit", "count"),
    [({}, 0), ({"change": by_norm}, 1), ({"change": noise}, 1), ({"lost": penalised}, 1), ({"after": moved}, 1),
     ({"change": moved}, 1), ({"change": by_norm, "model": observed()}, 0)],
)  # fmt: skip
def test_several_processes_compare_the_mean_of_their_gradients(habit, count, monkeypatch):
    """Here the mean is over one; beside backward hooks weights alone are compared. Two have a test of their own."""
    watched = "auxin.api._watched_step."
    monkeypatch.setattr(watched + "parallel", lambda: True)
    monkeypatch.setattr(watched + "anywhere", bool)
    monkeypatch.setattr(watched + "averaged", lambda tensors, like: list(tensors))
    told = looped(**habit)
    assert len(told) == count
    assert all("the processes' mean gradient" in words or "moved" in words for words in told)
