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
    """The verdict in words: each method against the harder of single and the best control; else the controls."""
    rows = [row for row in rows if row.judged_by is not None]
    judged = [row for row in rows if row.role == "method"] or rows
    if not judged:
        return "Nothing was compared: there is only one method."
    judged = [row for row in judged if row.verdict != "no evidence (one seed)"]  # after Ctrl-C some have one
    if not judged:
        return "One seed shows nothing: no evidence either way. Run at least 5 seeds."
    groups = _groups(judged)
    parts = [_part(group, metric, explain=number == 0) for number, group in enumerate(groups)]
    parts += _controls(rows, judged, metric)
    return " ".join([*parts, *_aside(judged, metric), *_pretrained(rows, metric)])


def _controls(rows: Sequence[Row], judged: Sequence[Row], metric: str) -> list[str]:
    """Controls that help beyond single, where the verdict is on methods that learn."""
    helpful = [row for row in rows if row.role != "method" and row.verdict == "helps"]
    helpful = [row for row in helpful if row.method != "scratch"]
    on_trial = any(row.role == "method" for row in judged)
    return [_part(helpful, metric, explain=False)] if on_trial and helpful else []


def _groups(judged: Sequence[Row]) -> list[list[Row]]:
    """The rows with one verdict and one reference, the best verdict first, the best mean first in each."""
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in sorted(judged, key=lambda row: -row.mean):
        groups.setdefault((_ORDER.index(row.verdict), str(row.judged_by)), []).append(row)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def _part(group: Sequence[Row], metric: str, *, explain: bool) -> str:
    first, reference = group[0], str(group[0].judged_by)
    single = first.versus_single is not None and first.versus_single.reference == first.judged_by
    if explain and first.role == "method" and not single:
        reference += ", the best control"
    if len(group) == 1:
        clause = _CLAUSES[first.verdict].format(method=first.method, reference=reference)
        return f"{clause}: {_against(first, metric)}."
    names = wording.listed([f"{row.method} ({_against(row, metric)})" for row in group])
    return f"{_PLURAL[first.verdict].format(methods=names, reference=reference)}."


def _against(row: Row, metric: str) -> str:
    known = [c for c in (row.versus_control, row.versus_single) if c is not None]
    contrast = next(c for c in known if c.reference == row.judged_by)
    return f"{wording.contrast(contrast, metric)} {wording.unit(metric)}"


def _pretrained(rows: Sequence[Row], metric: str) -> list[str]:
    """What the pretrained weights are worth, where the network from random weights was run beside them."""
    found = next((row.versus_single for row in rows if row.method == "scratch"), None)
    if found is None:
        return []
    said = f"{wording.contrast(found, metric)} {wording.unit(metric)}"
    return [f"From random weights instead of the pretrained ones, single-task training differs by {said}."]


def _aside(judged: Sequence[Row], metric: str) -> list[str]:
    """What must be said beside the verdict: a gain over single, or a gain its untrained twin shares."""
    said = []
    for row in judged:
        single, twin = row.versus_single, row.versus_twin
        better = single is not None and single.verdict == "helps"
        if row.verdict != "helps" and single and better and row.judged_by != single.reference:
            gain = wording.contrast(single, metric)
            said.append(f"Against {single.reference} alone, {row.method} gains {gain}.")
        if row.verdict == "helps" and twin and twin.verdict != "helps":
            said.append(f"But {row.method} is not shown to beat its untrained twin {twin.reference}.")
    return said
