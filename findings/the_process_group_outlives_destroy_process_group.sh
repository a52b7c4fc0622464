#!/usr/bin/env bash
# torch 2.13.0: which import decides whether torch.distributed.destroy_process_group ends the group's threads.
#
# Guess, written before the run: after destroy_process_group the threads of the gloo group are gone.
# Seen: they are gone only if no optimizer was constructed between init and destroy. The first optimizer imports, through
# torch._dynamo, torch.distributed.nn.functional, whose functions have `group=group.WORLD` as a default: evaluated then, it is the
# live group, which these functions hold for good. Its threads then go on until the interpreter ends. With
# `import torch.distributed.nn` before init_process_group the default is None and the group ends.
# Exits non-zero if the behaviour changes. (Linux: the threads' names are read from /proc.)
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6"
cat > "$folder/one.py" <<'PY'
import sys
from pathlib import Path

import torch
from torch import distributed as dist

if "early" in sys.argv:
    import torch.distributed.nn
dist.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=0, world_size=1)
if "optimizer" in sys.argv:
    torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.1)
dist.destroy_process_group()
names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
print(sum("gloo" in name for name in names))
PY
threads() { "$folder/env/bin/python" -W ignore "$folder/one.py" "$(mktemp -u "$folder/meetXXXX")" "$@"; }
none=$(threads) optimizer=$(threads optimizer) early=$(threads optimizer early)
echo "threads of gloo after destroy_process_group: $none without an optimizer, $optimizer with one, $early with one and the early import"
[ "$none" = 0 ] && [ "$optimizer" -gt 0 ] && [ "$early" = 0 ]
