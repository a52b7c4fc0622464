"""TorchJD: any of its aggregators that is a weighting of gradients (`torchjd:upgrad`, `torchjd:mgda` ...)."""

import importlib
import inspect
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from auxin.combiners.base import GramianCombiner, number
from auxin.errors import ConfigError, UnsupportedError


class TorchJD(GramianCombiner):
    """The weights that a symmetric aggregator of the TorchJD library gives the tasks' gradients.

    TorchJD (https://torchjd.org) has the multi-task methods that treat all tasks alike: UPGrad, MGDA,
    CAGrad, IMTLG, NashMTL, AlignedMTL, DualProj, FairGrad, PCGrad, Random and others. They see the
    gradients through a square root of the Gramian, which is all they need. Aggregators that are no
    weighting (GradDrop, ConFIG, TrimmedMean) are refused. FairGrad (`torchjd:FairGrad`, `alpha=1`) is there; its
    solver stops early where gradients are small (norms of 1e-4), so its weights are then too small. UPGrad and
    DualProj add 1e-4 of the Gramian's trace to its diagonal, so their direction conflicts with a task whose gradient
    is 100 times shorter than another's (`projector=torchjd.linalg.QuadprogProjector(reg_eps=1e-10)` does not). These
    two and CAGrad take gradients shorter than .01 for zero; auxin gives them the Gramian over its trace, on which
    their weights do not depend. While one task's gradient is zero, CAGrad gives all tasks the weight 0. DB-MTL is not
    in TorchJD 0.18: `db_mtl` is auxin's own.

    Args:
        count: Number of tasks, the main one included.
        aggregator: The name of TorchJD's class, in capitals or not.
        scale: A factor on all weights; 0 means `count`, because TorchJD's weights belong to the mean of the
            gradients and everyone else's here to their sum.
        options: Arguments of the aggregator, such as c=0.4 for CAGrad.

    Raises:
        UnsupportedError: TorchJD is not installed, or lacks something that the aggregator needs.
        ConfigError: No such aggregator, not a weighting, or arguments it does not take.
    """

    tuning = ({"scale": 0.0}, {"scale": 1.0}, {"scale": 0.3})

    def __init__(self, count: int, aggregator: str = "UPGrad", scale: float = 0.0, **options: Any) -> None:
        super().__init__(count)
        self.scale = number("scale", scale) or float(count)
        self.aggregator = aggregator
        made = _make(aggregator, count, options)
        self.weighting = _weighting(aggregator, made)
        # TorchJD takes a Gramian whose trace is under this option (its own or its projector's, 1e-4) for zero.
        self.of_unit_trace = hasattr(made, "norm_eps") or hasattr(
            getattr(made, "projector", None), "norm_eps"
        )

    def weights(self, gramian: Tensor, means: Tensor) -> Tensor:
        """The loss weights, [T]."""
        del means
        if self.count == 1:
            return gramian.new_ones(1)
        root = square_root(gramian)
        if self.of_unit_trace:
            root = root / root.norm().clamp(min=torch.finfo(root.dtype).tiny)
        return self.scale * self.weighting(root).detach().to(gramian)


def square_root(gramian: Tensor) -> Tensor:
    """A matrix J with J J^T equal to the Gramian: gradients of the same lengths and angles, [T, T].

    >>> gramian = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    >>> bool((square_root(gramian) @ square_root(gramian).T).allclose(gramian))
    True
    """
    values, vectors = torch.linalg.eigh(gramian.cpu().double())
    return (vectors * values.clamp(min=0).sqrt()).to(gramian)


def _weighting(name: str, made: Any) -> Any:
    weighting = getattr(made, "weighting", None)
    if weighting is None:
        wrong = f"TorchJD's {name} is not a weighting of the tasks' gradients"
        raise ConfigError(wrong, do="Choose one that is, such as torchjd:UPGrad")
    return weighting


def _make(name: str, count: int, options: dict[str, Any]) -> Any:
    library = _library()
    known = {n.lower(): n for n in library.__all__ if not n.endswith(("Weighting", "Aggregator"))}
    if name.lower() not in known:
        wrong = f"TorchJD has no aggregator {name!r}"
        raise ConfigError(wrong, expected=f"one of: {', '.join(known.values())}")
    kind = getattr(library, known[name.lower()])
    if "n_tasks" in inspect.signature(kind).parameters:
        options = {"n_tasks": count, **options}
    try:
        return kind(**options)
    except TypeError as error:
        found = f"{options} ({error})"
        raise ConfigError(f"TorchJD's {name} does not take these arguments", found=found) from None
    except ImportError as error:
        raise UnsupportedError(f"TorchJD's {name} lacks a library", do=str(error)) from None


def _library() -> ModuleType:
    try:
        return importlib.import_module("torchjd.aggregation")
    except ImportError:
        wrong = "The library torchjd is not installed"
        raise UnsupportedError(wrong, do="Install it: pip install 'auxin[torchjd]'.") from None
