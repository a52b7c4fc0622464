#!/usr/bin/env bash
# optuna 5.0.0: PatientPruner(None, patience=3, min_delta=...), early stopping of a trial ("prunes the trial if the improvement in the
# intermediate values after a patience period is less than a threshold", "min_delta: tolerance value to check whether or not the objective improves").
#
# Expected: with min_delta=0.1 a trial whose loss falls by less than 0.1 over the patience is pruned, and a larger
# min_delta prunes earlier.
# Seen: the sign is the other one. Pruned is a trial whose best value of the last steps is WORSE than the best one before by more than min_delta.
# A loss that stands still is never pruned, not with min_delta=0 either, and one that gets worse by 0.09 is kept with min_delta=0.1:
# the larger min_delta, the later a trial ends. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "optuna==5.0.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)

def pruned_at(curve, min_delta):
    study = optuna.create_study(direction="minimize", pruner=optuna.pruners.PatientPruner(None, patience=3, min_delta=min_delta))
    trial = study.ask()
    for step, value in enumerate(curve):
        trial.report(value, step)
        if trial.should_prune():
            return step
    return None

curves = {
    "falls by 0.5 a step": [20 - 0.5 * k for k in range(30)],
    "stands still": [1.0] * 30,
    "falls by 0.001 a step": [1 - 0.001 * k for k in range(30)],
    "jumps up by 0.09 and stays there": [1.0] * 5 + [1.09] * 25,
    "jumps up by 0.2 and stays there": [1.0] * 5 + [1.2] * 25,
}
print(f"optuna {optuna.__version__}, PatientPruner(None, patience=3): the step at which a trial of 30 steps is pruned")
found = {}
for name, curve in curves.items():
    for delta in (0.0, 0.1, 0.5):
        found[name, delta] = pruned_at(curve, delta)
    print(f"  loss {name}: min_delta 0 {found[name, 0.0]}, 0.1 {found[name, 0.1]}, 0.5 {found[name, 0.5]}")
kept = [found[name, d] is None for name in ("falls by 0.5 a step", "stands still", "falls by 0.001 a step") for d in (0.0, 0.1, 0.5)]
small = [found["jumps up by 0.09 and stays there", d] for d in (0.0, 0.1, 0.5)]
large = [found["jumps up by 0.2 and stays there", d] for d in (0.0, 0.1, 0.5)]
raise SystemExit(0 if all(kept) and small[0] is not None and small[1:] == [None, None] and None not in large[:2] and large[2] is None else 1)
PY
