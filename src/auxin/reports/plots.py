"""The figures of a comparison: learning curves, seeds, differences, label entropies, task weights, cosines.

Every figure is made from result files alone; one that has nothing to show is left out. A method has the same
colour, dashes and marker in all of them.
"""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import get_registered_canvas_class
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from auxin.judging import wording
from auxin.records.results import Contrast, EpochRecord, Row
from auxin.reports._lines import DASHES, Value, curve, finished, line, measure, names, words
from auxin.reports._style import INK, MUTED, PAPER, MethodStyle, looks, panel, styled
from auxin.reports.measures import measures
from auxin.reports.read import Results
from auxin.store import write_bytes

COLLAPSED, UNIFORM = 0.10, 0.97
"""Label entropies below (the class mean's) and above which labels teach nothing: one for all, or none."""

DPI = 180
"""Pixels of a picture per inch."""
_METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


def figures(results: Results) -> dict[str, Figure]:
    """Every figure that has something to show, by file name."""
    draw: dict[str, Callable[[Results], Figure | None]] = {
        "score": score_curves,
        "loss": loss_curves,
        "seeds": seed_dots,
        "versus_single": lambda r: differences(r, lambda row: row.versus_single),
        "versus_control": lambda r: differences(r, _versus_another_control),
        "label_entropy": label_entropy,
        "task_weights": lambda r: measures(r, "weight.", "Task weights", "weight of the loss", varying=True),
        "gradient_cosines": lambda r: measures(
            r, "cosine.", "Do the tasks' gradients agree?", "gradient cosine"
        ),
    }
    figures = {name: make(results) for name, make in draw.items()}
    return {name: made for name, made in figures.items() if made is not None}


def _versus_another_control(row: Row) -> Contrast | None:
    """The difference to the best control, where that is not the difference to single once more."""
    control, single = row.versus_control, row.versus_single
    return None if control and single and control.reference == single.reference else control


def write_figures(results: Results, folder: Path, formats: Sequence[str] = ("png",)) -> list[Path]:
    """Write every figure in every format (png, pdf, svg); the files written.

    Raises:
        RunError: The folder cannot be written to, or the disk is full.
    """
    return save(figures(results), folder, formats)


