"""One self-contained HTML page about a comparison: it opens from disk and makes no network request.

It reads result files only. Light or dark follows the reader's system; it is readable on a phone and
printable.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from auxin.judging import wording
from auxin.judging.answers import answers
from auxin.records.results import Comparison, Contrast, Row, Setting
from auxin.reports import captions, label_budget, mistakes, tsne
from auxin.reports._style import looks
from auxin.reports._svg import inline, variable
from auxin.reports._template import origin, template
from auxin.reports.examples import examples
from auxin.reports.pictures import pictures
from auxin.reports.plots import figures, rendered
from auxin.reports.read import Results
from auxin.store import write_text
from auxin.studies.label_budget import LabelBudget


def write_page(results: Results, file: Path) -> None:
    """Write the page, whole or not at all.

    Raises:
        RunError: The file cannot be written.
    """
    write_text(file, page(results))


def page(results: Results) -> str:
    """The page about one comparison, as HTML."""
    comparison = results.comparison
    return template("page.html.j2").render(part=part(results), title=_heading(comparison))


def budget_page(budget: LabelBudget, parts: Mapping[int, Results]) -> str:
    """The page about a label budget: its curve and what a gain is worth, then each budget's comparison."""
    head, *rows = label_budget.cells(budget)
    return template("budget.html.j2").render(
        budget=budget,
        metric=wording.title(budget.metric),
        title=f"{budget.dataset}: what is a gain worth in labels?",
        figure=_shown({"label_budget": label_budget.curves(budget)})[0],
        head=head,
        rows=rows,
        worths=label_budget.worths(budget),
        parts={
            count: part(found, f"k{count}-", label_budget.worths_of(budget, count))
            for count, found in parts.items()
        },
    )


def _heading(comparison: Comparison) -> str:
    return f"{comparison.dataset}: does an auxiliary help?"


def part(results: Results, prefix: str = "", worths: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Everything that the template shows of one comparison.

    Args:
        results: The comparison and its runs.
        prefix: Begins every id, so that several comparisons fit on one page.
        worths: What each method's labels are worth in labels of single, if that was measured.
    """
    comparison = results.comparison
    return {
        "comparison": comparison,
        "answers": answers(comparison, worths),
        "metric": wording.title(comparison.metric),
        "rows": _rows(results),
        "figures": _shown(figures(results), prefix),
        "confusions": _shown(mistakes.figures(results), prefix),
        "mistakes": mistakes.most_frequent(results),
        "features": _shown(tsne.figures(results), prefix),
        "labels": _label_measures(results),
        "examples": examples(results),
        "pictures": pictures(results.folder),
        "costs": _costs(results),
        "chosen": _chosen(comparison),
        "kept": [wording.kept(row.method, row.kept) for row in comparison.rows if row.kept],
        "shared": _shared(comparison),
        "warnings": _warnings(comparison),
        "facts": _facts(comparison),
    }


def _shown(figures: Mapping[str, Figure], prefix: str = "") -> list[dict[str, Any]]:
    return [
        {
            "title": captions.title(name),
            "caption": captions.caption(name),
            "svg": inline(rendered(figure, "svg"), prefix + _plain(name), captions.title(name)),
        }
        for name, figure in figures.items()
    ]


def _plain(name: str) -> str:
    """A name that can stand in an id."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)


def _rows(results: Results) -> list[dict[str, Any]]:
    look, metric = looks(results.comparison), results.comparison.metric
    return [
        {
            "row": row,
            "colour": variable(look[row.method].colour),
            "score": wording.mean(row.mean, row.standard_error, metric),
            "single": _contrast(row.versus_single, metric),
            "control": _contrast(row.versus_control, metric),
            "twin": _contrast(row.versus_twin, metric),
            "kind": row.verdict.split(" (")[0].replace(" ", "-"),
            "seconds": wording.duration(row.seconds_per_run),
        }
        for row in results.comparison.rows
    ]


def _contrast(contrast: Contrast | None, metric: str) -> dict[str, str] | None:
    if contrast is None:
        return None
    p = contrast.p_adjusted
    return {
        "reference": contrast.reference,
        "difference": wording.difference(contrast.difference, metric),
        "interval": wording.interval(contrast.low, contrast.high, metric),
        "rows": wording.interval(contrast.rows_low, contrast.rows_high, metric),
        "p": "" if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.3f}",
    }


_MEASURES = {
    "label_classes": "auxiliary classes in use",
    "label_entropy.mean": "entropy of a class's mean label",
    "label_entropy.sample": "entropy per sample",
    "label_rows": "rows",
}
"""What the columns of the generated labels are called; other measures have their own name."""


def _label_measures(results: Results) -> dict[str, Any] | None:
    """What became of the labels at the end, averaged over seeds; a row per method that has any."""
    by_method = {
        row.method: [r.label_measures for r in results.of(row.method)] for row in results.comparison.rows
    }
    columns = sorted({name for found in by_method.values() for measures in found for name in measures})
    rows = {
        method: [_mean([m[name] for m in found if name in m]) for name in columns]
        for method, found in by_method.items()
        if any(found)
    }
    names = [_MEASURES.get(name, name.replace("_", " ").replace(".", ", ")) for name in columns]
    return {"columns": names, "rows": rows} if rows else None


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3g}" if values else "–"


def _costs(results: Results) -> list[dict[str, str]]:
    found = []
    for row in results.comparison.rows:
        runs = results.of(row.method)
        steps = [run.seconds_per_step for run in runs if run.seconds_per_step is not None]
        parameters = runs[0].parameters if runs else {}
        found.append(
            {
                "method": row.method,
                "run": wording.duration(row.seconds_per_run),
                "overhead": "–" if row.overhead is None else f"{row.overhead:.2f}×",
                "step": f"{1000 * float(np.median(steps)):.1f} ms" if steps else "–",
                "parameters": ", ".join(f"{part} {count:,}" for part, count in parameters.items() if count)
                or "–",
            }
        )
    return found


def _chosen(comparison: Comparison) -> dict[str, list[str]]:
    """The settings in which methods differ: a row of values, in the order of methods, by setting."""
    names = sorted({name for row in comparison.rows for name in row.settings})
    values = {name: [_setting(row, name) for row in comparison.rows] for name in names}
    return {name: found for name, found in values.items() if len(set(found)) > 1}


def _shared(comparison: Comparison) -> dict[str, str]:
    """The settings that all methods share."""
    first = comparison.rows[0]
    return {name: _setting(first, name) for name in sorted(first.settings) if name not in _chosen(comparison)}


def _setting(row: Row, name: str) -> str:
    return _written(row.settings[name]) if name in row.settings else "–"


def _written(value: Setting) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _warnings(comparison: Comparison) -> list[str]:
    own = [f"{row.method}: {text}" for row in comparison.rows for text in row.warnings]
    unfinished = [] if comparison.finished else ["The comparison was interrupted: not every run is in."]
    return [*unfinished, *comparison.warnings, *own]


def _facts(comparison: Comparison) -> dict[str, str]:
    facts = {
        "data set": comparison.dataset,
        "metric": wording.title(comparison.metric),
        "test rows": f"the {comparison.half} half",
        "seeds": ", ".join(map(str, comparison.seeds)),
        "tries per method": "" if comparison.tries is None else str(comparison.tries),
        **origin(comparison),
    }
    return {name: value for name, value in facts.items() if value}
