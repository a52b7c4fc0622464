"""The order of the tutorials: the command line first, then loops of one's own."""

from typing import Any

from sphinx_gallery.sorting import ExampleTitleSortKey

FIRST = (
    "digits_in_a_minute",
    "table_with_missing_labels",
    "unlabelled_images",
    "own_loop",
    "hf_trainer",
    "lightning_module",
    "maxl_labels",
    "learned_rule",
)


class TutorialOrder(ExampleTitleSortKey):
    """Sort by the list above; a tutorial that it lacks comes after, by its title."""

    def __call__(self, filename: str) -> Any:
        """Return the sort key of a file's name."""
        name = filename.removesuffix(".py")
        place = FIRST.index(name) if name in FIRST else len(FIRST)
        return place, super().__call__(filename)
