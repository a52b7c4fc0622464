"""A saved blend that predicts a table, in NumPy: without PyTorch, whose import is half of the start's time.

It predicts what `Committee` predicts. A network of a named method, another task than classes or one number, other
inputs than a table, and rows that carry labels to be scored are left to the whole program: `write_plain` returns None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load

from auxin.data.encoders.contract import Notify
from auxin.data.encoders.notices import Tally, at_bounds, far
from auxin.data.encoders.table import TableEncoder
from auxin.data.reading.frame import columns_of
from auxin.errors import AuxinError
from auxin.exported import folder as _folder
from auxin.exported.card import Card
from auxin.exported.plain_network import Weights, forward, process, softmax
from auxin.exported.stream import columns, predict_table, streams
from auxin.exported.task_state import TaskState
from auxin.rivals import InputShape, chances, predicted

State = Mapping[str, Any]
KINDS = ("classes", "regression")


@dataclass(frozen=True, eq=False)
class Plain:
    """A committee of estimators, small networks and Gaussian processes.

    Attributes:
        card: The saved model's card.
        encoder: The encoder of new rows.
        estimators: Its estimators, in order.
        weights: Weights of its networks and processes, by name.
    """

    card: Card
    encoder: TableEncoder
    estimators: Sequence[Any]
    weights: Weights

    @property
    def names(self) -> list[str]:
        """The names of the classes; none for numbers."""
        return list(self.card.task.options.get("label_names", []))

    def columns(self, x: np.ndarray, notify: Notify) -> dict[str, Any]:
        """Predictions as a table's columns."""
        found = self.predict(x)
        far(notify, self._at_bounds(found))
        return columns(found.argmax(1), found, self.names) if found.ndim > 1 else columns(found, None, [])

    def _at_bounds(self, values: np.ndarray) -> int:
        """How many predicted numbers are set to a bound."""
        assert self.card.committee is not None
        if (bounds := self.card.committee["member"].get("bounds")) is None:
            return 0
        low, high = np.array(bounds) * self.card.task.options["scale"] + self.card.task.options["mean"]
        return at_bounds(values, low, high)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Probabilities [N, C] of the classes, or values [N] in the target's unit.

        Args:
            x: float32 [N, D], NaN where missing.
        """
        assert self.card.committee is not None
        found = self._member(self.card.committee["member"], self.card.task, x)
        if self.card.task.kind == "classes":
            return found
        return found * self.card.task.options["scale"] + self.card.task.options["mean"]

    def _member(self, state: State, task: TaskState, x: np.ndarray) -> np.ndarray:
        """What a member predicts: probabilities [N, C], or values [N] in units of the target's spread."""
        classes = _classes(task)
        match state["kind"]:
            case "heated":
                found = self._member(state["member"], task, x)
                if not classes:
                    return np.clip(found, *state["bounds"]) if "bounds" in state else found
                return found if state["heat"] == 1.0 else _heated(found, state["heat"])
            case "blend":
                parts = [self._member(one, task, x) for one in state["members"]]
                mean = np.tensordot(np.array(state["weights"]), np.stack(parts), 1)
                return chances(mean) if classes else mean
            case "stacked":
                fed = [
                    np.mean([self._fed(one, x) for one in models], 0).reshape(len(x), -1)
                    for models in state["fed"]
                ]
                return self._member(state["inner"], task, np.concatenate([x, *fed], 1, dtype=x.dtype))
            case "network":
                each = forward(self._own(state), x, state["length"])
                return chances(softmax(each).mean(0)) if classes else each[:, :, 0].mean(0)
            case "process":
                found = process(self._own(state), x, state, classes)
                return chances(found) if classes else found
            case _:
                return self._estimator(state, classes, x)

    def _own(self, state: State) -> Weights:
        start = f"{state['number']}."
        return {k.removeprefix(start): w for k, w in self.weights.items() if k.startswith(start)}

    def _fed(self, state: State, x: np.ndarray) -> np.ndarray:
        """An auxiliary's prediction as further inputs: values, or the probabilities of all classes but the first."""
        assert self.card.committee is not None
        classes = _classes(TaskState.model_validate(self.card.committee["tasks"][state["task"]]))
        found = self._estimator(state, classes, x)
        return found[:, 1:] if classes else found

    def _estimator(self, state: State, classes: int, x: np.ndarray) -> np.ndarray:
        rows, columns, known = state["shape"]
        found = predicted(
            self.estimators[state["estimators"][0]], x, InputShape(rows, columns, known), classes
        )
        return chances(found) if classes else found


