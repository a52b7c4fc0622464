"""Putting a primary network together: a trunk by name or of the user's own, and a head for every task."""

import copy
import hashlib
import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import pairwise
from typing import Protocol

import torch
from torch import nn

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.models._layers import MeanPool, xavier
from auxin.models._named import UserModule, adopt, builder, own_randomness
from auxin.models.base import PrimaryNetwork, Trunk

HEADS = ("auto", "linear", "two_layer")


class TaskOutputs(Protocol):
    """What a head must know of a task: how many numbers it puts out, and whether for every pixel."""

    width: int
    dense: bool


def build_network(
    trunk: str | nn.Module,
    shape: tuple[int, ...],
    tasks: Mapping[str, TaskOutputs],
    seed: int,
    head: str = "auto",
    **options: int | float | str | bool,
) -> PrimaryNetwork:
    """The primary network for these tasks, its initial weights settled by the seed.

    The trunk's weights depend on (seed, trunk, shape) and its options alone and each head's on (seed, task
    name, sizes) alone, so every method starts from the same shared weights, whatever tasks it adds. Torch's
    random state is left as it was.

    Args:
        trunk: A trunk's name, `pretrained:PATH`, `module:factory`, or a module of your own, from
            inputs [B, *shape] to features [B, width]; a module keeps its
            own weights and is copied, so it is not changed by training.
        shape: Shape of the inputs, without the batch dimension.
        tasks: Tasks by name.
        seed: Seed of the initial weights.
        head: "linear" (one layer, initial weights as PyTorch's linear layers), "two_layer" (width-hidden-C
            with a ReLU, Xavier-uniform, biases zero, as the papers' authors have it; hidden is the trunk's
            `head_width`, or its width), or "auto": what the trunk asks for.
        **options: The trunk's own.

    Raises:
        ConfigError: An unknown trunk, a trunk that cannot take the shape, or a dense task on a trunk without
            a map.

    >>> from auxin.tasks.classes import Classes
    >>> network = build_network("mlp", (64,), {"digit": Classes("digit", 10)}, seed=0, hidden=8)
    >>> {name: tuple(output.shape) for name, output in network(torch.zeros(5, 64)).items()}
    {'digit': (5, 10)}
    """
    catalogue.check_choice("head", head, HEADS)
    made = _trunk(trunk, shape, seed, options)
    heads = {name: _head(made, name, task, seed, head) for name, task in tasks.items()}
    return PrimaryNetwork(made, heads)


def _trunk(trunk: str | nn.Module, shape: tuple[int, ...], seed: int, options: Mapping) -> nn.Module:
    if isinstance(trunk, str):
        build = builder(trunk)
        with own_randomness(_seed(seed, "trunk", trunk, *shape)):
            return _with_options(build, trunk, shape, options)
    if options:
        raise ConfigError(
            f"The trunk {type(trunk).__name__} is ready made and takes no options", found=", ".join(options)
        )
    if isinstance(trunk, Trunk | UserModule):
        return copy.deepcopy(trunk)
    like = next(trunk.parameters(), torch.zeros(()))
    return adopt(copy.deepcopy(trunk), torch.zeros(2, *shape, dtype=like.dtype, device=like.device))


def _with_options(
    build: Callable[..., nn.Module], trunk: str, shape: tuple[int, ...], options: Mapping
) -> nn.Module:
    try:
        return build(shape, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        option = str(error).rsplit("'", 2)[-2]
        made = getattr(build, "__self__", build)  # a member's class, or a factory
        named = inspect.signature(made).parameters.values()
        known = [one.name for one in named if one.default is not one.empty]
        near = get_close_matches(option, known, n=1)
        raise ConfigError(
            f"The trunk {trunk!r} has no option {option!r}",
            expected=f"one of: {', '.join(f'model.{name}' for name in known)}" if known else "",
            do=f"Did you mean 'model.{near[0]}'?" if near else "",
        ) from error


def _head(trunk: nn.Module, name: str, task: TaskOutputs, seed: int, head: str) -> nn.Module:
    dense = getattr(trunk, "dense", False)
    if task.dense and not dense:
        raise ConfigError(
            f"Task {name!r} is dense, and the trunk {type(trunk).__name__} has no feature map",
            do="Use a trunk with a feature map, such as segnet",
        )
    width, hidden = int(trunk.width), int(getattr(trunk, "head_width", 0))  # type: ignore[arg-type]
    two = head == "two_layer" or (head == "auto" and hidden > 0)
    sizes = [width, hidden or width, task.width] if two else [width, task.width]
    with own_randomness(_seed(seed, "head", name, *sizes)):
        return _layers(sizes, dense, task.dense)


def _layers(sizes: list[int], dense_trunk: bool, dense_task: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Conv2d(before, after, 1) if dense_task else nn.Linear(before, after), nn.ReLU()]
    pool: list[nn.Module] = [MeanPool()] if dense_trunk and not dense_task else []
    made = nn.Sequential(*pool, *layers[:-1])
    if len(sizes) > 2:
        xavier(made)
    return made


def _seed(*parts: object) -> int:
    """A seed from anything, the same on every machine and in every process."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
