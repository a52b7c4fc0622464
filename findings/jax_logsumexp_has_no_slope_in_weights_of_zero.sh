#!/usr/bin/env bash
# optax 0.2.8 with jax 0.10.2: optax.sigmoid_focal_loss, its derivative in the labels; jax.scipy.special.logsumexp(a, b=...), in b.
#
# Guess, written before the run: the loss is smooth in soft labels ("continuous labels in [0, 1]"), so its derivative in a label of exactly 0 or 1,
# where learned labels begin, equals a difference and the derivative at 1e-9 next to it.
# Seen: the derivative jumps at exactly 0 and 1: -1.30 for -.81 at 0, and +.01 for -.17 at 1, another sign. The loss calls logsumexp with weights
# y and 1 - y, and there the slope in a weight of exactly 0 is 0 instead of exp(a) / sum(b exp(a)), in forward and in reverse mode. So mixture
# weights, learned or gated, that begin at zero through logsumexp never leave it. Values are right and finite. No warning is given. Exits
# non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "jax==0.10.2" "jaxlib==0.10.2" "optax==0.2.8" "numpy==2.4.6" "scipy==1.16.3"
JAX_PLATFORMS=cpu "$folder/env/bin/python" -W ignore - <<'PY'
import jax
import jax.numpy as jnp
import optax
from jax.scipy.special import logsumexp

jax.config.update("jax_enable_x64", True)
ok = True
logit = jnp.array([0.7])
loss = lambda y: optax.sigmoid_focal_loss(logit, jnp.array([y])).sum()
for label, near in ((0.0, 1e-9), (1.0, 1 - 1e-9)):
    at, beside, step = float(jax.grad(loss)(label)), float(jax.grad(loss)(near)), 1e-6
    difference = float(loss(label + step) - loss(label - step)) / (2 * step)
    print(f"optax {optax.__version__}, jax {jax.__version__}: slope of the focal loss in a label of {label}: {at:.4f}, in a label of {near}: {beside:.4f}, difference {difference:.4f}")
    ok &= abs(beside - difference) < 1e-4 and abs(at - difference) > 0.1
a, b = jnp.array([0.3, -0.2, 1.0]), jnp.array([1.0, 0.0, 0.0])
reverse, forward = jax.grad(lambda b: logsumexp(a, b=b))(b), jax.jacfwd(lambda b: logsumexp(a, b=b))(b)
true = jnp.exp(a) / jnp.sum(b * jnp.exp(a))
print("slope of logsumexp in the weights (1, 0, 0):", reverse.tolist(), "forward", forward.tolist(), "true", true.tolist())
ok &= float(jnp.abs(reverse[1:]).max()) == 0 == float(jnp.abs(forward[1:]).max()) and float(true.min()) > 0.5
raise SystemExit(0 if ok else 1)
PY
