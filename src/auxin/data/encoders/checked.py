"""An encoder's saved state as values of the types that the encoder takes: anything else is refused."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, create_model


def checked(state: Mapping[str, Any], **types: Any) -> dict[str, Any]:
    """The values of these names, each of its type; lists become tuples where the type is one.

    Raises:
        ValueError: A name is missing, or a value is of another type or not finite.

    >>> checked({"kind": "arrays", "shape": [3, 8, 8]}, shape=tuple[int, ...])
    {'shape': (3, 8, 8)}
    """
    fields: dict[str, Any] = {name: (kind, ...) for name, kind in types.items()}
    model = create_model("State", __config__=ConfigDict(strict=True), **fields)
    return dict(model.model_validate_json(_text(state)))


def checked_as(kind: type[Any], state: Mapping[str, Any]) -> Any:
    """A dataclass from its fields, each of its type.

    Raises:
        ValueError: As for `checked`.
    """
    return TypeAdapter(kind).validate_json(_text(state), strict=True)


def _text(state: Mapping[str, Any]) -> str:
    return json.dumps(dict(state), allow_nan=False)
