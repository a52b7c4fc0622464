"""The augmentation of a run, and the strong views of its consistency."""

from auxin.data import KINDS, Dataset, DevicePool
from auxin.errors import ConfigError
from auxin.requests.hyperparameters import Hyperparameters
from auxin.views import View, compose


def pool_and_views(plain: Hyperparameters, dataset: Dataset) -> tuple[str | None, str]:
    """What the pool does to every training row, and the views that follow: the setting names one or the other."""
    if plain.augmentation in (*KINDS, "auto"):
        return (None if plain.augmentation == "auto" else plain.augmentation), ""
    if any(dataset.tasks[name].dense for name in dataset.tasks):
        wrong = f"The augmentation {plain.augmentation!r} does not transform labels per pixel"
        raise ConfigError(wrong, expected=f"one of: {', '.join(KINDS)}")
    return "none", plain.augmentation


def strong_view(plain: Hyperparameters, pool: DevicePool, dataset: Dataset) -> View:
    """The strong view of a consistency."""
    if dataset.encoder.verbatim > 0:
        wrong = f"The inputs of {plain.model} are text tokens, for which there are no augmented views"
        raise ConfigError(wrong, do="Leave methods with a consistency out, or choose another model")
    text = sum(end - begin for begin, end in dataset.encoder.blocks) > pool.shape[0] / 2
    return compose(plain.strong, pool.shape, pool.background, text=text)
