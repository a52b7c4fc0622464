"""A trunk by what a user gives: a member's name, `pretrained:PATH`, `module:factory`, or a module of their own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from auxin import catalogue
from auxin.errors import ConfigError

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


def adopt(module: nn.Module, example: Tensor) -> nn.Module:
    """A user's own module as a trunk: the module itself, its number of features found by one forward.

    The forward runs in evaluation mode and without gradients, so buffers, random state and training mode
    stay as they are.

    Args:
        module: Module from inputs to features [B, D].
        example: Batch of at least one input.

    Raises:
        ConfigError: The module cannot take the example, or does not put out [B, D].

    >>> adopt(nn.Sequential(nn.Linear(4, 7), nn.ReLU()), torch.zeros(2, 4)).width
    7
    """
    modes = [(part, part.training) for part in module.modules()]
    try:
        with own_randomness(0), torch.no_grad():
            features = module.eval()(example)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"The module {type(module).__name__} cannot be a trunk",
            expected=f"one that takes inputs {list(example.shape)}",
            do=f"It says: {error}",
        ) from error
    finally:
        for part, mode in modes:
            part.training = mode
    return UserModule(module, _count_features(module, features, len(example)))


def _count_features(module: nn.Module, features: object, rows: int) -> int:
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != rows:
        found = f"shape {list(features.shape)}" if isinstance(features, Tensor) else type(features).__name__
        raise ConfigError(
            f"The module {type(module).__name__} cannot be a trunk",
            expected=f"features [B, D], one row for each of the {rows} inputs",
            found=found,
            do="Cut the module before its last layer, or pool and flatten what it puts out",
        )
    return features.shape[1]


class UserModule(nn.Module):
    """A user's own module with its number of features beside it."""

    def __init__(self, module: nn.Module, width: int) -> None:
        super().__init__()
        self.module = module
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Features [B, width]."""
        return self.module(x)


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Torch's CPU generator seeded inside, and as it was outside; the device generators are not touched."""
    before = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
