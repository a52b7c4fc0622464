"""Independent references: hypergradients by differentiating through everything, and small problems to try
them on.

Nothing here uses auxin's own derivatives: networks are called through `torch.func.functional_call`, updates
are torch's own differentiable optimisers (SGD is written out, because torch detaches its first momentum),
and one graph holds it all.
"""

import copy
import warnings
from contextlib import contextmanager

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from auxin.hypergradients import BilevelProblem
from oracle_updates import WRITTEN

D = torch.float64


@contextmanager
def doubles():
    """Torch keeps step counts, and so bias corrections, in the default precision: make that float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(D)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


# ---------------------------------------------------------------------------------------------------- updates


def sgd_reference(params, grads, group, states):
    """SGD written out from its equations."""
    after = []
    for w, g, state in zip(params, grads, states, strict=True):
        g = (-g if group["maximize"] else g) + group["weight_decay"] * w
        d = g
        if group["momentum"]:
            old = state.get("momentum_buffer")
            b = g if old is None else group["momentum"] * old + (1 - group["dampening"]) * g
            d = g + group["momentum"] * b if group["nesterov"] else b
        after.append(w - group["lr"] * d)
    return after


def torch_reference(kind, params, grads, group, states, keep=False):
    """Torch's own optimiser in its differentiable mode."""
    moving = [w.clone() for w in params]
    options = {k: v for k, v in group.items() if k != "params"} | {"differentiable": True}
    for switch in ("foreach", "fused", "capturable"):
        if switch in options:
            options[switch] = False if switch == "capturable" else None
    if kind is torch.optim.AdamW:
        options.pop("decoupled_weight_decay", None)
    optimizer = kind(moving, **options)
    for w, g, state in zip(moving, grads, states, strict=True):
        w.grad = g
        if state:
            optimizer.state[w] = {
                k: torch.as_tensor(x).clone().double() for k, x in state.items() if x is not None
            }
    with warnings.catch_warnings(), doubles():
        warnings.simplefilter("ignore")
        optimizer.step()
    return (moving, [optimizer.state[w] for w in moving]) if keep else moving


def next_parameters(optimizer, params, grads, clip_norm=None, clip_value=None):
    """W+ as a function of the gradients, for an optimiser whose groups hold `params` in order."""
    if clip_norm is not None:
        total = torch.sqrt(sum((g * g).sum() for g in grads))
        grads = [g * torch.clamp(clip_norm / (total + 1e-6), max=1.0) for g in grads]
    if clip_value is not None:
        grads = [
            torch.maximum(torch.minimum(g, g.new_tensor(clip_value)), g.new_tensor(-clip_value))
            for g in grads
        ]
    after, start = [], 0
    for group in optimizer.param_groups:
        own = group["params"]
        rows = slice(start, start + len(own))
        states = [optimizer.state.get(p, {}) for p in own]
        written = WRITTEN.get(type(optimizer).__name__)
        if written is not None:
            rowed = zip(params[rows], grads[rows], states, strict=True)
            after += [written(w, g, group, state) for w, g, state in rowed]
        elif type(optimizer) is torch.optim.SGD:
            after += sgd_reference(params[rows], grads[rows], group, states)
        else:
            after += torch_reference(type(optimizer), params[rows], grads[rows], group, states)
        start += len(own)
    return after


# --------------------------------------------------------------------------------------------- hypergradients


@contextmanager
def restored(*modules):
    """Whatever happens inside, buffers and the random state are as before afterwards."""
    states = [copy.deepcopy(m.state_dict()) for m in modules]
    rng = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(rng)
        for module, state in zip(modules, states, strict=True):
            module.load_state_dict(state)


def run(network, names, params, inputs):
    buffers = {k: b.clone() for k, b in network.named_buffers()}
    return functional_call(network, {**dict(zip(names, params, strict=True)), **buffers}, inputs)


