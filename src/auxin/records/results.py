"""The result files: one JSON per run, one JSON line per epoch, one JSON per comparison.

Everything that is reported is read from these files and from nothing else. They are written whole or not at
all, and every number that a claim needs (the split's hash, the seed, the settings, the versions) is in them.

Numbers that are not finite are kept: a diverged score is written as the string "NaN" (so that the file
stays valid JSON) and read back as one.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from auxin.requests.values import Setting
from auxin.store import VERSION

Phase = Literal["tuning", "final", "confirm"]
Half = Literal["development", "confirmation"]
Verdict = Literal["helps", "no evidence", "no evidence (one seed)", "hurts", "reference"]


class Record(BaseModel):
    """A value of the result files: frozen, no unknown fields, equal when all its fields are."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


class EpochRecord(Record):
    """One epoch of one run: one line of its `epochs.jsonl`.

    Attributes:
        epoch: Which epoch, from 1.
        seconds: wall time of this epoch.
        train_loss: The training loss L_T, averaged over the epoch.
        losses: The mean loss of each task.
        validation: The user's metric on the validation rows (greater is better), or None where it was not
            measured.
        learning_rate: Learning rate of the primary network, at the epoch's end.
        measures: anything else that was measured, by a dotted name: `label_entropy.sample`,
            `label_entropy.mean`, `label_classes`, `weight.TASK` (a task's weight), `cosine.TASK` (its
            gradient's cosine to the main task's) ...
        phase: Of a strategy of several phases, which one.
    """

    epoch: int = Field(ge=0)
    seconds: float
    train_loss: float
    losses: dict[str, float] = {}
    validation: float | None = None
    learning_rate: float | None = None
    measures: dict[str, float] = {}
    phase: str = "run"


class PhaseRecord(Record):
    """One phase of a run's strategy: one network from its fresh start to the end of its training.

    Attributes:
        name: Name of the phase.
        rows: `run` (the run's training rows), `held` (those without the validation rows), or `all`, `all held` (the
            auxiliary set's too).
        steps: inner steps taken.
        epochs: Epochs finished.
        kept: Whether its network is the one that is kept.
    """

    name: str
    rows: Literal["run", "held", "all", "all held"] = "run"
    steps: int
    epochs: int
    kept: bool = False


class DecisionRecord(Record):
    """What validation decided inside a run.

    Attributes:
        kept: The candidate that was kept.
        scores: Every candidate's score on the validation rows; NaN where it diverged.
        sentence: why, with the numbers.
    """

    kept: str
    scores: dict[str, float]
    sentence: str


class Scores(Record):
    """The user's metric on each set of rows, greater is better; None where the set was not opened."""

    validation: float | None = None
    development: float | None = None
    confirmation: float | None = None


class RunResult(Record):
    """One method, one try, one seed: what was run and what came out.

    Attributes:
        version: The version of this file's schema.
        method: The method's name.
        attempt: The name of the try, the same for all seeds that share its settings (`tuning-3`, `final`).
        phase: `tuning` (chooses settings), `final` (is reported), `confirm` (opens the second half of the
            test rows).
        settings: Every hyperparameter, flat.
        seed: The seed of splits, initial weights and batch order.
        dataset: The data set's name.
        split_hash: The hash of all rows' roles; runs of one seed are comparable only where it is the same.
        digest: identifies the run by content: settings, seed, data, split and metric. A run is finished where a
            result with its digest is there; empty in results of auxin 0.1.
        metric: The user's metric, which rules selection and verdict.
        epochs: The curves of the network that is kept.
        steps: inner steps in all, over all phases of the method's strategy.
        phases: What the strategy trained.
        decision: Decision of a strategy that chooses on validation.
        scores: The metric on each set of rows.
        correct: Each test row's share of the score (0 or 1 for accuracy), by set of rows (`development`,
            `confirmation`), ordered by the rows' content hash; for the bootstrap. Empty where the metric is
            no mean over rows.
        seconds: wall time of the run.
        seconds_per_step: median wall time of one training step.
        parameters: trainable parameters, by part (`primary`, `auxiliary`).
        label_measures: What became of the generated labels at the end (`label_entropy.sample` ...).
        versions: Versions of python, auxin and what it stands on.
        hardware: `cpu`, `cores`, `device` ...
        warnings: What went wrong without ending the run.
        notes: Sentences about the decisions.
        started: When, ISO 8601 with the time zone.
    """

    version: Literal[1] = VERSION
    method: str
    attempt: str
    phase: Phase
    settings: dict[str, Setting] = {}
    seed: int
    dataset: str
    split_hash: str
    digest: str = ""
    metric: str
    epochs: list[EpochRecord] = []
    steps: int | None = None
    phases: list[PhaseRecord] = []
    decision: DecisionRecord | None = None
    scores: Scores = Scores()
    correct: dict[str, list[float]] = {}
    seconds: float
    seconds_per_step: float | None = None
    parameters: dict[str, int] = {}
    label_measures: dict[str, float] = {}
    versions: dict[str, str] = {}
    hardware: dict[str, str | int | float] = {}
    warnings: list[str] = []
    notes: list[str] = []
    started: str


