"""Trained members as plain data, tensors and estimators, and back: what a saved model is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from auxin import rivals
from auxin.errors import DataError
from auxin.fitting.blend import Blend
from auxin.fitting.candidates import Guess, Member, RivalMember
from auxin.fitting.convnet import ConvMember, Pixels
from auxin.fitting.featured import FeaturedMember
from auxin.fitting.gaussian import Term
from auxin.fitting.image_features import ImageFeatures
from auxin.fitting.inputs import Inputs
from auxin.fitting.network import NetworkMember
from auxin.fitting.process import ProcessMember
from auxin.fitting.search import TemperedMember
from auxin.fitting.stacked import AuxiliaryPredictions, StackedMember
from auxin.math.kernels import Kernel
from auxin.rivals import InputShape
from auxin.tasks.base import Task

State = dict[str, Any]


@dataclass
class Parts:
    """Where a member's weights are kept.

    Attributes:
        tensors: Tensors by name.
        estimators: Estimators of scikit-learn, in order.
        tasks: The tasks of a member beyond the main one, by number.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    estimators: list[Any] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    def keep(self, tensors: Mapping[str, Tensor]) -> int:
        """Put a member's tensors among the others; the number that their names begin with."""
        number = len(self.tensors)
        self.tensors |= {f"{number}.{name}": value.contiguous().clone() for name, value in tensors.items()}
        return number


def state_of(member: Member, parts: Parts) -> State:
    """What a member is, with its weights put among the parts."""
    if isinstance(member, TemperedMember):
        bounds = {} if member.bounds is None else {"bounds": list(member.bounds)}
        return {"kind": "heated", "heat": member.heat, **bounds, "member": state_of(member.member, parts)}
    if isinstance(member, Blend):
        members = [state_of(one, parts) for one in member.members]
        return {"kind": "blend", "weights": list(member.weights), "members": members}
    if isinstance(member, RivalMember):
        return {"kind": "rival", **_fitted_state(member.fitted, parts, None)}
    if isinstance(member, StackedMember):
        fed = [
            [_fitted_state(one, parts, _task(models[0].task, parts)) for one in models]
            for models in member.fed.models
        ]
        return {"kind": "stacked", "inner": state_of(member.inner, parts), "fed": fed}
    if isinstance(member, NetworkMember):
        number = parts.keep({**member.weights, **_input_tensors(member.inputs)})
        return {"kind": "network", "number": number, "length": member.inputs.length}
    if isinstance(member, ConvMember):
        units = {"input mean": member.pixels.mean, "input std": member.pixels.std}
        nets = {f"{k}.{name}": value for k, one in enumerate(member.weights) for name, value in one.items()}
        number = parts.keep({**units, **nets})
        pixels = {"image": list(member.pixels.image), "factor": member.pixels.factor}
        return {"kind": "convnet", "number": number, "networks": len(member.weights), **pixels}
    if isinstance(member, ProcessMember):
        return _process_state(member, parts)
    if isinstance(member, FeaturedMember):
        return {**_features_state(member.features, parts), "inner": state_of(member.inner, parts)}
    if isinstance(member, Guess):
        return {"kind": "guess", "value": member.value.tolist()}
    raise TypeError(type(member).__name__)


def restored(state: Mapping[str, Any], task: Task, parts: Parts) -> Member:
    """The member again.

    Raises:
        DataError: The state is not one that `state_of` makes.
    """
    kind = state["kind"]
    if kind == "heated":
        bounds = (float(state["bounds"][0]), float(state["bounds"][1])) if "bounds" in state else None
        return TemperedMember(restored(state["member"], task, parts), float(state["heat"]), bounds)
    if kind == "blend":
        members = tuple(restored(one, task, parts) for one in state["members"])
        return Blend(task, members, tuple(state["weights"]))
    if kind == "rival":
        return RivalMember(task, _fitted(state, task, parts))
    if kind == "stacked":
        fed = tuple(
            tuple(_fitted(one, parts.tasks[one["task"]], parts) for one in models) for models in state["fed"]
        )
        none = torch.empty(0, 0).numpy()
        return StackedMember(task, restored(state["inner"], task, parts), AuxiliaryPredictions(fed, none))
    if kind == "convnet":
        own = _own(state, parts)
        pixels = Pixels(tuple(state["image"]), state["factor"], own.pop("input mean"), own.pop("input std"))
        nets = tuple(_starting(own, f"{k}.") for k in range(state["networks"]))
        return ConvMember(task, pixels, nets)
    if kind == "featured":
        return FeaturedMember(task, _features(state, parts), restored(state["inner"], task, parts))
    if kind == "network":
        own = _own(state, parts)
        return NetworkMember(task, _inputs(own, state["length"]), own)
    if kind == "process":
        own = _own(state, parts)
        terms = tuple(
            Term(Kernel(*kernel), own[f"support {place}"].numpy(), own[f"weights {number}"].numpy())
            for number, (kernel, place) in enumerate(state["terms"])
        )
        inputs = _inputs(own, state["length"])
        return ProcessMember(task, inputs, terms, float(state["sharp"]), own["shares"].numpy())
    if kind == "guess":
        return Guess(task, torch.tensor(state["value"], dtype=torch.float64))
    raise DataError(
        f"A model's part of kind {kind!r} is not known", do="Use the version of auxin that wrote it"
    )


