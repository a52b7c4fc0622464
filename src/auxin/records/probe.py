"""The result files of a probe: one per seed, and the ranking over all of them."""

# ruff: noqa: RUF012  pydantic copies a default for every record

from typing import Literal

from auxin.records.results import Record, Setting
from auxin.store import VERSION

Word = Literal["helps", "no evidence", "hurts"]
Kind = Literal["given", "self-made", "reference"]


class ScoredCandidate(Record):
    """One candidate on one trained network.

    Attributes:
        name: Name of its task.
        kind: Given with the data, self-made (a pretext), or the reference (labels drawn at random).
        newton: Scores for every pair of a held-out batch and a batch of its own.
        cosine: gradient similarities, likewise.
        head_loss: The loss of its head, fitted on the frozen trunk.
        length: The mean norm of its gradient on the shared parameters.
        rows: How many rows its batches hold.
    """

    name: str
    kind: Kind
    newton: list[list[float]]
    cosine: list[list[float]]
    head_loss: float
    length: float
    rows: int


class SeedProbe(Record):
    """The probe of one seed: one network trained on the main task alone.

    Attributes:
        digest: identifies what was computed by content; empty in files of auxin 0.1.
        seed: Seed of rows, initial weights and batches.
        split_hash: Hash of the rows' roles.
        damping: lambda, as it was added to H.
        largest: The largest eigenvalue of H.
        residual: Relative residual of the linear solves, the largest.
        gradient: |grad L_T| on the shared parameters after training; 0 at convergence.
        train_loss, held_out_loss: Losses of the main task.
        train_rows, held_out_rows: How many.
        candidates: Their scores.
        seconds: Wall time in seconds.
    """

    version: Literal[1] = VERSION
    digest: str = ""
    seed: int
    split_hash: str
    damping: float
    largest: float
    residual: float | None = None
    gradient: float
    train_loss: float
    held_out_loss: float
    train_rows: int
    held_out_rows: int
    candidates: list[ScoredCandidate]
    seconds: float


class RankedCandidate(Record):
    """One line of the ranking.

    Attributes:
        name, kind: Name and kind of the candidate.
        score, low, high: Proposition 1's score with its 95 % bootstrap interval; negative helps.
        cosine, cosine_low, cosine_high: The gradient similarity, likewise; positive helps.
        word: Verdict from the score's interval.
        rows: Per seed.
    """

    name: str
    kind: Kind
    score: float
    low: float
    high: float
    cosine: float
    cosine_low: float
    cosine_high: float
    word: Word
    rows: int


class Probe(Record):
    """What a probe found, the most helpful candidate first, the reference last.

    Attributes:
        dataset, main: What was probed.
        ranking: The candidates.
        seeds: How many networks were trained.
        damping_share: lambda over the largest eigenvalue of H.
        dampings: lambda by seed.
        over: Which parameters H is over.
        curvature: What H is.
        splits: How many rows play which role.
        notes: Sentences about the decisions.
        warnings: What makes the scores doubtful.
    """

    version: Literal[1] = VERSION
    dataset: str
    main: str
    ranking: list[RankedCandidate]
    seeds: int
    damping_share: float
    dampings: list[float]
    over: str
    curvature: str
    settings: dict[str, Setting] = {}
    splits: dict[str, int] = {}
    notes: list[str] = []
    warnings: list[str] = []
    command: str = ""
    seconds: float = 0.0
    versions: dict[str, str] = {}
    hardware: dict[str, str | int | float] = {}
