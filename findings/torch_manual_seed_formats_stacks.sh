#!/usr/bin/env bash
# torch 2.13.0 (CPU): torch.manual_seed before every draw that has to repeat, on a machine without an accelerator.
#
# Guess, written before the run: it sets one number of a generator, a microsecond or two.
# Seen: every call formats the caller's whole stack three times (for CUDA, XPU and MTIA, each of which notes who seeded it, in case it is
# initialised later), so that its cost grows with the depth of the caller: in a test, a trainer or a notebook a few tenths of a millisecond,
# hundreds of times that of torch.default_generator.manual_seed, which draws the same numbers. Code that seeds per step, per row or per
# augmentation pays it. The documentation names no cost. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
CUDA_VISIBLE_DEVICES="" "$folder/env/bin/python" -W ignore - <<'PY'
import traceback

import torch

depths = []
plain = traceback.format_stack


def counted(*args, **kwargs):
    found = plain(*args, **kwargs)
    depths.append(len(found))
    return found


traceback.format_stack = counted


def deep(levels, seed):
    return deeper(levels - 1, seed) if levels else seed(7)


def deeper(levels, seed):
    return deep(levels - 1, seed) if levels else seed(7)


for levels in (0, 50):
    depths.clear()
    deep(levels, torch.manual_seed)
    first = torch.rand(3)
    print(f"torch.manual_seed, {levels} frames deeper: stacks formatted {len(depths)}, their lines {depths}")
    assert len(depths) == 3, "the behaviour has changed"
    assert min(depths) > levels
depths.clear()
deep(50, torch.default_generator.manual_seed)
print(f"torch.default_generator.manual_seed: stacks formatted {len(depths)}, same numbers {torch.equal(first, torch.rand(3))}")
assert not depths
PY