def save(figures: Mapping[str, Figure], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write figures by file name, each in every format; the files written.

    Raises:
        RunError: The folder cannot be written to, or the disk is full.
    """
    written = []
    for name, figure in figures.items():
        for kind in formats:
            path = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}.{kind}"
            write_bytes(path, rendered(figure, kind))
            written.append(path)
    return written


@styled
def rendered(figure: Figure, kind: str) -> bytes:
    """A figure as a file's bytes (png, pdf or svg); the same figure gives the same bytes.

    They are those of `Figure.savefig`, which draws a constrained layout twice.
    """
    buffer = io.BytesIO()
    figure.set_dpi(DPI)
    canvas = get_registered_canvas_class(kind)(figure)
    getattr(canvas, f"print_{kind}")(buffer, metadata=_METADATA[kind])
    return buffer.getvalue()


@styled
def score_curves(results: Results) -> Figure | None:
    """The metric over epochs, on the validation rows or else on the development rows."""
    metric = results.comparison.metric
    kinds: dict[str, Value] = {
        "validation": lambda record: record.validation,
        "development": measure("development"),
    }
    kind = next((k for k, value in kinds.items() if curve(results.runs, value)), None)
    if kind is None:
        return None
    figure, axes = panel(f"Score on the {kind} rows", "epoch", wording.title(metric))
    _method_curves(axes, results, kinds[kind], wording.factor(metric))
    _leave_out_the_start(axes)
    return finished(figure, axes)


def _leave_out_the_start(axes: Axes) -> None:
    """Begin the score's axis where the curves are after a fifth of training, to tell their ends apart."""
    lines = [np.asarray(line.get_ydata(), float) for line in axes.get_lines()]
    values = np.concatenate([line[line.size // 5 :] for line in lines])
    room = 0.06 * (values.max() - values.min())
    if room > 0:
        axes.set_ylim(values.min() - room, values.max() + room)


@styled
def loss_curves(results: Results) -> Figure | None:
    """The main task's training loss over epochs."""
    if curve(results.runs, _train_loss) is None:
        return None
    figure, axes = panel("Training loss of the main task", "epoch", "mean loss")
    _method_curves(axes, results, _train_loss)
    values = np.concatenate([line.get_ydata() for line in axes.get_lines()])
    if values.min() > 0 and values.max() > 20 * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylabel("mean loss (log scale)")
    return finished(figure, axes)


def _train_loss(record: EpochRecord) -> float:
    return record.train_loss


def _method_curves(axes: Axes, results: Results, value: Value, factor: float = 1.0) -> None:
    for method, look in looks(results.comparison).items():
        found = curve(results.of(method), value)
        if found is not None:
            line(axes, found, factor, label=method, colour=look.colour, dash=look.dash, marker=look.marker)


@styled
def seed_dots(results: Results) -> Figure:
    """Each seed's score, and each method's mean with its standard error."""
    comparison = results.comparison
    factor = wording.factor(comparison.metric)
    title = f"Every seed, on the {comparison.half} rows"
    figure, axes = panel(
        title, wording.title(comparison.metric), "", height=1.2 + 0.34 * len(comparison.rows)
    )
    look = looks(comparison)
    for height, row in enumerate(comparison.rows):
        scores = np.array([*row.scores.values()]) * factor
        error = (row.standard_error or 0.0) * abs(factor)
        _dots(axes, scores[np.isfinite(scores)], height, look[row.method])
        _mean(axes, row.mean * factor, (error, error), height, look[row.method])
    _label_rows(axes, comparison.rows)
    return figure


@styled
def differences(results: Results, which: Callable[[Row], Contrast | None]) -> Figure | None:
    """Each seed's paired difference to a reference, and their mean with its 95 % interval."""
    comparison = results.comparison
    pairs = [(row, contrast) for row in comparison.rows if (contrast := which(row)) is not None]
    if not pairs:
        return None
    factor, reference = wording.factor(comparison.metric), pairs[0][1].reference
    unit = f"difference in {wording.name(comparison.metric)}" + (" (points)" if factor > 1 else "")
    unit += ", below 0 is better" if wording.lower_is_better(comparison.metric) else ""
    figure, axes = panel(f"Difference to {reference}", unit, "", height=1.2 + 0.34 * len(pairs))
    axes.axvline(0, color=MUTED, linewidth=1)
    look = looks(comparison)
    scores = {row.method: row.scores for row in comparison.rows}[reference]
    for height, (row, contrast) in enumerate(pairs):
        by_seed = np.array([value - scores[seed] for seed, value in row.scores.items() if seed in scores])
        _dots(axes, by_seed[np.isfinite(by_seed)] * factor, height, look[row.method])
        low, high = contrast.low, contrast.high
        around = (0.0, 0.0)
        if low is not None and high is not None:
            ends = sorted((low * factor, high * factor))
            around = (contrast.difference * factor - ends[0], ends[1] - contrast.difference * factor)
        _mean(axes, contrast.difference * factor, around, height, look[row.method])
    _label_rows(axes, [row for row, _ in pairs])
    return figure


def _dots(axes: Axes, values: np.ndarray, height: float, look: MethodStyle) -> None:
    axes.scatter(
        values, np.full(values.shape, height - 0.22), s=13, color=look.colour, alpha=0.45, linewidths=0
    )


def _mean(axes: Axes, mean: float, around: tuple[float, float], height: float, look: MethodStyle) -> None:
    low, high = around
    axes.plot([mean - low, mean + high], [height + 0.08] * 2, color=look.colour, linewidth=2.4)
    axes.plot(
        [mean], [height + 0.08], color=look.colour, marker=look.marker, markersize=7, markeredgecolor=PAPER
    )


def _label_rows(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_yticks(range(len(rows)), [row.method for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(len(rows) - 0.45, -0.6)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_minor_locator(NullLocator())


@styled
def label_entropy(results: Results) -> Figure | None:
    """What became of generated labels: their entropy over uniform labels', and where they teach nothing."""
    found = sorted(names(results.runs, "label_entropy"), key=lambda name: "sample" not in name)
    if not found:
        return None
    figure, axes = panel("Entropy of the generated labels", "epoch", "label entropy / log ψ")
    axes.set_ylim(-0.03, 1.06)
    for low, high, text in (
        (-0.03, COLLAPSED, "class mean here: one label for all"),
        (UNIFORM, 1.06, "here: no label at all"),
    ):
        axes.axhspan(low, high, color=MUTED, alpha=0.12, linewidth=0)
        place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center"}
        told = axes.annotate(text, (0.985, (low + high) / 2 + 0.005), color=MUTED, size=7.5, **place)
        told.set(zorder=5, bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 0.6})
    for method, look in looks(results.comparison).items():
        for number, name in enumerate(found):
            shown = curve(results.of(method), measure(name))
            if shown is not None:
                label = f"{method}, {words(name.removeprefix('label_entropy'))}".rstrip(", ")
                line(axes, shown, 1.0, label=label, colour=look.colour, dash=DASHES[number % len(DASHES)])
    return finished(figure, axes)
