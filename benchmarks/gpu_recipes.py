"""Ten minutes on one GPU: finished pieces of AuxiLearn's table 3 and MAXL's figure 3, and VGG-16's throughput.

    python benchmarks/gpu_recipes.py --root DIR --out results/gpu-recipes     # one GPU; DIR/cifar10, DIR/cifar100
    python benchmarks/gpu_recipes.py --tiny --out results/tiny                # the tiny form, on a CPU, from fixtures

The throughput comes first, since it is a minute and gives the extrapolation of the paper's run (200 epochs, 30 hours by
MAXL's authors). The recipes then share what is left of --minutes; each begins no piece after its part, keeps what is
finished, and resumes when the command is run again.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import gpu
import torch

from auxin.reports.recipe_table import markdown
from auxin.requests.reproduce import RecipeRequest, RecipeSize
from auxin.studies.reproduce import Reproduction, reproduce

_ROWS = ("single", "random", "nearest", "maxl", "human")
PIECES = {
    "auxilearn_table_3": tuple(f"cifar10--5-{row}" for row in ("single", "maxl", "auxilearn")),
    "maxl_figure_3": tuple(f"{levels}-{row}" for levels in ("20-to-100", "3-to-10") for row in _ROWS),
}
"""Recipes and the words of their pieces: VGG-16 on CIFAR-10 at 5 %, and on the hierarchies 20 to 100 and 3 to 10."""
VARIANTS = ["single, float32", "MAXL, exact, float32", "MAXL, exact, bfloat16"]


def throughput(root: Path | None, out: Path, tiny: bool) -> None:
    """VGG-16 by `gpu.py`: seconds per epoch, and the minutes of 200 epochs by extrapolation."""
    data = ["--tiny", "--steps", "1"] if tiny else ["--root", str(root), "--steps", "30"]
    gpu.main([*data, "--out", str(out / "throughput"), "--variants", *VARIANTS[: 1 if tiny else None]])


def recipe(
    name: str, words: tuple[str, ...], root: Path | None, out: Path, tiny: bool, budget: float
) -> None:
    """The pieces of one recipe that are finished in its time, and the table."""
    size = RecipeSize(only=() if tiny else words, seeds=None if tiny else 3)
    request = RecipeRequest(
        name=name, out=out / name, root=root, smoke=tiny, size=size, budget=budget, command="gpu_recipes.py"
    )
    found = reproduce(Reproduction(request))
    (out / name / "table.md").write_text(markdown(found), encoding="utf-8")
    print(f"{name}: {found.pieces} of {found.total} pieces are finished.")


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--root", type=Path, help="folder that holds cifar10 and cifar100")
    words.add_argument("--out", type=Path, default=Path("gpu-recipes"))
    words.add_argument("--minutes", type=float, default=10.0, help="wall time in all")
    words.add_argument(
        "--tiny", action="store_true", help="the tiny form, from fixtures; its numbers mean nothing"
    )
    told = words.parse_args(arguments)
    if not told.tiny and not torch.cuda.is_available():
        print("No GPU is available here, and these pieces are sized for one. --tiny runs their tiny form.")
        return 2
    if not told.tiny and told.root is None:
        words.error("--root is needed (or --tiny)")
    begun = time.monotonic()
    told.out.mkdir(parents=True, exist_ok=True)
    throughput(told.root and told.root / "cifar100", told.out, told.tiny)
    for left, (name, only) in zip((2, 1), PIECES.items(), strict=True):
        budget = (60 * told.minutes - (time.monotonic() - begun)) / left
        recipe(name, only, told.root, told.out, told.tiny, max(1.0, budget))
    return 0


if __name__ == "__main__":
    sys.exit(main())
