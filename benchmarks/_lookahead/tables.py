"""The measurements as Markdown."""

import statistics

from _lookahead.measures import flops
from _lookahead.variants import PAIRS, VARIANTS


def flop_table(width: int) -> str:
    found = flops(width)
    rows = [f"| {name} | {VARIANTS[name][0]} | {VARIANTS[name][1]} | {f:.1f} |" for name, f in found.items()]
    return _markdown("variant | schedule | how | FLOPs, F", rows)


def time_table(found: dict[str, list[float]]) -> str:
    base = statistics.median(found["alternation_double"])
    rows = []
    for name, seconds in found.items():
        mid = statistics.median(seconds)
        rows.append(f"| {name} | {mid:.2f} | {min(seconds):.2f} | {mid / base:.2f} |")
    return _markdown("variant | CPU seconds, median | least | of alternation_double", rows)


def ratio_table(found: dict[str, list[float]]) -> str:
    """Medians of the rounds' ratios, each variant against a twin."""
    ratios = [statistics.median(a / b for a, b in zip(found[x], found[y], strict=True)) for x, y in PAIRS]
    rows = [f"| {x} | {y} | {ratio:.2f} |" for (x, y), ratio in zip(PAIRS, ratios, strict=True)]
    return _markdown("this | against | time", rows)


def memory_table(found: dict[str, float]) -> str:
    rows = [f"| {name} | {mib:.0f} | |" for name, mib in found.items()]
    rows += [f"| {x} | | {found[x] / found[y]:.2f} of {y} |" for x, y in PAIRS]
    return _markdown("variant | peak MiB above idle | ratio", rows)


def error_table(found: dict[str, float]) -> str:
    return _markdown("hypergradient | relative error", [f"| {k} | {v:.1e} |" for k, v in found.items()])


def _markdown(header: str, rows: list[str]) -> str:
    columns = header.count("|") + 1
    return "\n".join([f"| {header} |", "|" + "---|" * columns, *rows])
