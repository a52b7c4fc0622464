#!/usr/bin/env bash
# torch 2.13.0: SGD, Adam, AdamW and Adagrad with fused=True on the CPU, a gradient whose memory format is not the parameter's.
#
# Expected: fused, foreach and plain form take the same step. The gradient of a convolution of channels_last images by torch.autograd.grad has
# that format, while the weight is contiguous; meta-learning and gradient surgery then assign it to .grad.
# Seen: the fused kernels run through memory and pair each element of the parameter with the element of the gradient at the same place in memory,
# that is, with another weight's. The step has the right norm and a cosine of 0.2 to 0.3 with the right one. foreach=True and foreach=False
# agree. backward() itself lays .grad out as the parameter is, so it is not affected. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch

found = {}
for name, options in (("SGD", {}), ("Adam", {}), ("AdamW", {}), ("Adagrad", {})):
    steps = {}
    for mode in ("fused", "foreach", "plain"):
        torch.manual_seed(0)
        conv = torch.nn.Conv2d(3, 8, 3)
        images = torch.randn(4, 3, 9, 9).to(memory_format=torch.channels_last)
        (gradient,) = torch.autograd.grad(conv(images).pow(3).sum(), conv.weight)
        assert gradient.stride() != conv.weight.stride(), "the gradient's memory format"
        before = conv.weight.detach().clone()
        conv.weight.grad = gradient
        flag = {"fused": True} if mode == "fused" else {"foreach": mode == "foreach"}
        getattr(torch.optim, name)([conv.weight], lr=1e-3, **flag).step()
        steps[mode] = (conv.weight.detach() - before).flatten()
    cosine = {mode: float(torch.cosine_similarity(steps[mode], steps["plain"], dim=0)) for mode in ("fused", "foreach")}
    found[name] = cosine
    print(f"torch {torch.__version__} {name}: cosine with the plain step: fused {cosine['fused']:.3f}, foreach {cosine['foreach']:.3f}; norms {float(steps['fused'].norm()):.4g} and {float(steps['plain'].norm()):.4g}")
raise SystemExit(0 if all(c["fused"] < 0.7 and c["foreach"] > 0.9999 for c in found.values()) else 1)
PY
