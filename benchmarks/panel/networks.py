"""Other small networks than `fit`'s, and repeated folds, on tables of the panel's development half.

    python benchmarks/panel/networks.py --shared DIR --packages DIR [--draws 2] [--repeats]

Without --repeats: accuracy or R^2 on the development sets' test rows of networks that are trained on every labelled
row, one kind a column, and CPU seconds: `network` as `fit` trains it; the same with the mean of its weights over the
last third of the steps; the same with piecewise-linear encodings of every column beside the columns; TabM (Gorishniy
et al. 2024) with and without piecewise-linear embeddings. Needs the packages tabm and rtdl_num_embeddings.
With --repeats, sets with fewer than 150 labels: what `fit` keeps by five folds once, and by five folds three times.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from run import drawn, score, truth
from sets import SETS
from torch import Tensor

from auxin.data import load
from auxin.fitting import network, search
from auxin.fitting.inputs import Inputs
from auxin.fitting.of_dataset import fitted_dataset, flat, rows_of
from auxin.fitting.rows import Rows
from auxin.fitting.scores import pooled

TABLES = (
    "jura", "emotions", "white wine", "breast cancer", "german", "vehicle", "satimage", "wage2", "star", "cars",
)  # fmt: skip
STEPS, RATE, COPIES, BINS = 200, 3e-3, 16, 12
Outputs = Callable[[Any], Tensor]


def ours(rows: Rows, seed: int) -> Outputs:
    """`fit`'s own."""
    return (
        network.NetworkCandidate("network", {"rate": 5e-3, "decay": 0.1, "dropout": 0.2})
        .train(rows, rows.labelled, seed)
        .outputs
    )


def averaged(rows: Rows, seed: int) -> Outputs:
    """`fit`'s own with the mean of its weights over the last third of the steps."""
    step_of, total, last = network._adamw, [], 2 * network.STEPS // 3

    def stepped(bank: Any, grads: Any, moments: Any, step: int, rate: Tensor, decay: Tensor) -> None:
        # a constant rate from there on, since a rate that falls to zero averages by itself
        step_of(bank, grads, moments, step, rate / network._pace(step) * max(network._pace(step), 0.3), decay)
        if step >= last:
            own = [p.detach().clone() for p in bank.parameters()]
            total[:] = own if step == last else [a + b for a, b in zip(total, own, strict=True)]
        if step == network.STEPS - 1:
            for p, value in zip(bank.parameters(), total, strict=True):
                p.data = value / (network.STEPS - last)

    network._adamw = stepped
    try:
        return ours(rows, seed)
    finally:
        network._adamw = step_of


def encoded(rows: Rows, seed: int) -> Outputs:
    """`fit`'s own on the columns and their piecewise-linear encodings."""
    import rtdl_num_embeddings as embeddings

    inputs, bins = _bins(rows)
    encode = embeddings.PiecewiseLinearEncoding(bins)

    def beside(x: np.ndarray) -> np.ndarray:
        z = inputs.transform(x)
        return torch.cat([z, encode(z)], 1).numpy()

    trained = ours(Rows(beside(rows.x), rows.task, rows.y), seed)
    return lambda x: trained(beside(x))


def tabm(rows: Rows, seed: int, embedded: bool = False) -> Outputs:
    """TabM's mini ensemble of `COPIES` networks."""
    import rtdl_num_embeddings as embeddings
    import tabm as package

    torch.manual_seed(seed)
    inputs, bins = _bins(rows)
    if embedded:
        made = embeddings.PiecewiseLinearEmbeddings(bins, d_embedding=8, activation=False, version="B")
    task, x = rows.task, inputs.transform(rows.x[rows.labelled])
    y = rows.y[torch.from_numpy(rows.labelled)]
    model = package.TabM.make(
        n_num_features=x.shape[1], d_out=task.width, k=COPIES, n_blocks=2, d_block=64, dropout=0.1,
        num_embeddings=made if embedded else None,
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.01)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 20, 2 * (STEPS - step) / STEPS)
        found = model(x)
        loss = sum(task.loss(found[:, k], y).mean() for k in range(COPIES)) / COPIES
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
    model.eval()

    def outputs(new: np.ndarray) -> Tensor:
        with torch.no_grad():
            found = model(inputs.transform(new)).double()
        return pooled(task, list(found.unbind(1)))

    return outputs


