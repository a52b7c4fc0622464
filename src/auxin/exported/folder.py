"""A saved model on disk: two files, written whole, checked when read."""

import hashlib
import json
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sklearn
from pydantic import ValidationError
from safetensors import SafetensorError
from sklearn.exceptions import InconsistentVersionWarning

from auxin.data.encoders.contract import Notify, warn
from auxin.errors import DataError
from auxin.exported.card import COMMITTEE, FORMAT, VERSION, Card
from auxin.rivals import dump, restore
from auxin.store import digest_of, write_bytes, write_json

if TYPE_CHECKING:
    from torch import Tensor

CARD = "model.json"
WEIGHTS = "weights.safetensors"
ESTIMATORS = "estimators.skops"


def write_weights(folder: Path, weights: "Mapping[str, Tensor]") -> str:
    """Write the weights; their SHA-256."""
    from safetensors.torch import save

    content = save(dict(weights))
    write_bytes(folder / WEIGHTS, content)
    return hashlib.sha256(content).hexdigest()


def write_estimators(folder: Path, estimators: Sequence[Any]) -> str | None:
    """Write scikit-learn's estimators by skops; the file's SHA-256, or None where there are none."""
    if not estimators:
        return None
    content = dump(tuple(estimators))
    write_bytes(folder / ESTIMATORS, content)
    return hashlib.sha256(content).hexdigest()


def read_estimators(folder: Path, card: Card, notify: Notify = warn) -> list[Any]:
    """The estimators of a card; none where it names none.

    Args:
        folder: The model's folder.
        card: Its card.
        notify: Function that receives a sentence where another version of scikit-learn trained them.

    Raises:
        DataError: The file is missing, damaged, another model's, or asks for a type that no estimator is made of.
    """
    if card.estimators is None:
        return []
    content = _content(folder, ESTIMATORS)
    _same(folder / ESTIMATORS, hashlib.sha256(content).hexdigest(), card.estimators)
    if do := other_version(card):
        notify(f"Predictions may differ from those of the trained model. {do}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)  # of every estimator; said above, once
        return list(restore(content, str(folder / ESTIMATORS)))


def other_version(card: Card) -> str:
    """What to do where another version of scikit-learn (1.8, 1.9) trained the estimators; "" where none did."""
    trained = card.training.versions.get("scikit-learn", "")
    if card.estimators is None or not trained[:1].isdigit():
        return ""
    if trained.split(".")[:2] == sklearn.__version__.split(".")[:2]:
        return ""
    return (
        f"scikit-learn {trained} trained its estimators, and {sklearn.__version__} is installed: "
        f"install scikit-learn {trained}, or train it again"
    )


def write_card(folder: Path, card: Card) -> None:
    """Write `model.json` with its checksum: from now on the folder is a model."""
    plain = json.loads(card.model_dump_json())
    write_json(folder / CARD, card.model_copy(update={"checksum": checksum(plain)}))


def checksum(plain: Mapping[str, Any]) -> str:
    """The SHA-256 of a card's fields without `checksum`; the other files' digests are among them."""
    return digest_of({name: value for name, value in plain.items() if name != "checksum"})


def require(folder: Path) -> None:
    """Refuse a folder that holds no model.

    Raises:
        DataError: It has no card.
    """
    _content(folder, CARD)


def read(folder: Path) -> "tuple[Card, dict[str, Tensor]]":
    """The card and the weights.

    Raises:
        DataError: One is missing or damaged, or they do not belong together, or are another version's, or hold
            numbers that cannot be used.
    """
    from safetensors.torch import load

    card, content = read_files(folder)
    try:
        weights = load(content)
    except (SafetensorError, ValueError) as error:
        raise DataError(f"{folder / WEIGHTS} cannot be read", found=str(error)) from error
    _check_numbers(folder, card, weights)
    return card, weights


def read_files(folder: Path) -> tuple[Card, bytes]:
    """The card, and the weights' file as it is.

    Raises:
        DataError: One is missing or damaged, or they do not belong together, or are another version's.
    """
    card = _card(folder / CARD, _content(folder, CARD))
    content = _content(folder, WEIGHTS)
    _same(folder / WEIGHTS, hashlib.sha256(content).hexdigest(), card.weights)
    return card, content


def _check_numbers(folder: Path, card: Card, weights: "Mapping[str, Tensor]") -> None:
    """Refuse numbers with which every prediction would be wrong or not a number."""
    broken = [name for name, value in weights.items() if not bool(value.isfinite().all())]
    if broken:
        wrong, expected = f"{folder / WEIGHTS} holds weights that are not finite", "finite numbers"
        found = ", ".join(broken[:5])
    elif not all(map(math.isfinite, card.mean)) or not all(value > 0 for value in card.std):
        wrong, expected = f"{folder / CARD} cannot normalise inputs", "finite means and positive spreads"
        found = f"mean {card.mean[:5]}, std {card.std[:5]}"
    elif not (math.isfinite(card.temperature) and card.temperature > 0):
        wrong, expected = f"{folder / CARD} holds an invalid temperature", "a positive number"
        found = str(card.temperature)
    else:
        return
    raise DataError(wrong, expected=expected, found=found, do="Copy it again, or train it again")


def _same(path: Path, found: str, digest: str, expected: str = f"the file that {CARD} belongs to") -> None:
    if found != digest:
        raise DataError(
            f"{path} is damaged, or belongs to another model",
            expected=f"{expected} (SHA-256 {digest[:12]}...)",
            found=f"SHA-256 {found[:12]}...",
            do="Copy all files again, or train it again",
        )


def _content(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        there = (
            sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []
        )
        if CARD in there:
            raise DataError(
                f"{folder} is not a whole model",
                expected=f"the file {name}, which {CARD} names",
                found=", ".join(there[:5]),
                do="Copy all files again, or train it again",
            ) from error
        raise DataError(
            f"{folder} is not a saved model",
            expected=f"a folder with {CARD} and {WEIGHTS}, as `auxin fit --out` writes it",
            found=", ".join(there[:5]) or ("an empty folder" if folder.is_dir() else "no such folder"),
        ) from error
    except OSError as error:
        raise DataError(f"{folder / name} cannot be read", found=str(error)) from error


def _card(path: Path, content: bytes) -> Card:
    try:
        plain = json.loads(content)
        kind = (plain["format"], plain["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        do = "Copy it again, or train it again"
        raise DataError(f"{path} is damaged", expected="a model's JSON", found=str(error), do=do) from error
    if kind not in ((FORMAT, VERSION), (FORMAT, COMMITTEE)):
        raise DataError(
            f"{path} has a version that this release of auxin cannot read",
            expected=f"{FORMAT} version {VERSION} or {COMMITTEE}",
            found=f"{kind[0]} version {kind[1]}",
            do="Use the version of auxin that wrote it, or train it again",
        )
    if plain.get("checksum"):
        _same(
            path, checksum(plain), str(plain["checksum"]), "a model.json with the checksum that stands in it"
        )
    try:
        return Card.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} is damaged", found=f"{where}: {first['msg']}") from error
