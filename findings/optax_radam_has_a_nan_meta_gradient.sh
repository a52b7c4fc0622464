#!/usr/bin/env bash
# optax 0.2.8 with jax 0.10.2: the derivative of the weights after some steps of optax.radam in the learning rate (a hypergradient by unrolling).
#
# Expected: it equals a difference, as with optax.adam, in forward and in reverse mode.
# Seen: reverse mode gives NaN from the third step on; forward mode and the value are right. The factor of the rectified step is the root of a
# negative number in the first five steps, where the plain step is taken instead; the choice is a jnp.where, so backward multiplies the NaN of the
# branch that was not taken by zero. The same holds for any derivative that passes through the state: a start, a weight of a loss. adam,
# adabelief, yogi, lamb, adafactor and novograd are right. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "jax==0.10.2" "jaxlib==0.10.2" "optax==0.2.8" "numpy==2.4.6" "scipy==1.16.3"
JAX_PLATFORMS=cpu "$folder/env/bin/python" -W ignore - <<'PY'
import math

import jax
import jax.numpy as jnp
import optax

jax.config.update("jax_enable_x64", True)

def outer(settings, steps, rule):
    rate, weight = settings
    rule, w = rule(rate), jnp.array([1.0, 2.0])
    state = rule.init(w)
    for _ in range(steps):
        update, state = rule.update(jax.grad(lambda w: weight * (w ** 2).sum())(w), state, w)
        w = optax.apply_updates(w, update)
    return (w ** 2).sum()

ok, at, h = True, jnp.array([0.05, 1.0]), 1e-5
for name in ("adam", "radam"):
    rule = getattr(optax, name)
    for steps in (1, 2, 3, 4, 6, 10):
        reverse, forward = jax.grad(outer)(at, steps, rule), jax.jacfwd(outer)(at, steps, rule)
        difference = [float(outer(at + h * e, steps, rule) - outer(at - h * e, steps, rule)) / (2 * h) for e in jnp.eye(2)]
        print(f"optax {optax.__version__}, {name}, {steps} steps, derivative of the outer loss in the rate and in the inner loss's weight: reverse"
              f" {[round(float(v), 4) for v in reverse]}, forward {[round(float(v), 4) for v in forward]}, difference {[round(v, 4) for v in difference]}")
        ok &= all(abs(float(f) - d) < 1e-3 for f, d in zip(forward, difference))
        ok &= math.isnan(float(reverse[0])) == (name == "radam" and steps >= 3)
raise SystemExit(0 if ok else 1)
PY
