#!/usr/bin/env bash
# torch 2.13.0: the derivative of F.kl_div in its target (distillation, learned soft labels) where a target probability is exactly 0.
#
# Guess, written before the run: finite or minus infinity where the target is 0, no NaN.
# Seen: NaN, by reverse and by forward mode, although the loss is finite there (0 log 0 counts as 0). A softmax gives an exact 0 in float32 as
# soon as two logits are 104 apart, and then the gradient of every logit is NaN, the other classes' too. So it is for one-hot targets that are
# learned. log_target=True and cross_entropy with the same probabilities are finite. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torch.nn.functional as F

inputs = torch.tensor([[0.2, 0.3, 0.5]]).log()
target = torch.tensor([[0.0, 0.4, 0.6]], requires_grad=True)
loss = F.kl_div(inputs, target, reduction="batchmean")
(slope,) = torch.autograd.grad(loss, target)
tangent = torch.func.jvp(lambda t: F.kl_div(inputs, t, reduction="batchmean"), (target.detach(),), (torch.ones(1, 3),))[1]
print(f"torch {torch.__version__} kl_div: loss {float(loss):.3f}, gradient in the target {slope.tolist()}, forward mode {float(tangent)}")

logits = torch.tensor([[0.0, 120.0, 119.0]], requires_grad=True)
probabilities = logits.softmax(1)
seen = {
    "kl_div": F.kl_div(inputs, probabilities, reduction="batchmean"),
    "kl_div(log_target)": F.kl_div(inputs, logits.log_softmax(1), reduction="batchmean", log_target=True),
    "cross_entropy": F.cross_entropy(inputs, probabilities),
}
nan = {}
for name, value in seen.items():
    (gradient,) = torch.autograd.grad(value, logits, retain_graph=True)
    nan[name] = bool(gradient.isnan().all())
    print(f"labels softmax{logits.tolist()[0]} = {[round(p, 3) for p in probabilities.tolist()[0]]}: {name} {float(value):.3f}, gradient in the logits {gradient.tolist()[0]}")
raise SystemExit(0 if bool(slope[0, 0].isnan()) and bool(tangent.isnan()) and nan == {"kl_div": True, "kl_div(log_target)": False, "cross_entropy": False} else 1)
PY
