#!/usr/bin/env bash
# optax 0.2.8 with jax 0.10.2: optax.rprop, against torch 2.13.0's Rprop and the paper (Riedmiller and Braun 1993).
#
# Expected: the first step is learning_rate against the sign of the first gradient, and each step uses the gradient it is given.
# Seen: every step makes the move that belongs to the gradient before: the first step does not move, the second moves by the first
# gradient's sign, and so on. With gradients 1, 1, -1, -1, 1 optax moves by 0, -.1, 0, 0, 0 and torch by -.1, -.12, 0, .06, 0: the step back
# after a change of sign is lost. On a parabola 20 steps from 1 end at .051 with optax and at .003 with torch. No warning is given. Exits
# non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "jax==0.10.2" "jaxlib==0.10.2" "optax==0.2.8" "numpy==2.4.6" "scipy==1.16.3" "torch==2.13.0"
JAX_PLATFORMS=cpu "$folder/env/bin/python" -W ignore - <<'PY'
import jax
import jax.numpy as jnp
import optax
import torch

jax.config.update("jax_enable_x64", True)

def in_optax(gradient, steps, start=1.0):
    rule, w, moves = optax.rprop(0.1), jnp.array([start]), []
    state = rule.init(w)
    for step in range(steps):
        update, state = rule.update(jnp.array([gradient(step, float(w[0]))]), state, w)
        w = optax.apply_updates(w, update)
        moves.append(round(float(update[0]), 4) + 0.0)
    return moves, float(w[0])

def in_torch(gradient, steps, start=1.0):
    w, moves = torch.tensor([start], dtype=torch.float64, requires_grad=True), []
    rule = torch.optim.Rprop([w], lr=0.1)
    for step in range(steps):
        before = float(w)
        w.grad = torch.tensor([gradient(step, before)], dtype=torch.float64)
        rule.step()
        moves.append(round(float(w) - before, 4) + 0.0)
    return moves, float(w)

given = lambda step, w: (1.0, 1.0, -1.0, -1.0, 1.0)[step]
optax_moves, torch_moves = in_optax(given, 5)[0], in_torch(given, 5)[0]
print(f"gradients 1, 1, -1, -1, 1: optax {optax.__version__} moves by {optax_moves}, torch {torch.__version__} by {torch_moves}")
parabola = lambda step, w: 2 * w
ends = {steps: (in_optax(parabola, steps)[1], in_torch(parabola, steps)[1]) for steps in (10, 20, 30, 40)}
print("a parabola from 1, (optax, torch) after so many steps:", {k: tuple(round(v, 6) for v in pair) for k, pair in ends.items()})
raise SystemExit(0 if optax_moves[0] == 0 and optax_moves[1] == torch_moves[0] == -0.1 and torch_moves[1] == -0.12 else 1)
PY
