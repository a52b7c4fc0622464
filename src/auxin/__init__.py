"""auxin: learn the learning signal by bilevel optimisation, with an honest verdict.

Importing the package imports nothing heavy; each public name is loaded when it is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auxin.api.auxiliary import Auxiliary
    from auxin.api.estimators import AuxiliaryClassifier, AuxiliaryRegressor
    from auxin.api.learned_rule import LearnedRule
    from auxin.api.sources import by_source
    from auxin.exported.model import load_model
    from auxin.hypergradients import (
        BilevelProblem,
        TrainingGradient,
        diagnose,
        hypergradient,
        training_gradient,
    )

__version__ = "0.1.0"

_HOMES = {
    "Auxiliary": "auxin.api.auxiliary",
    "AuxiliaryClassifier": "auxin.api.estimators",
    "AuxiliaryRegressor": "auxin.api.estimators",
    "LearnedRule": "auxin.api.learned_rule",
    "by_source": "auxin.api.sources",
    "load_model": "auxin.exported.model",
    "hypergradient": "auxin.hypergradients",
    "BilevelProblem": "auxin.hypergradients",
    "TrainingGradient": "auxin.hypergradients",
    "training_gradient": "auxin.hypergradients",
    "diagnose": "auxin.hypergradients",
}

__all__ = [
    "Auxiliary",
    "AuxiliaryClassifier",
    "AuxiliaryRegressor",
    "BilevelProblem",
    "LearnedRule",
    "TrainingGradient",
    "by_source",
    "diagnose",
    "hypergradient",
    "load_model",
    "training_gradient",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'auxin' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])
