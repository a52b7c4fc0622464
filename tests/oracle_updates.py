"""Optimiser steps written out from their papers' equations, for those that have no differentiable mode of their own.

Each takes one parameter, its gradient, its group and its state, and returns the parameter after the step. Nothing
here is shared with auxin; plain autograd differentiates it.
"""

import torch


def muon(w, g, group, state):
    """Muon with Newton-Schulz in the parameter's own format, by singular values: X p(X^T X) acts on them alone."""
    mu, (a, b, c) = group["momentum"], group["ns_coefficients"]
    buffer = mu * state.get("momentum_buffer", torch.zeros_like(g)) + (1 - mu) * g
    update = (1 - mu) * g + mu * buffer if group["nesterov"] else buffer
    x = update / (update**2).sum().sqrt()
    for _ in range(group["ns_steps"]):
        inner = x.T @ x
        x = x @ (a * torch.eye(len(inner), dtype=x.dtype) + b * inner + c * inner @ inner)
    rows, columns = w.shape
    ratio = 0.2 * max(rows, columns) ** 0.5 if group["adjust_lr_fn"] == "match_rms_adamw" else 1.0
    if group["adjust_lr_fn"] in (None, "original"):
        ratio = max(1.0, rows / columns) ** 0.5
    return (1 - group["lr"] * group["weight_decay"]) * w - group["lr"] * ratio * x


def adafactor(w, g, group, state):
    """Adafactor, algorithms 4 and 5 of the paper with torch's step size."""
    g = -g if group["maximize"] else g
    eps1, eps2 = group["eps"]
    eps1 = torch.finfo(w.dtype).eps if eps1 is None else eps1
    t = float(state["step"]) + 1 if state else 1.0
    beta = 1 - t ** group["beta2_decay"]
    alpha = max(eps2, float((w**2).mean().sqrt())) * min(group["lr"], t**-0.5)
    if g.dim() < 2:
        moment = beta * state["variance"] + (1 - beta) * g**2 if state else (1 - beta) * g**2
    else:
        rows, columns = (1 - beta) * (g**2).mean(-1, True), (1 - beta) * (g**2).mean(-2, True)
        if state:
            rows, columns = rows + beta * state["row_var"], columns + beta * state["col_var"]
        moment = rows * columns / torch.clamp(rows.mean(-2, True), min=eps1)
    u = g / torch.clamp(moment, min=eps1**2).sqrt()
    u = u / torch.clamp((u**2).mean().sqrt() / group["d"], min=1.0)
    return (1 - group["lr"] * group["weight_decay"]) * w - alpha * u


def _schedule_free(y, direction, group, state, beta):
    """Through x: z+ = z - a d, x+ = (1 - c) x + c z+, y+ = (1 - beta) z+ + beta x+."""
    k = group["k"]
    rate = group["lr"] * min(1.0, (k + 1) / group["warmup_steps"] if group["warmup_steps"] else 1.0)
    weight = (k + 1) ** group["r"] * max(rate, group["lr_max"]) ** group["weight_lr_power"]
    share = weight / (group["weight_sum"] + weight)
    z = state.get("z", y)
    x = (y - (1 - beta) * z) / beta
    z = z - rate * direction
    x = (1 - share) * x + share * z
    return (1 - beta) * z + beta * x


def schedule_free_sgd(y, g, group, state):
    """Schedule-free SGD by its three sequences."""
    return _schedule_free(y, g + group["weight_decay"] * y, group, state, group["momentum"])


def schedule_free_adamw(y, g, group, state):
    """Schedule-free AdamW by its three sequences."""
    first, second = group["betas"]
    square = second * state.get("exp_avg_sq", torch.zeros_like(g)) + (1 - second) * g**2
    root = (square / (1 - second ** (group["k"] + 1))).sqrt()
    return _schedule_free(y, g / (root + group["eps"]) + group["weight_decay"] * y, group, state, first)


WRITTEN = {
    "Muon": muon,
    "Adafactor": adafactor,
    "SGDScheduleFree": schedule_free_sgd,
    "AdamWScheduleFree": schedule_free_adamw,
}
