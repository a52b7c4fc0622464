#!/usr/bin/env bash
# torch 2.13.0: torch.export of a network with a gradient reversal layer (domain-adversarial training), trained on after loading.
#
# Guess, written before the run: ep.module() has the reversed gradient, or the export is refused.
# Seen: the exported module computes the same outputs, and the gradient of everything below the layer has the other sign; with strict=True
# these parameters get no gradient at all. What an autograd.Function does in its backward pass is not in the exported graph. So fine-tuning an
# exported network trains its features *for* the domain classifier. The same holds for straight-through estimators, whose gradient becomes
# zero. torch.compile keeps the reversal. No warning is given. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import copy
import io
import torch


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return -g


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features, self.domain = torch.nn.Linear(3, 3), torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.domain(Reverse.apply(self.features(x)))


def gradient(model):
    for p in model.parameters():
        p.grad = None
    model(x).sum().backward()
    return dict(model.named_parameters())["features.weight"].grad


torch.manual_seed(0)
network, x = Network(), torch.randn(4, 3)
own, ratios = gradient(network).clone(), {}
for strict in (False, True):
    file = io.BytesIO()
    torch.export.save(torch.export.export(copy.deepcopy(network), (x,), strict=strict), file)
    file.seek(0)
    module = torch.export.load(file).module()
    same, found = (module(x) - network(x)).abs().max().item(), gradient(module)
    ratios[strict] = None if found is None else (found / own).mean().item()
    print(f"strict={strict}: outputs {same:.0e} apart, gradient of the features", "missing" if found is None else f"{ratios[strict]:+.2f} times the network's")
print("torch", torch.__version__)
raise SystemExit(0 if ratios[True] is None and abs(ratios[False] + 1) < 1e-5 else 1)
PY
