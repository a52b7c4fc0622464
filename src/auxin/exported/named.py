"""Predictions as a table's columns."""

from typing import Any

from auxin.exported.model import Model, Predictions


def columns(model: Model, found: Predictions) -> dict[str, Any]:
    """Predictions as a table's columns: labels by name, a probability per class, or values in the target's unit."""
    names, values = model.labels, found.values
    if found.probabilities is None:
        several = (
            {f"prediction {k + 1}": values[:, k].numpy() for k in range(values.shape[1])}
            if values.dim() > 1
            else {}
        )
        return several or {"prediction": values.numpy()}
    chances = {f"p({name})": found.probabilities[:, k].numpy() for k, name in enumerate(names)}
    if values.dim() > 1:
        return {f"is {name}": values[:, k].numpy() for k, name in enumerate(names)} | chances
    return {"prediction": [names[k] for k in values.tolist()]} | chances