def lookahead_reference(problem, train, meta, optimizer, clip_norm=None, clip_value=None):
    """d/dphi [ L_A(U(W, grad L_T(W, phi))) + R(phi) ] by one graph through both gradients."""
    names = [k for k, p in problem.network.named_parameters() if p.requires_grad]
    params = [p.detach().requires_grad_() for p in problem.network.parameters() if p.requires_grad]
    with restored(problem.network, *problem.auxiliary), sdpa_kernel(SDPBackend.MATH):
        context = problem.context(train) if problem.context else None
        signals = run(problem.network, names, params, problem.inputs(train))
        loss = (
            problem.criterion(signals, train, context)
            if problem.context
            else problem.criterion(signals, train)
        )
        grads = torch.autograd.grad(loss, params, create_graph=True, allow_unused=True)
        grads = [torch.zeros_like(p) if g is None else g for g, p in zip(grads, params, strict=True)]
        after = next_parameters(optimizer, params, grads, clip_norm, clip_value)
        outer = problem.outer(run(problem.network, names, after, problem.inputs(meta)), meta)
        if problem.regulariser is not None:
            outer = outer + problem.regulariser(context)
        return torch.autograd.grad(outer, list(problem.phi), allow_unused=True, materialize_grads=True)


def unrolled_reference(problem, batches, meta, optimizer):
    """d/dphi of the outer loss after one differentiable step per batch, all in one graph; R averaged over
    batches."""
    names = [k for k, p in problem.network.named_parameters() if p.requires_grad]
    params = [p.detach().requires_grad_() for p in problem.network.parameters() if p.requires_grad]
    group = optimizer.param_groups[0]
    states = [dict(optimizer.state.get(p, {})) for p in group["params"]]
    outer = 0.0
    with restored(problem.network, *problem.auxiliary), sdpa_kernel(SDPBackend.MATH):
        for batch in batches:
            context = problem.context(batch) if problem.context else None
            signals = run(problem.network, names, params, problem.inputs(batch))
            loss = (
                problem.criterion(signals, batch, context)
                if problem.context
                else problem.criterion(signals, batch)
            )
            grads = torch.autograd.grad(loss, params, create_graph=True, allow_unused=True)
            grads = [torch.zeros_like(p) if g is None else g for g, p in zip(grads, params, strict=True)]
            if problem.regulariser is not None:
                outer = outer + problem.regulariser(context) / len(batches)
            params, states = next_with_state(type(optimizer), params, grads, group, states)
        outer = outer + problem.outer(run(problem.network, names, params, problem.inputs(meta)), meta)
        return torch.autograd.grad(outer, list(problem.phi), allow_unused=True, materialize_grads=True)


def next_with_state(kind, params, grads, group, states):
    """One step with its state's graph: momentum SGD written out, others by torch's differentiable mode."""
    if kind is torch.optim.SGD:
        new = []
        for w, g, state in zip(params, grads, states, strict=True):
            g = g + group["weight_decay"] * w
            old = state.get("momentum_buffer")
            new.append(
                {
                    "momentum_buffer": g
                    if old is None
                    else group["momentum"] * old + (1 - group["dampening"]) * g
                }
            )
        return sgd_reference(params, grads, group, states), new
    return torch_reference(kind, params, grads, group, states, keep=True)


def relative(found, expected):
    """|found - expected| / |expected| over all entries."""
    a = torch.cat([x.detach().reshape(-1) for x in found])
    b = torch.cat([x.detach().reshape(-1) for x in expected])
    return float((a - b).norm() / b.norm())


# --------------------------------------------------------------------------------------------------- problems


class Heads(nn.Module):
    """A trunk with a main and an auxiliary head; signals by task."""

    def __init__(self, trunk, width, main=3, aux=6):
        super().__init__()
        self.trunk, self.main, self.aux = trunk, nn.Linear(width, main), nn.Linear(width, aux)

    def forward(self, x):
        z = self.trunk(x)
        return {"main": self.main(z), "aux": self.aux(z)}


