"""What a training step costs with a combiner that looks at the tasks' gradients: this tree beside another one.

    python benchmarks/gramian.py --other OLDER/src > table.md

Each tree runs in a process of its own, one thread; the parent asks them in turn for one step (or for `--row` steps, as
a training loop takes them: what the other process does between single steps empties the caches), so that both meet
the same machine, and takes the shortest of each in CPU time. A step is `aux(outputs, batch)`, `backward()` and
`optimizer.step()` of the user's own loop, without the meta step. Without `--other`, this tree alone is timed. The
Gramians of the two are compared in float64.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMBINERS = ("equal", "pcgrad", "gradient_cosine", "ol_aux", "gradnorm", "aux_nash")
HERE = Path(__file__).resolve().parent.parent / "src"


@dataclass(frozen=True)
class Case:
    """A network and a batch.

    Attributes:
        title: as the table names it.
        trunk: a trunk's name and its options.
        shape: the inputs' shape, without the batch dimension.
        batch: how many rows.
    """

    title: str
    trunk: tuple[str, dict[str, Any]]
    shape: tuple[int, ...]
    batch: int


CASES = {
    "mlp": Case("MLP 784-512-512, batch 64", ("mlp", {"hidden": 512}), (784,), 64),
    "mlp-small": Case("MLP 64-128-128, batch 128", ("mlp", {"hidden": 128}), (64,), 128),
    "resnet18-large": Case(
        "ResNet-18, strided stem, 32 x 32, batch 32", ("resnet18", {"stem": "large"}), (3, 32, 32), 32
    ),
    "resnet18-small": Case(
        "ResNet-18, small stem, 32 x 32, batch 8", ("resnet18", {"stem": "small"}), (3, 32, 32), 8
    ),
}


def serve(case: Case, combiner: str, tasks: int) -> None:
    """Answer every line on standard input: `step` by seconds, `gramian` by the Gramian in float64."""
    import torch

    import auxin
    from auxin.models import build_network
    from auxin.tasks.regression import Regression

    torch.set_num_threads(1)

    def made(dtype: Any) -> tuple[Any, Any, Any, Any]:
        names = ["main", *(f"aux{k}" for k in range(1, tasks))]
        heads = {name: Regression(name) for name in names}
        name, options = case.trunk
        network = build_network(name, case.shape, heads, seed=0, **options).to(dtype)
        auxiliary = auxin.Auxiliary(network, tasks=heads, main="main", combiner=combiner)
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(case.batch, *case.shape, generator=generator).to(dtype)
        y = {name: torch.randn(case.batch, generator=generator).to(dtype) for name in names}
        return network, auxiliary, torch.optim.SGD(network.parameters(), lr=1e-4), (x, y)

    network, auxiliary, optimizer, (x, y) = made(torch.float32)
    for line in sys.stdin:
        if line.strip() == "gramian":
            exact, looking, _, (inputs, targets) = made(torch.float64)
            for _ in range(2):
                looking(exact(inputs), (inputs, targets))
            found = looking.objective.gramian
            print(json.dumps(None if found is None else found.tolist()), flush=True)
            continue
        start = time.process_time()
        optimizer.zero_grad()
        auxiliary(network(x), (x, y)).backward()
        optimizer.step()
        again = getattr(
            auxiliary.combiner, "looks_again", False
        )  # FAMO evaluates the losses after the step too
        if again:
            auxiliary.after_step(optimizer)
        print(time.process_time() - start, flush=True)


class Tree:
    """A process that runs one tree's code."""

    def __init__(self, source: Path, case: str, combiner: str, tasks: int) -> None:
        words = [sys.executable, __file__, "--serve", case, combiner, str(tasks)]
        environment = {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, word: str) -> Any:
        """The answer to one line."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(
    case: str, combiner: str, tasks: int, sources: list[Path], times: int, row: int
) -> dict[str, Any]:
    """The shortest step of each tree, in seconds, and the largest difference of their Gramians in units of norms."""
    trees = [Tree(source, case, combiner, tasks) for source in sources]
    try:
        for tree in trees:  # the first steps find the shared parameters and compare
            tree.ask("step"), tree.ask("step")
        seconds = [
            min(column)
            for column in zip(
                *([min(t.ask("step") for _ in range(row)) for t in trees] for _ in range(times)), strict=True
            )
        ]
        apart = None
        if len(trees) > 1 and combiner not in ("equal",):
            apart = _apart(*[tree.ask("gramian") for tree in trees])
    finally:
        for tree in trees:
            tree.close()
    return {"case": case, "combiner": combiner, "seconds": seconds, "apart": apart}


def _apart(ours: list[list[float]], other: list[list[float]]) -> float:
    sizes = [other[k][k] ** 0.5 for k in range(len(other))]
    whole = any(ours[k][k] for k in range(1, len(ours)))
    places = [(i, j) for i in range(len(ours) if whole else 1) for j in range(len(ours))]
    return max(abs(ours[i][j] - other[i][j]) / (sizes[i] * sizes[j]) for i, j in places)


def table(found: list[dict[str, Any]]) -> str:
    """The measurements as a table in Markdown."""
    lines = [
        "| network | combiner | before, CPU s | now, CPU s | ratio | Gramian apart |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in found:
        ours, *rest = row["seconds"]
        before, ratio = (f"{rest[0]:.4f}", f"{ours / rest[0]:.2f}") if rest else ("", "")
        apart = "" if row["apart"] is None else f"{row['apart']:.0e}"
        lines.append(
            f"| {CASES[row['case']].title} | {row['combiner']} | {before} | {ours:.4f} | {ratio} | {apart} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--serve"]:
        serve(CASES[sys.argv[2]], sys.argv[3], int(sys.argv[4]))
        return
    from auxin.catalogue import names  # a process of --serve imports the other tree

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--other", type=Path, help="the `src` folder of the tree to compare with")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--combiners", nargs="+", choices=names("combiners"), default=COMBINERS)
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--times", type=int, default=5, help="turns")
    parser.add_argument("--row", type=int, default=1, help="steps in a turn")
    asked = parser.parse_args()
    sources = [HERE, *([asked.other] if asked.other else [])]
    found = []
    for case in asked.cases:
        for combiner in asked.combiners:
            found.append(measure(case, combiner, asked.tasks, sources, asked.times, asked.row))
            print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    print(table(found))


if __name__ == "__main__":
    main()
