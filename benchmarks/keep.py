"""Keep a finished comparison's results beside the documentation: what `auxin report` reads, without networks.

    python benchmarks/keep.py runs/compare-digits-1a2b3c4d results/digits-10-labels --root DIR

Folders of this machine are written as DIR (the data) and runs/NAME (the results).
"""

import argparse
import json
import shutil
from pathlib import Path

PARTS = (
    "manifest.json",
    "comparison.json",
    "confirmation.json",
    "figures/*.png",
    "runs/final/**/result.json",
)


def keep(source: Path, target: Path, root: Path | None) -> int:
    """Copy the parts; the number of files."""
    names = {str(source): f"runs/{target.name}", str(source.resolve()): f"runs/{target.name}"}
    if root is not None:
        names |= {str(root): "DIR", str(root.resolve()): "DIR"}
    if target.exists():
        shutil.rmtree(target)
    files = [file for part in PARTS for file in sorted(source.glob(part))]
    for file in files:
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".json":
            text = json.dumps(
                json.loads(file.read_text(encoding="utf-8")), separators=(",", ":"), ensure_ascii=False
            )
            for name in sorted(names, key=len, reverse=True):
                text = text.replace(name, names[name])
            place.write_text(text, encoding="utf-8")
        else:
            shutil.copyfile(file, place)
    return len(files)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="the folder of a finished comparison")
    parser.add_argument("target", type=Path, help="where to keep it; what is there is replaced")
    parser.add_argument("--root", type=Path, help="the folder of the data, written as DIR")
    asked = parser.parse_args()
    print(f"{keep(asked.source, asked.target, asked.root)} files in {asked.target}")
