"""The request of `auxin reproduce`."""

from pathlib import Path
from typing import ClassVar

from auxin.requests.option import Group, group, option
from auxin.requests.shared import Engine, StudyRequest
from auxin.requests.values import Folder, Seconds, Words


class RecipeSize(Group):
    """What the user changes of a recipe's size."""

    panel: ClassVar[str] = "Size"

    seeds: int | None = option(None, "Number of seeds. Default: the recipe's.", ge=1)
    rows: int | None = option(
        None, "Maximum number of training rows, in recipes that are tables of runs.", ge=10
    )
    only: Words = option(
        (), "Run only the pieces whose names contain one of these words, comma-separated.", metavar="WORDS"
    )


class RecipeRequest(StudyRequest):
    """What a user requests of `auxin reproduce`."""

    panel: ClassVar[str] = "Recipe"

    name: str = option("", "Name of a recipe. Without one, the recipes are listed.", "recipe", argument=True)
    root: Folder = option(
        None, "Folder that holds one folder per data set, such as DIR/cifar100.", changes_results=False
    )
    smoke: bool = option(
        False, "Run a tiny version on made-up rows, to test that the recipe runs. Its numbers mean nothing."
    )
    size: RecipeSize = group(RecipeSize())
    budget: Seconds = option(
        None,
        "Time limit, such as 10min. A piece is not started if, by the times of the finished ones, it would end later; "
        "the first ones always are.",
        metavar="TIME",
        changes_results=False,
    )
    compute: Engine = group(Engine())

    def default_folder(self) -> Path:
        """Return the recipe's folder."""
        return Path("runs") / f"reproduce-{self.name}{'-smoke' if self.smoke else ''}"
