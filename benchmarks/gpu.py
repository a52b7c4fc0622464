"""What a GPU makes of the MAXL authors' recipe: seconds per epoch in every way to compute it, and what bounds it.

    python benchmarks/gpu.py --root CIFAR100_FOLDER --out results/gpu        # one GPU
    python benchmarks/gpu.py --tiny --out results/tiny                       # a smoke run on a CPU

VGG-16, batch 100, 20 primary and 100 auxiliary classes. MAXL takes a training step and a meta step on every batch, in
an epoch each; AuxiLearn a meta step every 25 training steps. Every variant starts from the same weights and meets the
same batches. An epoch is 500 steps, whatever number of rows the folder holds. Writes `gpu.json` and `gpu.md`.
"""

import argparse
import json
import platform
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import torch
from _gpu.floors import rates
from _gpu.measures import measure
from _gpu.report import report
from _gpu.variants import AGAIN, BASE, EPOCHS, FULL, ROWS, SIZE, TINY, VARIANTS, Sizes, data

from auxin.data import Dataset


def run(dataset: Dataset, sizes: Sizes, device: str, names: list[str]) -> dict[str, Any]:
    """All measurements."""
    rate, found = rates(sizes, device), {}
    for name in names:
        found[name] = measure(dataset, VARIANTS[name], sizes, device, rate)
        print(name, {k: v for k, v in found[name].items() if k != "losses"}, file=sys.stderr, flush=True)
    said = (
        f"VGG-16 ({sizes.width} channels in its first block), batch {sizes.batch}, {len(dataset):,} rows at hand. "
        f"Seconds per epoch and minutes are extrapolated from {sizes.steps} steps to epochs of {ROWS:,} rows in "
        f"batches of {SIZE}, {EPOCHS} of them."
    )
    kind = torch.cuda.get_device_name() if device.startswith("cuda") else f"{platform.machine()} CPU"
    return {
        "device": kind,
        "torch": torch.__version__,
        "said": said,
        "curve": sizes.curve,
        "rates": rate,
        "variants": found,
    }


def chosen(asked: list[str] | None) -> list[str]:
    """The variants' names, with those that they are compared with."""
    wanted = set(VARIANTS) if asked is None else {BASE, *asked, *(VARIANTS[name].base for name in asked)}
    return [name for name in VARIANTS if name in wanted]


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="folder of CIFAR-100's files")
    parser.add_argument("--out", type=Path, default=Path("gpu-results"), help="where gpu.json and gpu.md go")
    parser.add_argument(
        "--tiny", action="store_true", help="a few steps of a narrow network; on noise without --root"
    )
    parser.add_argument(
        "--device", help="default: cuda; with --tiny, cuda where there is one, and cpu elsewhere"
    )
    parser.add_argument("--variants", nargs="*", choices=list(VARIANTS), metavar="NAME", help="only these")
    parser.add_argument("--steps", type=int, help="steps per measurement")
    parser.add_argument("--list", action="store_true", help="the variants' names, and nothing else")
    given = parser.parse_args(arguments)
    if given.list:
        print("\n".join(VARIANTS))
        return
    if given.root is None and not given.tiny:
        parser.error("--root is needed (or --tiny for a smoke run)")
    found = "cuda" if torch.cuda.is_available() else "cpu"
    if found == "cpu" and not given.tiny and given.device is None:
        parser.exit(
            2,
            "No GPU is available here, and these measurements are sized for one. "
            "--tiny runs them small, --device cpu in full on the CPU.\n",
        )
    sizes = TINY if given.tiny else FULL
    if given.steps:
        sizes = Sizes(**{**vars(sizes), "steps": given.steps})
    result = run(data(given.root, given.tiny), sizes, given.device or found, chosen(given.variants))
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "gpu.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    text = report(result)
    (given.out / "gpu.md").write_text(text, encoding="utf-8")
    print(text)


__all__ = ["AGAIN", "main"]

if __name__ == "__main__":
    main()
