"""Tiny runs on digits that several tests share."""

from auxin.data import make_splits
from auxin.data.digits import Digits
from auxin.methods import resolve
from auxin.runs.build import PreparedRun, build
from auxin.runs.settings import layered

TINY = {"steps": 8, "batch": 16, "model.channel_width": 4, "every": 2}


def tiny(method: str = "maxl", seed: int = 0, **settings) -> PreparedRun:
    """A run of a few steps, with `.` in a setting's name written as `__`."""
    data = Digits.load(None)
    splits = make_splits(data, seed=seed, labels_per_class=5)
    user = {**TINY, **{name.replace("__", "."): value for name, value in settings.items()}}
    member = resolve(method)
    return build(data, splits, member, layered("digits", "image", member, "auxin", user, {}), seed)
