"""One HTML page about a model that `auxin fit` wrote: how good it is, what it is beside, and how it was made."""

from pathlib import Path

from auxin.exported.card import Card
from auxin.exported.folder import CARD, read_files
from auxin.judging import wording
from auxin.reports._template import origin, template


def read_model_card(folder: Path) -> Card | None:
    """The card of the model in a folder; None where there is no model.

    Raises:
        DataError: The model's files are damaged.
    """
    return read_files(folder)[0] if (folder / CARD).is_file() else None


def model_page(card: Card) -> str:
    """The page about one model, as HTML."""
    record = card.training
    return template("model.html.j2").render(
        title=f"{record.data}: a model of {card.task.name}",
        task=card.task.name,
        record=record,
        metric=wording.title(record.metric),
        sentences=sentences(card),
        scores=_scores(card),
        facts=_facts(card),
    )


def sentences(card: Card) -> list[str]:
    """What a person needs to know of the model: the advice, or what the guard decided, and the test score."""
    record = card.training
    said = list(record.advice)
    if not said:
        said = [f"The network was trained by {record.method}."]
        said += [record.decision.why] if record.decision is not None else []
        if record.validation is not None:
            value = wording.score(record.validation, record.metric)
            said.append(
                f"{wording.title(record.metric)} on validation rows: {value}. The estimate is optimistic: the same "
                "rows chose the model."
            )
    if record.test is not None:
        value = wording.score(record.test, record.metric)
        rows = f"{record.rows['development']:,} test rows that were not used for selection"
        said.append(f"{wording.title(record.metric)} on {rows}: {value}.")
    return said


def _scores(card: Card) -> list[tuple[str, str]]:
    """The candidates' scores, the best first."""
    record = card.training
    found = {} if record.decision is None else record.decision.validation
    ordered = sorted(found.items(), key=lambda pair: -pair[1])
    return [(name, wording.score(score, record.metric)) for name, score in ordered]


def _facts(card: Card) -> dict[str, str]:
    record = card.training
    facts = {
        "data set": record.data,
        **{f"{name} rows": f"{count:,}" for name, count in record.rows.items() if count},
        "seed": str(record.seed),
        **origin(record),
    }
    return {name: value for name, value in facts.items() if value}
