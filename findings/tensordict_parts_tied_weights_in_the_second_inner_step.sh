#!/usr/bin/env bash
# tensordict 0.15.3 with torch 2.13.0: inner steps (MAML) by tensordict.from_module and to_module, on a network with tied weights.
#
# Guess, written before the run: losses and gradients equal those of torch.func.functional_call.
# Seen: from_module lists the shared weight under both names. In the first step both get the whole gradient and stay equal; the tensors that come
# out are two, so from the second step on each gets its own part, and the network that is trained has an embedding and an output layer of its
# own. functional_call keeps the tie, because named_parameters lists the weight once. No warning is given. Exits non-zero if the behaviour
# changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "tensordict==0.15.3"
"$folder/env/bin/python" -W ignore - <<'PY'
import tensordict
import torch
from tensordict import from_module
from torch.nn.functional import cross_entropy


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = torch.nn.Embedding(6, 4), torch.nn.Linear(4, 6, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, words):
        return self.head(self.embedding(words).tanh())


torch.manual_seed(0)
net, words, targets = Tied().double(), torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5])
losses, params = {"tensordict": [], "functional_call": []}, from_module(net)
for _ in range(4):
    with params.to_module(net):
        loss = cross_entropy(net(words), targets)
    gradients = iter(torch.autograd.grad(loss, list(params.values(True, True)), create_graph=True))
    params = params.apply(lambda p: p - 0.5 * next(gradients))
    losses["tensordict"].append(round(float(loss), 4))
apart = float((params["embedding", "weight"] - params["head", "weight"]).abs().max())
fast = dict(net.named_parameters())
for _ in range(4):
    loss = cross_entropy(torch.func.functional_call(net, fast, (words,)), targets)
    gradients = torch.autograd.grad(loss, list(fast.values()), create_graph=True)
    fast = {name: p - 0.5 * g for (name, p), g in zip(fast.items(), gradients)}
    losses["functional_call"].append(round(float(loss), 4))
print(f"tensordict {tensordict.__version__}, torch {torch.__version__}: losses of four inner steps {losses}; the two weights are {apart:.2f} apart in the end")
one, two = losses.values()
raise SystemExit(0 if one[:2] == two[:2] and abs(one[3] - two[3]) > 0.01 and apart > 0.1 else 1)
PY
