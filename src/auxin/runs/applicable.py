"""Which methods can run on which data, and what a method finds among the auxiliary tasks of the data."""

from auxin import catalogue
from auxin.data import Dataset
from auxin.errors import ConfigError
from auxin.math.hierarchy import Hierarchy
from auxin.methods.base import Method, Setting
from auxin.rivals import why_not

EVERY = "*"
"""In a method's pretexts: every one that the inputs allow."""
MODEL_HIERARCHY = 5
"""psi if neither the user nor the data give it: the paper's middle value."""


def applicable(method: Method, dataset: Dataset) -> str | None:
    """Why this method cannot run on these data, or None where it can."""
    if method.needs_auxiliary and not auxiliaries(dataset):
        return "the data have no auxiliary labels."
    if method.labeler is not None:
        reason = catalogue.load("labelers", method.labeler).why_not(dataset.tasks[dataset.main])
        if reason is not None:
            return reason
        if dataset.sparse and method.labeler == "sources":
            return "its sources take dense inputs only, and these are kept sparse."
    if dataset.sparse and "rule_pretrain" in method.strategy:
        return "a learned rule takes dense inputs only, and these are kept sparse."
    if method.rival == "pretrained_linear":
        return "it needs the folder of a pretrained model, which only `auxin fit` supplies."
    if method.rival is not None:
        return why_not(method.rival, dataset.tasks[dataset.main], compressed=dataset.sparse)
    if method.consistency is not None:
        reason = catalogue.load("consistency", method.consistency).why_not(dataset.tasks[dataset.main])
        if reason is not None:
            return reason
    family = method.combiner.partition(":")[0]
    if catalogue.load("combiners", family).needs_images and not dataset.tasks[dataset.main].dense:
        return f"the combiner {family} needs loss images, which only a dense main task has."
    for name in method.pretexts if EVERY not in method.pretexts else ():
        try:
            catalogue.load("pretexts", name).build(dataset.shape)
        except ConfigError as error:
            return str(error)
    return None


def auxiliaries(dataset: Dataset) -> list[str]:
    """The data set's auxiliary tasks, by name."""
    return [name for name in dataset.tasks if name != dataset.main]


def refinement(dataset: Dataset) -> str | None:
    """The auxiliary task that refines the main one, the finest if there are several; else the first, or None."""
    refining = sorted(dataset.parents, key=lambda name: dataset.tasks[name].width)
    given = [name for name in auxiliaries(dataset) if name not in dataset.domains]
    return refining[-1] if refining else (given[0] if given else None)


def hierarchy(dataset: Dataset, psi: Setting, seed: int) -> Hierarchy:
    """psi: the user's, else as many auxiliary classes as the data's own finer task has, else five per class."""
    primary = dataset.tasks[dataset.main].width
    if psi is not None:
        return Hierarchy.parse(int(psi), primary)
    finer = refinement(dataset)
    if finer is not None and finer in dataset.parents:
        return Hierarchy.split(primary, dataset.tasks[finer].width, seed)
    return Hierarchy.uniform(primary, MODEL_HIERARCHY)
