#!/usr/bin/env bash
# torch_geometric 2.8.1 with torch 2.13.0: a batch of graphs of which only some have a label y.
#
# Guess, written before the run: graphs without y raise an error, or the batch marks them.
# Seen: the first graph of the batch decides. If it has no y, the batch has none, without a warning, although the others have; if it has
# one, the next graph without raises KeyError. With few labels most batches of a shuffled loader begin with an unlabelled graph, so their
# labels are lost. y=None counts as absent. A label of -1 or NaN in every graph is right. Exits non-zero
# if the behaviour changes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install -q "torch==2.13.0" "numpy==2.4.6" "torch_geometric==2.8.1"
"$folder/env/bin/python" -W ignore - <<'PY'
import torch
import torch_geometric
from torch_geometric.data import Batch, Data

edges = torch.tensor([[0, 1], [1, 0]])


def graph(**label):
    return Data(x=torch.randn(2, 3), edge_index=edges, **label)


labelled, bare, none = graph(y=torch.tensor([1])), graph(), graph(y=None)
silent = ["y" in Batch.from_data_list([first, labelled, labelled]) for first in (bare, none)]
try:
    Batch.from_data_list([labelled, bare])
    raised = False
except KeyError as error:
    raised = str(error) == "'y'"
whole = Batch.from_data_list([graph(y=torch.tensor([-1])), labelled, labelled]).y.tolist()
print(f"torch_geometric {torch_geometric.__version__}: a batch that begins with an unlabelled graph has y: {silent[0]} (y=None: {silent[1]});"
      f" one that begins with a labelled graph raises KeyError: {raised}; with -1 for gaps y is {whole}")
raise SystemExit(0 if silent == [False, False] and raised and whole == [-1, 1, 1] else 1)
PY
