"""Evaluate a learned update rule and its rivals on a data set: the work of `auxin rule evaluate`."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from auxin.errors import RunError
from auxin.folders import CONTENT, claim_folder, refuse_claimed
from auxin.records.results import Record
from auxin.requests.rule import EvalSettings, RuleEvaluateRequest
from auxin.rules.bench import RuleBench, check_rows
from auxin.rules.data import RuleData, rule_data
from auxin.rules.evaluate import assembled, bench_of, cost, judged_at, measure, part_names
from auxin.rules.file import content_of_rule, load_rule
from auxin.rules.grid import grid
from auxin.rules.use import SIDES, pictures
from auxin.runs.predictions import write_arrays
from auxin.store import digest_of, write_json, write_text
from auxin.studies.engine import Study, Unit, UnitResults
from auxin.update_rules.learned import Learned

GRID = "grid"
"""Name of the part that measures the first rule on other networks and inputs."""
GRID_COST = 50.0
"""What an inner step costs there beside one of the usual network: there are twenty of them, most larger."""


class RulePart(Record):
    """One part of an evaluation.

    Attributes:
        digest: Digest of everything that its numbers depend on.
        part: Name of the part.
        values: What was measured, as plain data.
        seconds: Wall time in seconds.
    """

    digest: str
    part: str
    values: dict[str, Any]
    seconds: float


@dataclass(frozen=True)
class RulesOnData:
    """The part of a request that is one study: some rules on one data set.

    Attributes:
        rules: Rule files (or shipped names) by the rules' names.
        data: A known name or a file.
        request: The request.
    """

    rules: tuple[tuple[str, str], ...]
    data: str
    request: RuleEvaluateRequest

    @property
    def settings(self) -> EvalSettings:
        """Networks, labels, steps."""
        return self.request.settings

    @property
    def name(self) -> str:
        """The data set's name as a file name."""
        return re.sub(r"[^\w.-]", "_", Path(self.data).stem if Path(self.data).suffix else self.data)

    @property
    def file(self) -> Path:
        """The result file."""
        return self.request.of.out / f"{self.name}.json"

    def load(self, side: int | None = None) -> RuleData:
        """Return the data, with images of another side length where one is given."""
        of = self.request.of
        return rule_data(self.data, of.root, target=of.target, **({} if side is None else {"side": side}))


class EvaluateRule(Study):
    """One part per rule, rival and control; then the table.

    Args:
        request: Request of the user.

    Raises:
        RunError: The folder holds the evaluation of other rules, data or settings on this data set.
        DataError: A rule or the data cannot be read.
    """

    def __init__(self, request: RulesOnData) -> None:
        for kept in (_data, _rule, _bench):  # an earlier study of this process may have read other files
            kept.cache_clear()
        self.request, self.done = request, {}
        self.data = _data(request)
        check_rows(self.data, request.settings.shots, request.settings.batch)
        self.rules = {name: _rule(file) for name, file in request.rules}
        folder = request.request.of.out / "parts" / request.name
        if request.file.exists() and not folder.exists():
            raise RunError(
                f"{request.file} was written by auxin 0.1, which did not record the content of rule and data",
                do="Choose another --out, or remove that file",
            )
        self.identity = {
            CONTENT: content_of(self.data),
            "rules": {name: content_of_rule(rule) for name, rule in self.rules.items()},
            "settings": request.settings.identity(),
            "grid": request.request.grid,
        }
        refuse_claimed(request.request.of.out)
        claim_folder(folder, self.identity)
        self.folder = folder

    def units(self, done: UnitResults) -> list[Unit]:
        """One unit per part."""
        del done
        request, settings = self.request, self.request.settings
        expected = {part: cost(part, settings) for part in part_names(list(self.rules), settings)}
        if request.request.grid:
            expected[GRID] = GRID_COST * judged_at(settings)
        units = []
        for number, (part, seconds) in enumerate(expected.items()):
            file, identity = self.folder / f"{number:02d}.json", {**self.identity, "part": part}
            work = partial(_compute, request, part, file, digest_of(identity))
            units.append(Unit(request.data, part, identity, work, file, RulePart, like=part, cost=seconds))
        return units

    def judge(self, done: UnitResults) -> dict[str, Any]:
        """The result as plain data, written to `NAME.json`; pictures of the first rule beside it."""
        request = self.request
        found = {record.part: record.values for unit in self.units(done) if (record := done.get(unit.digest))}
        result = {
            **assembled(self.data, list(self.rules), request.settings, found),
            "settings": json.loads(json.dumps(request.settings.identity())),
        }
        if GRID in found:
            result[GRID] = found[GRID]["cells"]
        write_text(request.file, json.dumps(result, indent=1) + "\n")
        first = next(iter(self.rules.values()))
        drawn = pictures(first, self.data.x, self.data.y, request.settings)
        write_arrays(request.request.of.out / f"{request.name}-pictures.npz", drawn)
        return result


def content_of(data: RuleData) -> str:
    """The SHA-256 of the rows, labels and roles."""
    total = hashlib.sha256(f"{data.name} {data.ways}".encode())
    for values in (data.unlabelled, data.x, data.y):
        total.update(f"{values.dtype}{tuple(values.shape)}".encode())
        total.update(values.contiguous().numpy().tobytes())
    return total.hexdigest()


@lru_cache(maxsize=2)
def _data(request: RulesOnData) -> RuleData:
    return request.load()


@lru_cache(maxsize=16)
def _rule(file: str) -> Learned:
    return load_rule(file)[0]


@lru_cache(maxsize=1)
def _bench(request: RulesOnData) -> RuleBench:
    return bench_of(_data(request), request.settings)


def _compute(request: RulesOnData, part: str, file: Path, digest: str) -> RulePart:
    begun = time.perf_counter()
    rules = {name: _rule(place) for name, place in request.rules}
    values: Mapping[str, Any]
    if part == GRID:
        data = _data(request)
        sides = SIDES.get(request.data, ())
        sizes = [request.load(side) for side in sides]
        first = next(iter(rules.values()))
        steps = judged_at(request.settings)
        values = {"cells": grid(first, data, request.settings, sizes=sizes, steps=steps)}
    else:
        values = measure(part, rules, _bench(request), request.settings)
    record = RulePart(digest=digest, part=part, values=dict(values), seconds=time.perf_counter() - begun)
    write_json(file, record)
    return record