class Contrast(Record):
    """A method against one reference: paired over the seeds that both have.

    Attributes:
        reference: The method it is compared with.
        difference: Mean over seeds of the method's score minus the reference's.
        low, high: 95 % t interval over seeds; None with fewer than two seeds.
        p: two-sided p-value of the paired difference; None with fewer than two seeds.
        p_adjusted: The same after Holm's correction over the methods on trial (or over the controls) that are
            compared with the same reference.
        rows_low, rows_high: 95 % bootstrap interval over test rows, the seeds held fixed; None where not
            available.
        seeds: How many seeds are paired.
        verdict: helps, no evidence or hurts.
    """

    reference: str
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    rows_low: float | None = None
    rows_high: float | None = None
    seeds: int
    verdict: Verdict


class Row(Record):
    """One method of a comparison.

    Attributes:
        method: Name of the method.
        role: `single` (the baseline), `control`, or `method` (what is on trial).
        mean: Mean score over seeds; a diverged run counts as stated in `warnings`.
        standard_error: Standard error of the mean over seeds; None with one seed.
        scores: Each seed's score (NaN where the run diverged).
        validation: The validation score by which settings and the best control were chosen.
        versus_single, versus_control, versus_twin: against single-task training, the best control, and the
            method's own untrained twin; None where it is that very reference, or there is none.
        verdict: The word, against the reference that the method is judged by (`judged_by`).
        judged_by: The best control for a method on trial, `single` for a control, None for `single` itself.
        seconds_per_run: Mean wall time of a run.
        overhead: seconds per run over those of `single`; None where `single` did not run.
        steps: inner steps of a run, over all phases of its strategy, averaged over seeds.
        settings: The hyperparameters chosen on validation.
        kept: Where its strategy decides on validation (`guard`, `grid`): in how many seeds each candidate was
            kept, the most frequent first.
        warnings: Warnings of its runs, each once.
    """

    method: str
    role: Literal["single", "control", "method"]
    mean: float
    standard_error: float | None = None
    scores: dict[int, float]
    validation: float | None = None
    versus_single: Contrast | None = None
    versus_control: Contrast | None = None
    versus_twin: Contrast | None = None
    verdict: Verdict
    judged_by: str | None = None
    seconds_per_run: float
    overhead: float | None = None
    steps: float | None = None
    settings: dict[str, Setting] = {}
    kept: dict[str, int] = {}
    warnings: list[str] = []


class Comparison(Record):
    """What a comparison found: everything the table and the report need besides the runs' curves.

    Attributes:
        sentence: The verdict in words.
        rows: One per method, `single` first, then controls, then the methods on trial.
        best_control: The control with the best validation score, or None.
        half: Which half of the test rows the scores are from.
        seeds: The reported seeds.
        split_hashes: Each seed's split.
        splits: How many rows play which role, and other counts (`train`, `unlabelled`, `labels per
            class` ...).
        tries: How many settings each method tried on validation.
        cuts: What the time budget left out, one sentence each.
        command: Command line that repeats it.
        finished: False where it was interrupted and only some methods or seeds are in.
    """

    version: Literal[1] = VERSION
    dataset: str
    metric: str
    half: Half
    sentence: str
    rows: list[Row]
    best_control: str | None = None
    seeds: list[int]
    split_hashes: dict[int, str] = {}
    splits: dict[str, int | float | str] = {}
    tries: int | None = None
    cuts: list[str] = []
    warnings: list[str] = []
    notes: list[str] = []
    command: str = ""
    started: str = ""
    seconds: float | None = None
    versions: dict[str, str] = {}
    hardware: dict[str, str | int | float] = {}
    finished: bool = True
