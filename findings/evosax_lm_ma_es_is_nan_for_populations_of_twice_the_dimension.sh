#!/usr/bin/env bash
# evosax 0.3.2 with jax 0.10.2: LM_MA_ES (Loshchilov et al. 2019) with its defaults on a smooth function of few parameters.
#
# Expected: it finds the minimum of a sphere in any number of dimensions, as MA_ES and CMA_ES do, or refuses a population it cannot use.
# Seen: the mean is NaN from the second generation on where the population is more than twice the number of parameters: the rates population / dimension are
# not limited to 1 and a root of a negative number is taken. The best fitness that is reported is then that of the first draws, for ever. In 40
# dimensions the same population works. Nothing is raised and no warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "evosax==0.3.2" "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6" "scipy==1.17.1"
"$folder/env/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import jax
import jax.numpy as jnp
from evosax import algorithms

def run(algorithm, dimension, population, generations=300):
    strategy = algorithm(population_size=population, solution=jnp.zeros(dimension))
    params, key = strategy.default_params, jax.random.key(0)
    state, first = strategy.init(key, jnp.zeros(dimension), params), None
    for generation in range(generations):
        key, ask, tell = jax.random.split(key, 3)
        x, state = strategy.ask(ask, state, params)
        state, metrics = strategy.tell(tell, x, jnp.sum((x - 1.0) ** 2, axis=1), state, params)
        if first is None and bool(jnp.isnan(state.mean).any()):
            first = generation + 1
    return first, float(metrics["best_fitness"])

print(f"evosax {version('evosax')}: sphere of dimension d, population n, 300 generations")
found = {}
for name in ("LM_MA_ES", "MA_ES"):
    for dimension, population in ((4, 20), (9, 20), (12, 20), (40, 20), (4, 6)):
        found[name, dimension, population] = run(getattr(algorithms, name), dimension, population)
        print(f"  {name}, d={dimension}, n={population}: mean is NaN from generation {found[name, dimension, population][0]}, best fitness {found[name, dimension, population][1]:.3g}")
lost = all(found["LM_MA_ES", d, 20][0] is not None and found["LM_MA_ES", d, 20][1] > 0.1 for d in (4, 9))
kept = all(found["LM_MA_ES", d, n][0] is None for d, n in ((12, 20), (40, 20), (4, 6)))
raise SystemExit(0 if lost and kept and all(found[k][0] is None for k in found if k[0] == "MA_ES") else 1)
PY