class Attention(nn.Module):
    """Pixels as tokens through one encoder layer."""

    def __init__(self, width=8):
        super().__init__()
        self.embed = nn.Linear(2, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 12, dropout=0.2, batch_first=True)

    def forward(self, x):
        return self.layer(self.embed(x.flatten(2).transpose(1, 2))).mean(1)


def conv(norm):
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), norm(), nn.ReLU(True), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 2), norm(), nn.SiLU(), nn.Flatten(),
    )  # fmt: skip


def dense(*middle):
    return nn.Sequential(nn.Flatten(), nn.Linear(72, 9), *middle, nn.Linear(9, 16), nn.Tanh())


TRUNKS = {
    "mlp": lambda: dense(nn.Softplus()),
    "batch_norm": lambda: conv(lambda: nn.BatchNorm2d(4)),
    "layer_norm": lambda: dense(nn.LayerNorm(9), nn.GELU()),
    "dropout": lambda: dense(nn.ReLU(), nn.Dropout(0.4)),
    "attention": lambda: nn.Sequential(Attention(8), nn.Linear(8, 16)),
}


def images(rows=6, seed=0):
    """A batch (x, main labels)."""
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 2, 6, 6, generator=g, dtype=D), (torch.arange(rows) + seed) % 3


class Generator(nn.Module):
    """A label generator with batch norm: soft labels over two auxiliary classes per main class."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(72, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 6)
        )

    def forward(self, batch):
        x, y = batch
        mine = torch.arange(6) // 2 == y[:, None]
        return torch.softmax(self.net(x).masked_fill(~mine, -torch.inf), 1)


def main_loss(signals, batch):
    return F.cross_entropy(signals["main"], batch[1])


def soft_labels(network):
    """phi generates auxiliary labels; focal loss; the entropy of the mean label as regulariser."""
    generator = Generator().to(D)

    def criterion(signals, batch, targets):
        log_p = signals["aux"].log_softmax(1)
        return main_loss(signals, batch) - (targets * (1 - log_p.exp()) ** 2 * log_p).sum(1).mean()

    def entropy(targets):
        mean = targets.mean(0)
        return 0.2 * (mean * mean.log()).sum()

    return BilevelProblem(
        network, criterion, main_loss, generator.parameters(), context=generator, regulariser=entropy,
        auxiliary=[generator],
    )  # fmt: skip


def per_sample(signals, batch):
    aux = F.cross_entropy(signals["aux"], batch[1], reduction="none")
    return torch.stack([F.cross_entropy(signals["main"], batch[1], reduction="none"), aux], 1)


def sample_weights(network):
    """phi weighs samples and tasks."""
    weights = torch.randn(6, 2, dtype=D).requires_grad_()
    return BilevelProblem(
        network, lambda s, b: (weights.sigmoid() * per_sample(s, b)).mean(), main_loss, [weights]
    )


def combiner_network(network):
    """phi is a network from the two losses to one; a second parameter has no influence."""
    combiner = nn.Sequential(nn.Linear(2, 4), nn.Softplus(), nn.Linear(4, 1)).to(D)
    unused = torch.zeros(3, dtype=D, requires_grad=True)
    phi = [*combiner.parameters(), unused]
    return BilevelProblem(network, lambda s, b: combiner(per_sample(s, b)).square().mean(), main_loss, phi)


PROBLEMS = {"soft_labels": soft_labels, "sample_weights": sample_weights, "combiner": combiner_network}


def make(trunk="mlp", problem="soft_labels", seed=0):
    """A problem on a small two-headed network in training mode, float64."""
    torch.manual_seed(seed)
    network = Heads(TRUNKS[trunk](), 16).to(D).train()
    return PROBLEMS[problem](network)


def warm(optimizer, steps=3, seed=7):
    """Take steps on random gradients, so that the optimiser has a state."""
    g = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = 0.3 * torch.randn(p.shape, generator=g, dtype=p.dtype)
        optimizer.step()
        optimizer.zero_grad()