def _classes(task: TaskState) -> int:
    return int(task.options["width"]) if task.kind == "classes" else 0


def _heated(probabilities: np.ndarray, heat: float) -> np.ndarray:
    """Probabilities to the power of 1 / heat, normalised."""
    powers = chances(probabilities) ** (1 / heat)
    return chances(powers / powers.sum(1, keepdims=True))


def _is_plain(state: State, tasks: Sequence[State]) -> bool:
    """Whether a member, and all that it is made of, is estimators, networks and processes of dense vectors."""
    match state["kind"]:
        case "heated":
            return _is_plain(state["member"], tasks)
        case "blend":
            return all(_is_plain(one, tasks) for one in state["members"])
        case "stacked":
            models = [one for some in state["fed"] for one in some]
            known = all(tasks[one["task"]]["kind"] in KINDS and not one.get("compressed") for one in models)
            return known and _is_plain(state["inner"], tasks)
        case "rival":
            return not state.get("compressed")
        case "network" | "process":
            return True
        case _:
            return False


def write_plain(
    folder: Path,
    source: str,
    out: Path,
    keep: Sequence[str],
    notify: Notify,
    encoding: str | None = None,
) -> dict[str, Any] | None:
    """Predict a table some rows at a time and write them to `out`, whole or not at all, as `write_predictions` does.

    Args:
        folder: The saved model.
        source: A path, as far as this module is concerned.
        out: A .csv or .parquet file.
        keep: TableEncoder of the table to carry over.
        notify: Function that receives a sentence about every decision.
        encoding: Encoding of the file; None: that of the training file.

    Returns:
        What was done, as `write_predictions` returns it; None where this module cannot do it.

    Raises:
        DataError: A damaged model, or rows that do not fit it.
    """
    card, content = _folder.read_files(folder)
    notes: list[str] = []
    if encoding is not None and card.encoder is not None:
        card.encoder["encoding"] = encoding
    model = _rebuilt(folder, card, content, notes.append)
    if model is None or not streams(model.encoder, source, out):
        return None
    encoder, task, path = model.encoder, card.task, Path(source)
    if task.name in columns_of(path, encoding=encoder.encoding)[0]:
        return None
    for note in notes:
        notify(note)

    def predict(frame: pd.DataFrame, tally: Notify) -> dict[str, Any]:
        x, blank = encoder.arrays(frame, tally)
        if blank is not None:
            x[blank] = np.nan
        return model.columns(x, tally)

    rows, _ = predict_table(encoder, path, out, keep, task.name, predict, notify)
    record = card.training
    done = {"rows": rows, "task": task.name, "method": record.method, "metric": record.metric}
    return {**done, "labelled": 0, "score": None, "file": str(out)}


def _rebuilt(folder: Path, card: Card, content: bytes, notify: Notify) -> Plain | None:
    """The model, after it has predicted one row of zeros; None where this module cannot use it.

    Parts that do not fit together are left to `load_model`, which says what is wrong.
    """
    try:
        if not _can(card):
            return None
        encoder, weights = TableEncoder.from_state(card.encoder or {}), load(content)
        if encoder.texts or [sum(c.width for c in encoder.columns)] != card.trunk.shape:
            return None
        model = Plain(card, encoder, _folder.read_estimators(folder, card, notify), weights)
        found = model.columns(np.zeros((1, *card.trunk.shape), np.float32), Tally())
    except AuxinError:
        raise
    except Exception:  # parts that do not fit together fail in every layer below
        return None
    fits = len(found) == 1 + len(model.names) and all(isinstance(name, str) for name in model.names)
    return model if fits and all(np.isfinite(value).all() for value in weights.values()) else None


def _can(card: Card) -> bool:
    """Whether a model is a blend that predicts classes or one number, with the encoder of a table."""
    if card.committee is None or card.encoder is None or card.encoder.get("kind") != TableEncoder.kind:
        return False
    known = card.task.kind in KINDS and card.temperature == 1.0
    return known and _is_plain(card.committee["member"], card.committee["tasks"])
