"""The row of a comparison to use, and the command that trains it for use."""

import shlex

from auxin.records.results import Comparison

DATA = (
    "--target", "--aux", "--kind", "--aux-kind", "--missing", "--image", "--size", "--inputs", "--split", "--group",
    "--ignore", "--keep", "--text", "--unlabelled", "--encoding", "--level", "--root", "--labels-per-class",
    "--max-pixels", "--max-words",
)  # fmt: skip
"""Options that name the data; each takes one value, and `auxin fit` has them too."""


def to_use(comparison: Comparison) -> str:
    """Which row to use, with the command; "" where there is no row or no command line of `auxin compare`.

    A method that is shown to help is used, the one with the highest mean of several; else single-task training.

    Args:
        comparison: any comparison, finished or not.
    """
    words = shlex.split(comparison.command)
    if not comparison.rows or words[:2] != ["auxin", "compare"] or len(words) < 3 or words[2].startswith("-"):
        return ""
    helpful = [row for row in comparison.rows if row.verdict == "helps"]
    name = max(helpful, key=lambda row: row.mean).method if helpful else "single"
    kept = [words[2]]
    for place, word in enumerate(words[3:], start=3):
        option, mark, _ = word.partition("=")
        found = [word] if mark else words[place : place + 2]
        # Budgets of a curve: `fit` takes all labels.
        several = option == "--labels-per-class" and "," in found[-1]
        if option in DATA and not several:
            kept += found
    base = f"auxin fit {shlex.join(kept)}"
    why = (
        f"{name} has the highest mean of the methods that are shown to help."
        if helpful
        else "No method is shown to help: use single-task training (single)."
    )
    if any(word.partition("=")[0] == "--domain" for word in words):
        return f"{why}\n  No command trains it: `auxin fit` has no --domain. The settings are in comparison.json."
    return (
        f"{why}\n"
        f"  {base} --method {name} --no-guard\n"
        f"    trains {name} with the defaults of `auxin fit`; the settings used here are in comparison.json, and --set "
        "NAME=VALUE sets one.\n"
        f"  {base}\n"
        "    chooses among estimators, networks and their blends by cross-validation."
    )
