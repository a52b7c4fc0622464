#!/usr/bin/env bash
# torchcp 1.2.1 with torch 2.13.0: SAPS(randomized=False), the sorted adaptive prediction sets.
#
# Guess, written before the run: the score of a row's label is the entry of that label among the row's scores, as for APS, RAPS, LAC and TOPK,
# and sets calibrated for 70 % cover about 70 %.
# Seen: where the label is the most probable class the calibration score is 0, while the same class has its probability for a score in prediction.
# A classifier that is right more often than 1 - alpha has the threshold 0, and every prediction set is empty: coverage 0 %, without a
# warning. With the random term (the default) both are the same on average, and coverage is right. The script steps over the
# package's __init__, which needs a compiler for torchsort. Exits non-zero if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "scipy==1.17.1" "scikit-learn==1.9.1" "tqdm==4.67.1"
"$folder/env/bin/python" -m pip install -q --no-deps "torchcp==1.2.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import sys
import sysconfig
import types
from importlib.metadata import version

import torch

for name in ("torchcp", "torchcp.classification"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [sysconfig.get_paths()["purelib"] + "/" + name.replace(".", "/")]
from torchcp.classification.predictor import SplitPredictor
from torchcp.classification.score import APS, RAPS, SAPS, TOPK

torch.manual_seed(0)
logits = 3 * torch.randn(4000, 5)
labels = torch.multinomial(logits.softmax(1), 1)[:, 0]
rows = torch.arange(2000)
print(f"torchcp {version('torchcp')}: the classifier is right on {(logits.argmax(1) == labels).float().mean():.3f} of the rows; sets are asked to cover .7")
found = {}
for name, score in {"APS": APS(randomized=False), "RAPS": RAPS(randomized=False), "TOPK": TOPK(randomized=False), "SAPS": SAPS(randomized=False), "SAPS, randomised": SAPS()}.items():
    predictor = SplitPredictor(score, alpha=0.3, device="cpu")
    predictor.calculate_threshold(logits[:2000], labels[:2000])
    sets = predictor.predict_with_logits(logits[2000:])
    apart = (score(logits[:2000], labels[:2000]) - score(logits[:2000])[rows, labels[:2000]]).abs().max().item()
    found[name] = sets[rows, labels[2000:]].float().mean().item(), apart
    print(f"{name}: threshold {predictor.q_hat.item():.3f}, coverage {found[name][0]:.3f}, classes per set {sets.sum(1).float().mean():.2f}, the label's score is up to {apart:.2f} from its entry among all")
plain = [found[n] for n in ("APS", "RAPS", "TOPK")]
ok = all(c >= 0.67 and a < 1e-6 for c, a in plain) and found["SAPS, randomised"][0] > 0.67
raise SystemExit(0 if ok and found["SAPS"][0] == 0 and found["SAPS"][1] > 0.5 else 1)
PY
