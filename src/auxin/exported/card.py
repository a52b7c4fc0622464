"""What `model.json` holds: all that is needed to use a trained network, and the record of how it was trained."""

from typing import Any, Literal

from pydantic import Field

from auxin.exported.task_state import TaskState
from auxin.records.results import Record, Setting

FORMAT: Literal["auxin.model"] = "auxin.model"
VERSION: Literal[1] = 1
"""The version of a saved network."""
COMMITTEE: Literal[2] = 2
"""The version of a saved estimator or blend; both are read."""


class TrunkState(Record):
    """The trunk: a name of the family `models`, its options (and the kind of head), and one input's shape."""

    name: str
    shape: list[int]
    options: dict[str, Setting] = Field(default_factory=dict)


class CardDecision(Record):
    """What the guard, or the comparison of several methods, decided on validation rows.

    Attributes:
        kept: The method that the network was trained by.
        asked: The method that was asked for, or "best".
        why: The reason, in a sentence.
        validation: Mean validation scores, by method.
    """

    kept: str
    asked: str
    why: str
    validation: dict[str, float] = Field(default_factory=dict)


class Estimate(Record):
    """How good a model is by cross-validation, corrected for the choices that were made on the same rows.

    Attributes:
        value: The metric; greater is better.
        low, high: A 95 % interval over labelled rows; None where it cannot be had.
        rows: How many labelled rows it is from.
    """

    value: float
    low: float | None = None
    high: float | None = None
    rows: int


class TrainingRecord(Record):
    """How a network was trained.

    Attributes:
        data: What the data are called.
        method: whose training it was.
        seed: Seed of the rows' roles, initial weights and batches.
        split_hash: Hash of all rows' roles.
        rows: How many rows played which role.
        settings: Every hyperparameter.
        metric: What selection went by; greater is better.
        validation: The score on rows that did not train: cross-validated, or, for a named method, of the same training
            without the validation rows. These chose between methods, so it is a little too good. None without them.
        test: The score on test rows, which chose nothing; None without them.
        epoch, epochs: The epoch whose weights were kept (the last, unless `patience` was set), and how many there were.
        decision: What the guard decided, or None where nothing was compared.
        notes: Sentences about the decisions.
        estimate: The cross-validated score of the whole choice, or None where nothing was cross-validated.
        advice: What a person needs to know of the model, in sentences.
        command: Command line that repeats it.
    """

    data: str
    method: str
    seed: int
    split_hash: str
    rows: dict[str, int]
    settings: dict[str, Setting]
    metric: str
    validation: float | None = None
    test: float | None = None
    epoch: int = 0
    epochs: int = 0
    decision: CardDecision | None = None
    notes: list[str] = Field(default_factory=list)
    command: str = ""
    seconds: float
    started: str
    versions: dict[str, str] = Field(default_factory=dict)
    hardware: dict[str, str | int | float] = Field(default_factory=dict)
    estimate: Estimate | None = None
    advice: list[str] = Field(default_factory=list)


class Card(Record):
    """`model.json`.

    Attributes:
        weights: The SHA-256 of the weights' file.
        trunk: How to build the trunk.
        task: The main task.
        mean, std: The inputs' normalisation.
        temperature: What logits are divided by.
        encoder: The state of the encoder of new rows, or None where inputs are given as they are.
        training: How it was trained.
        committee: What an estimator or a blend is made of; None for a network.
        estimators: The SHA-256 of the estimators' file, or None where there is none.
        checksum: The SHA-256 of every other field, which include the two files' own; empty in older folders.
    """

    format: Literal["auxin.model"] = FORMAT
    version: Literal[1, 2] = VERSION
    weights: str
    trunk: TrunkState
    task: TaskState
    mean: list[float]
    std: list[float]
    temperature: float
    encoder: dict[str, Any] | None = None
    training: TrainingRecord
    committee: dict[str, Any] | None = None
    estimators: str | None = None
    checksum: str = ""
