"""Today's `auxin fit` on cells that `run.py` made before: the same files, draws and folds.

    OMP_NUM_THREADS=1 python benchmarks/panel/again.py --cells runs/panel --record FILE

Rows that were opened once are opened again by it, which the pages must say. The record is as that of `outside.py`.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from run import read_options, score, truth
from sets import SETS

import auxin
from auxin.data import load
from auxin.fitting.of_dataset import fitted_dataset, flat, rows_of
from auxin.fitting.search import Search


def cell(name: str, draw: int, folder: Path) -> dict[str, Any]:
    """The score of what `fit` keeps, and what it cost."""
    one = SETS[name]
    train, test = (next(folder.glob(f"{part}.*")) for part in ("train", "test"))
    cpu = time.process_time()
    dataset = load(str(train), None, **read_options(one, train.suffix == ".csv"))
    present, every = dataset.has_main(), torch.arange(len(dataset))
    fitted = fitted_dataset(dataset, every[present], every[~present])
    search = Search(rows_of(fitted, every[present], every[~present]), seed=draw)
    choice = search.run()
    member = search.finish(choice)
    cpu = time.process_time() - cpu
    x, blank = fitted.encoder.encode(str(test), lambda _: None)
    outputs, wanted = member.outputs(flat(x, blank)), truth(search.rows.task, test, one.main)
    np.savez_compressed(
        folder / "fit-again.npz", outputs=outputs.numpy(), wanted=wanted.numpy(), labels=search.wanted.numpy(),
        **{f"oof|{e.family}|{e.name}": e.outputs.numpy() for e in search.entries},
    )  # fmt: skip
    return {
        "set": name, "draw": draw, "tool": "fit", "version": auxin.__version__, "limit": 0,
        "labels": len(search.wanted), "test": len(wanted), "cpu": cpu,
        "score": score(search.rows.task, outputs, wanted),
        "kept": [[e.name, w] for e, w in zip(choice.kept, choice.weights, strict=True)],
    }  # fmt: skip


def main() -> None:
    """Run the cells that there are."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--cells", type=Path, nargs="+", required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--draws", type=int, nargs="*", default=[0])
    parser.add_argument("--only", nargs="*", choices=list(SETS), metavar="SET")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found = json.loads(asked.record.read_text()) if asked.record.exists() else []
    done = {(c["set"], c["draw"]) for c in found}
    for draw in asked.draws:
        for name in asked.only or SETS:
            for place in asked.cells:
                folder = place / name.replace(" ", "_") / str(draw)
                if any(folder.glob("train.*")) and (name, draw) not in done:
                    found.append(cell(name, draw, folder))
                    asked.record.write_text(json.dumps(found, indent=0) + "\n")
                    kept = ", ".join(f"{n.split(' (')[0]} {w:.2f}" for n, w in found[-1]["kept"])
                    print(
                        f"{name:14} {draw} {found[-1]['score']:.3f} {found[-1]['cpu']:.0f} s [{kept}]",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
