#!/usr/bin/env bash
# torch 2.13.0: torch.distributions.kl_divergence between ContinuousBernoulli and Uniform(0, 1), which have the same support.
#
# Guess, written before the run: kl_divergence of every registered pair equals the mean log ratio of draws (within 6 standard errors).
# Seen: it is infinite in both directions, for every probability, also for .5, where the two are one distribution and the divergence is 0.
# Uniform(0, 1) and the equal Beta(1, 1) give finite numbers. An end of the support that coincides counts as one outside. No warning is given. Exits
# non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
from torch.distributions import Beta, ContinuousBernoulli, Uniform, kl_divergence

torch.manual_seed(0)
D, n, good = torch.float64, 100_000, True
uniform, beta = Uniform(torch.tensor(0.0, dtype=D), torch.tensor(1.0, dtype=D)), Beta(torch.tensor(1.0, dtype=D), torch.tensor(1.0, dtype=D))
wide = Uniform(torch.tensor(-1e-9, dtype=D), torch.tensor(1 + 1e-9, dtype=D))
for prob in (0.3, 0.5, 0.8):
    p = ContinuousBernoulli(torch.tensor(prob, dtype=D))
    for a, b in ((p, uniform), (uniform, p)):
        x = a.sample((n,))
        draws = float((a.log_prob(x) - b.log_prob(x)).mean())
        closed = float(kl_divergence(a, b))
        good &= closed == float("inf") and abs(draws) < 0.3
        print(f"torch {torch.__version__}: KL({type(a).__name__}, {type(b).__name__}), probability {prob}: {closed}, mean log ratio of {n:,} draws {draws:.4f}")
    print(f"  KL to a uniform that reaches 1e-9 further {float(kl_divergence(p, wide)):.4f}")
    good &= 0 <= float(kl_divergence(p, wide)) + 1e-6 < 0.3
print(f"  KL(Uniform, Beta(1, 1)) {float(kl_divergence(uniform, beta)):.4f}")
raise SystemExit(0 if good and abs(float(kl_divergence(uniform, beta))) < 1e-6 else 1)
PY
