"""The measurements as Markdown."""

from collections.abc import Sequence
from typing import Any

from _gpu.measures import deviation
from _gpu.variants import AGAIN, VARIANTS


def report(result: dict[str, Any]) -> str:
    """All tables."""
    found = {name: v for name, v in result["variants"].items() if "error" not in v}
    failed = [f"- {n}: {v['error']}" for n, v in result["variants"].items() if "error" in v]
    notes = [f"- {name}: {note}" for name, v in found.items() for note in v["notes"]]
    rate = ", ".join(f"{k} {v:.3g}" for k, v in result["rates"].items())
    parts = [
        f"# {result['device']}, torch {result['torch']}",
        result["said"],
        speed(found),
        f"The losses' distance from eager float32 is relative to its mean loss, over the first {result['curve']} "
        f"steps; {AGAIN.name!r} is the noise from run to run.",
        "## Where the time goes\n\nShares of a training step with its share of a meta step.",
        where(found),
        f"## Floors\n\nMeasured rates: {rate} (FLOP/s of a matrix product; bytes/s read and written by a copy).",
        bounds(found),
    ]
    parts += ["## Not measured\n\n" + "\n".join(failed)] if failed else []
    parts += ["## Notes\n\n" + "\n".join(notes)] if notes else []
    return "\n\n".join(parts) + "\n"


def speed(found: dict[str, Any]) -> str:
    """Time, memory, and distance of the losses."""
    head = [
        "",
        "train ms",
        "meta ms",
        "batch ms",
        "epoch s",
        "images/s",
        "200 epochs, min",
        "peak MiB",
        "launches",
        "off",
    ]
    rows = []
    for name, v in found.items():
        base = found.get(VARIANTS[name].base)
        ms = [f"{1e3 * v['seconds'][k]:.2f}" if k in v["seconds"] else "" for k in ("train", "meta", "batch")]
        off = deviation(v["losses"], base["losses"]) if base else None
        rows.append(
            [
                name,
                *ms,
                f"{v['epoch seconds']:.1f}",
                f"{v['images per second']:.0f}",
                f"{v['minutes for 200 epochs']:.1f}",
                f"{v['peak MiB']:.0f}",
                "" if v["launches"] is None else f"{v['launches']:.0f}",
                "" if off is None else f"{off['max']:.1e}, mean {off['mean']:.1e}",
            ]
        )
    return _markdown(head, rows)


def where(found: dict[str, Any]) -> str:
    """The parts' shares."""
    parts = list(dict.fromkeys(part for v in found.values() for part in v["shares"]))
    rows = [
        [n, *(f"{v['shares'][p]:.0%}" if p in v["shares"] else "" for p in parts)] for n, v in found.items()
    ]
    return _markdown(["", *parts], rows)


def bounds(found: dict[str, Any]) -> str:
    """What a step must at least compute and move, and what bounds it."""
    rows = []
    for name, v in found.items():
        w, f = v["work"], v["floors"]
        flops = [f"{w[k] / w['forward']:.1f}" for k in ("train", "meta")]
        floor = [f"{1e3 * f[k]:.3g}" for k in ("arithmetic", "bandwidth")]
        rows.append([name, *flops, f"{w['step']:.3g}", f"{w['bytes']:.3g}", *floor, v["bound"]])
    head = [
        "",
        "train, F",
        "meta, F",
        "FLOPs",
        "bytes (float32)",
        "floor by arithmetic, ms",
        "by bandwidth, ms",
    ]
    return _markdown([*head, "what bounds it"], rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