def _own(state: Mapping[str, Any], parts: Parts) -> dict[str, Tensor]:
    return _starting(parts.tensors, f"{state['number']}.")


def _starting(tensors: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _inputs(own: dict[str, Tensor], length: bool) -> Inputs:
    """How inputs are made into what a network takes; its tensors are taken out of `own`."""
    return Inputs(
        own.pop("input mean"), own.pop("input std"), length,
        own.pop("input basis", None), own.pop("input scale", None),
    )  # fmt: skip


def _process_state(member: ProcessMember, parts: Parts) -> State:
    supports = []
    tensors: dict[str, Tensor] = {"shares": torch.from_numpy(member.shares), **_input_tensors(member.inputs)}
    terms = []
    for place, term in enumerate(member.terms):
        if not any(term.support is one for one in supports):
            tensors[f"support {len(supports)}"] = torch.from_numpy(term.support)
            supports.append(term.support)
        tensors[f"weights {place}"] = torch.from_numpy(term.weights)
        used = next(k for k, one in enumerate(supports) if one is term.support)
        terms.append([[term.kernel.length, term.kernel.linear, term.kernel.unit], used])
    plain = {"length": member.inputs.length, "terms": terms, "sharp": member.sharp}
    return {"kind": "process", "number": parts.keep(tensors), **plain}


def _features_state(features: ImageFeatures, parts: Parts) -> State:
    """The features, whose tensors are kept once for all members behind them."""
    found = [name for name, value in parts.tensors.items() if value is features.filters]
    number = int(found[0].partition(".")[0]) if found else len(parts.tensors)
    parts.tensors.update({f"{number}.{name}": value for name, value in features.tensors.items()})
    pixels = {"image": list(features.pixels.image), "factor": features.pixels.factor}
    return {"kind": "featured", "number": number, "mirrored": features.mirrored, **pixels}


def _features(state: Mapping[str, Any], parts: Parts) -> ImageFeatures:
    own = _own(state, parts)
    pixels = Pixels(tuple(state["image"]), state["factor"], own["input mean"], own["input std"])
    return ImageFeatures(
        pixels, own["filters"], own["offset"], bool(state["mirrored"]), own["mean"], own["scale"]
    )


def _input_tensors(inputs: Inputs) -> dict[str, Tensor]:
    found = {"input mean": inputs.mean, "input std": inputs.std}
    if inputs.basis is not None and inputs.scale is not None:
        found |= {"input basis": inputs.basis, "input scale": inputs.scale}
    return found


def _task(task: Task, parts: Parts) -> int:
    if task not in parts.tasks:
        parts.tasks.append(task)
    return parts.tasks.index(task)


def _fitted_state(fitted: rivals.Fitted, parts: Parts, task: int | None) -> State:
    first = len(parts.estimators)
    parts.estimators.extend(fitted.estimators)
    shape = fitted.shape
    return {
        "rival": fitted.name,
        "estimators": [first, len(parts.estimators)],
        "shape": [shape.rows, shape.columns, shape.classes],
        "dense": None if shape.dense is None else list(shape.dense),
        **({"compressed": True} if shape.compressed else {}),
        "task": task,
    }


def _fitted(state: Mapping[str, Any], task: Task, parts: Parts) -> rivals.Fitted:
    first, last = state["estimators"]
    dense = None if state["dense"] is None else tuple(state["dense"])
    rows, columns, classes = state["shape"]
    shape = InputShape(rows, columns, classes, dense, compressed=bool(state.get("compressed")))
    return rivals.Fitted(state["rival"], task, tuple(parts.estimators[first:last]), shape)
