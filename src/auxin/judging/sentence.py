"""The verdict of a comparison in words."""

from collections.abc import Sequence

from auxin.judging import wording
from auxin.records.results import Row, Verdict

_ORDER: tuple[Verdict, ...] = ("helps", "no evidence", "hurts")
_CLAUSES = {
    "helps": "{method} helps beyond {reference}",
    "no evidence": "There is no evidence that {method} does better than {reference}",
    "hurts": "{method} hurts against {reference}",
}
_PLURAL = {
    "helps": "{methods} help beyond {reference}",
    "no evidence": "There is no evidence that {methods} do better than {reference}",
    "hurts": "{methods} hurt against {reference}",
}


def sentence(rows: Sequence[Row], metric: str) -> str:
    """The verdict in words: what is on trial against the best control, else the controls against single."""
    rows = [row for row in rows if row.judged_by is not None]
    judged = [row for row in rows if row.role == "method"] or rows
    if not judged:
        return "Nothing was compared: there is only one method."
    judged = [row for row in judged if row.verdict != "no evidence (one seed)"]  # after Ctrl-C some have one
    if not judged:
        return "One seed shows nothing: no evidence either way. Run at least 5 seeds."
    verdicts: list[Verdict] = [v for v in _ORDER if any(row.verdict == v for row in judged)]
    parts = [_part(verdict, judged, metric, explain=verdict == verdicts[0]) for verdict in verdicts]
    parts += _controls(rows, judged, metric)
    return " ".join([*parts, *_aside(judged, metric), *_pretrained(rows, metric)])


def _controls(rows: Sequence[Row], judged: Sequence[Row], metric: str) -> list[str]:
    """Controls that help beyond single, where the verdict is on methods that learn."""
    if all(row.role != "method" for row in judged):
        return []
    helpful = [
        row for row in rows if row.role != "method" and row.verdict == "helps" and row.method != "scratch"
    ]
    return [_part("helps", helpful, metric, explain=False)] if helpful else []


def _part(verdict: Verdict, judged: Sequence[Row], metric: str, *, explain: bool) -> str:
    chosen = sorted((row for row in judged if row.verdict == verdict), key=lambda row: -row.mean)
    reference = str(chosen[0].judged_by)
    if explain and chosen[0].role == "method" and not _is_single(chosen[0]):
        reference += ", the best control"
    if len(chosen) == 1:
        clause = _CLAUSES[verdict].format(method=chosen[0].method, reference=reference)
        return f"{clause}: {_against(chosen[0], metric)}."
    names = _listed([f"{row.method} ({_against(row, metric)})" for row in chosen])
    return f"{_PLURAL[verdict].format(methods=names, reference=reference)}."


def _is_single(row: Row) -> bool:
    """Whether the row is judged against single-task training."""
    return row.versus_single is not None and row.versus_single.reference == row.judged_by


def _against(row: Row, metric: str) -> str:
    contrast = row.versus_control if row.role == "method" else row.versus_single
    assert contrast is not None
    return f"{wording.contrast(contrast, metric)} {wording.unit(metric)}"


def _pretrained(rows: Sequence[Row], metric: str) -> list[str]:
    """What the pretrained weights are worth, where the network from random weights was run beside them."""
    found = next((row.versus_single for row in rows if row.method == "scratch"), None)
    if found is None:
        return []
    said = f"{wording.contrast(found, metric)} {wording.unit(metric)}"
    return [f"From random weights instead of the pretrained ones, single-task training differs by {said}."]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _aside(judged: Sequence[Row], metric: str) -> list[str]:
    """What must be said beside the verdict: a gain over single, or a gain its untrained twin shares."""
    said = []
    for row in judged:
        single, twin = row.versus_single, row.versus_twin
        if (
            row.verdict != "helps"
            and single
            and single.verdict == "helps"
            and row.judged_by != single.reference
        ):
            said.append(
                f"Against {single.reference} alone, {row.method} gains {wording.contrast(single, metric)}."
            )
        if row.verdict == "helps" and twin and twin.verdict != "helps":
            said.append(f"But {row.method} is not shown to beat its untrained twin {twin.reference}.")
    return said