def _bins(rows: Rows) -> tuple[Inputs, list[Tensor]]:
    """How the columns are standardised, and quantiles of each."""
    inputs = Inputs.fit(rows)
    z = inputs.transform(rows.x)
    found = []
    for column in z.T:
        edges = torch.quantile(column, torch.linspace(0, 1, BINS + 1)).unique()
        found.append(edges if len(edges) > 1 else torch.tensor([-1.0, 1.0]))
    return inputs, found


KINDS: Mapping[str, Callable[[Rows, int], Outputs]] = {
    "network": ours,
    "mean of weights": averaged,
    "encoded": encoded,
    "TabM": tabm,
    "TabM, embedded": lambda rows, seed: tabm(rows, seed, embedded=True),
}


def prepared(name: str, draw: int, asked: Any, folder: Path) -> tuple[Rows, np.ndarray, Tensor]:
    """Training rows, test inputs and test labels, as a cell of the panel has them."""
    one = SETS[name]
    train, test, options = drawn(name, one, draw, one.read(asked.shared, asked.packages), folder)
    dataset = load(str(train), None, **options)
    present, every = dataset.has_main(), torch.arange(len(dataset))
    fitted = fitted_dataset(dataset, every[present], every[~present])
    x, blank = fitted.encoder.encode(str(test), lambda _: None)  # type: ignore[union-attr]
    rows = rows_of(fitted, every[present], every[~present])
    return rows, flat(x, blank), truth(rows.task, test, one.main)


def networks(rows: Rows, x: np.ndarray, wanted: Tensor, draw: int) -> dict[str, tuple[float, float]]:
    """Test score and CPU seconds of each kind."""
    alone = Rows(rows.x, rows.task, rows.y, groups=rows.groups)
    found = {}
    for kind, train in KINDS.items():
        begun = time.process_time()
        outputs = train(alone, draw)(x)
        found[kind] = (score(rows.task, outputs, wanted), time.process_time() - begun)
    return found


def repeated(rows: Rows, x: np.ndarray, wanted: Tensor, draw: int) -> dict[str, tuple[float, float]]:
    """Test score and CPU seconds of `fit` by one and by three draws of the folds."""
    found = {}
    for repeats in (1, 3):
        search.REPEATS = repeats
        begun = time.process_time()
        one = search.Search(rows, seed=draw)
        member = one.finish(one.run())
        found[f"{repeats} x 5 folds"] = (
            score(rows.task, member.outputs(x), wanted), time.process_time() - begun
        )  # fmt: skip
    return found


def main() -> None:
    """Print a line per cell, and the means."""
    import tempfile

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--repeats", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    names = [n for n in TABLES if not asked.repeats or SETS[n].labels < 150]
    cells = []
    for draw in range(asked.draws):
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                rows, x, wanted = prepared(name, draw, asked, Path(folder))
            found = (repeated if asked.repeats else networks)(rows, x, wanted, draw)
            cells.append(found)
            print(f"{name:14} {draw} " + ", ".join(f"{k} {v:.3f}" for k, (v, _) in found.items()), flush=True)
    first, *others = cells[0]
    print(
        "| kind | mean score | minus the first, mean and standard error | CPU s |\n| --- | --- | --- | --- |"
    )
    for kind in (first, *others):
        values, cost = np.array([c[kind] for c in cells]).T
        gain = values - np.array([c[first][0] for c in cells])
        error = gain.std(ddof=1) / len(gain) ** 0.5
        print(f"| {kind} | {values.mean():.3f} | {gain.mean():+.4f} ± {error:.4f} | {cost.mean():.2f} |")


if __name__ == "__main__":
    main()
