"""A trunk by what a user writes: a member's name, `pretrained:PATH`, or `module:factory` of the user's own."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from auxin import catalogue
from auxin.errors import ConfigError
from auxin.models._adopted import adopt

Build = Callable[..., nn.Module]


def builder(name: str) -> Build:
    """What makes the trunk: called with the inputs' shape and the trunk's options.

    A factory `module:factory` is called as `factory(shape, **options)` and gives a module from inputs [B, *shape] to
    features [B, D]; its module is looked for in the current folder too.

    Raises:
        ConfigError: There is no such trunk; a module or factory is not there, or gives no module.
    """
    family, mark, rest = name.partition(":")
    if not mark:
        return catalogue.load("models", name).build
    if family in catalogue.names("models"):
        return partial(catalogue.load("models", family).build, path=rest)
    return partial(_own, name, _factory(name, family, rest))


def _factory(name: str, module: str, attribute: str) -> Build:
    factory = getattr(catalogue.user_module(module), attribute, None)
    if not callable(factory):
        raise ConfigError(f"The model {name!r} was not found", found=f"no function {attribute!r} in {module}")
    return factory  # type: ignore[return-value]


def _own(name: str, factory: Build, shape: tuple[int, ...], **options: object) -> nn.Module:
    made = factory(shape, **options)
    if not isinstance(made, nn.Module):
        raise ConfigError(
            f"The factory {name} gave no module", expected="a torch.nn.Module", found=type(made).__name__
        )
    width = getattr(made, "width", None)
    return made if isinstance(width, int) else adopt(made, torch.zeros(2, *shape))
