"""The table of a learned rule's evaluation, for the terminal and for Markdown."""

import statistics
from collections.abc import Sequence
from typing import Any

NAMES = {
    "raw": "raw inputs",
    "pca": "PCA",
    "pca_whitened": "PCA, whitened",
    "kmeans": "k-means (triangle)",
    "random_relu": "random features, ReLU",
    "random_linear": "random features, linear",
    "hand_rule": "hand rule (Hebb + decorrelation)",
    "autoencoder": "autoencoder",
    "vae": "VAE",
    "supervised": "supervised, same labels",
    "random_network": "random network (step 0)",
    "untrained_rule": "untrained rule",
}


def terminal(result: dict[str, Any]) -> Any:
    """One data set's table for rich."""
    from rich import box
    from rich.table import Table

    title = f"{result['data']}: accuracy after {result['judged_at']} steps (chance {result['chance']:.2f})"
    table = Table(box=box.SIMPLE_HEAD, title=title, pad_edge=False)
    for head in ("Features", "plain", "tuned", "rule - this (tuned)"):
        table.add_column(head, justify="left" if head == "Features" else "right", no_wrap=True)
    for name, row in ordered(result):
        style = "bold" if name in result["rules"] else ""
        table.add_row(
            label(name), spread(row["plain"]), spread(row["tuned"]), _gap(result, name), style=style
        )
    table.add_section()
    for kind in ("inductive", "shuffled_labels"):
        rows = list(result[kind].values())
        plain, tuned = (statistics.fmean(r[key][0] for r in rows) for key in ("plain", "tuned"))
        words = {
            "inductive": "rule, inductive batch norm",
            "shuffled_labels": "rule, support labels shuffled",
        }
        table.add_row(words[kind], f"{plain:.3f}", f"{tuned:.3f}", "")
    return table


def ordered(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The rows, best last."""
    return sorted(result["rows"].items(), key=lambda item: item[1]["tuned"][0])


def label(name: str) -> str:
    """A row's name for people."""
    return NAMES.get(name, f"learned rule {name!r}")


def spread(value: Sequence[float]) -> str:
    """Mean and standard error."""
    return f"{value[0]:.3f} ± {value[1]:.3f}"


def _gap(result: dict[str, Any], name: str) -> str:
    """The mean over rules of the paired difference to this row, with its standard error over networks."""
    if name in result["rules"]:
        return ""
    mean, error = gap(result, name, "tuned")
    return f"{mean:+.3f} ± {error:.3f}"


def gap(result: dict[str, Any], name: str, kind: str) -> tuple[float, float]:
    """Rules (mean over them) minus a row, paired by network: mean and standard error over networks."""
    other = result["rows"][name][f"{kind}_nets"]
    ours = [result["rows"][rule][f"{kind}_nets"] for rule in result["rules"]]
    pairs = [statistics.fmean(values) - o for *values, o in zip(*ours, other, strict=True)]
    error = statistics.stdev(pairs) / len(pairs) ** 0.5 if len(pairs) > 1 else 0.0
    return statistics.fmean(pairs), error


def cell_name(cell: dict[str, Any]) -> str:
    """What is unusual about a cell of the grid."""
    if cell["part"] == "network":
        hidden = "no hidden layer" if cell["depth"] == 1 else f"{cell['depth'] - 1} x {cell['width']} hidden"
        return f"{hidden}, {cell['depth']} matrices" if cell["depth"] > 1 else hidden
    if cell["part"] == "activation":
        return f"{cell['activation']} hidden units"
    return f"{cell['inputs']} inputs" if cell["part"] == "inputs" else "inputs in their own order"
