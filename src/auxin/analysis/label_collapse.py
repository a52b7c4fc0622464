"""Have generated labels collapsed? Classes used, entropies over log psi, mutual information; spread of real targets."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from auxin.errors import ConfigError
from auxin.math.hierarchy import Hierarchy
from auxin.math.masked_softmax import has_label, one_hot_or_nan
from auxin.math.mutual_information import entropy, joint, mutual_information

LOW, HIGH = 0.1, 0.97
"""Below LOW labels have collapsed, above HIGH they are uniform."""

NARROW = 0.05
"""Real targets whose spread is below this share of their size are nearly the same for every row."""

_NARROW = (
    "The generated targets are nearly the same for every row (spread {:.2f} of their size): a constant teaches "
    "nothing. Lower the meta learning rate, or train the labeler more."
)
_UNIFORM = (
    "The labels are nearly uniform (entropy {:.2f} of 1): uniform labels teach nothing. "
    "Lower the entropy weight, or train the labeler more."
)
_COLLAPSED = (
    "The labels have collapsed (entropy of the classes' mean labels {:.2f} of 1): nearly every row of a "
    "primary class has the same label, which adds nothing to the main label. Raise the entropy weight, or "
    "lower the meta learning rate."
)
_ONE_HOT = (
    "The labels are nearly one-hot (entropy {:.2f} of 1): a saturated softmax passes hardly any gradient, so "
    "they hardly move any more. Lower the meta learning rate, or raise the temperature."
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How much two labellings say about each other *within* the primary classes.

    Attributes:
        information: I(a; b | main) in nats: the primary classes' mutual informations, weighted by their rows.
        normalised: I(a; b | main) over the mean of H(a | main) and H(b | main), in [0, 1]; None where both
            labellings are constant within every primary class.
        rows: How many rows carry both labels and the main one.
    """

    information: float
    normalised: float | None
    rows: int


def measure(
    targets: Tensor, main: Tensor, hierarchy: Hierarchy, sub_classes: Tensor | None = None
) -> dict[str, float]:
    """Measure the labels of an epoch.

    Returns these numbers; one that is not defined for these labels is left out:

    - `label_rows`: how many rows carry a generated label and a main label;
    - `label_classes`: how many auxiliary classes are the most probable one of some row;
    - `label_entropy.sample`: the mean over rows of H(y_i) / log psi; 0 is one-hot, 1 is uniform;
    - `label_entropy.mean`: the mean over primary classes of H(mean label of the class) / log psi; 0 is one
      auxiliary class for all its rows, 1 is all of them equally often;
    - `label_information` (nats) and `label_nmi`: agreement with true sub-classes, where they are given.

    Primary classes with one auxiliary class have no entropy to lose and are left out of both entropies.
    Where a row spreads over more classes than its psi (a shared softmax), log K takes the place of log psi
    for all rows.

    Args:
        targets: The generated labels, [N, K]; rows of NaN carry none.
        main: The main labels, int64 [N], -1 where missing.
        hierarchy: psi; only its sizes are used.
        sub_classes: true sub-classes, int64 [N], -1 where missing.

    Raises:
        ConfigError: The lengths do not match.

    >>> targets = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    >>> found = measure(targets, torch.tensor([0, 0, 1]), Hierarchy((2, 2)))
    >>> round(found["label_entropy.sample"], 3), found["label_entropy.mean"], found["label_classes"]
    (0.667, 0.5, 2)
    """
    _check_rows(targets, main, *([] if sub_classes is None else [sub_classes]))
    targets = targets.detach()
    kept = has_label(targets) & (main >= 0)
    own, primary = targets[kept].double(), main[kept]
    scale = _scale(own, primary, hierarchy)
    found: dict[str, float | None] = {
        "label_rows": int(kept.sum()),
        "label_classes": len(own.argmax(dim=1).unique()),
        "label_entropy.sample": _sample_entropy(own, scale[primary]),
        "label_entropy.mean": _class_entropy(own, primary, scale),
    }
    if sub_classes is not None:
        shared = agreement(targets, _one_hot(sub_classes), main)
        found |= {"label_information": shared.information, "label_nmi": shared.normalised}
    return {name: value for name, value in found.items() if value is not None}


def measure_vectors(targets: Tensor) -> dict[str, float]:
    """Measure real-valued targets.

    `label_rows` as in `measure`, and `label_spread`: the root mean square of the targets' deviations from their
    mean over rows, over the root mean square of the targets; 0 is the same vector for every row.

    Args:
        targets: The generated targets, [N, D]; rows of NaN carry none.

    >>> measure_vectors(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))["label_spread"]
    1.0
    """
    own = targets.detach()[has_label(targets)].double()
    size = own.square().mean().sqrt()
    if not len(own) or not bool(size > 0):
        return {"label_rows": len(own)}
    return {"label_rows": len(own), "label_spread": float((own - own.mean(0)).square().mean().sqrt() / size)}


def warnings(found: Mapping[str, float], learned: bool = True) -> list[str]:
    """What looks wrong with measured labels, in plain words.

    Args:
        found: What `measure` returned.
        learned: Whether a hypergradient trains the labels (labels that are one-hot by construction are not
            warned of).

    >>> warnings({"label_entropy.sample": 0.99, "label_entropy.mean": 1.0})[0].split(". ")[0]
    'The labels are nearly uniform (entropy 0.99 of 1): uniform labels teach nothing'
    """
    said = []
    # Several labelers' measures are KEY:NAME.
    for name in dict.fromkeys(key.partition(":")[2] for key in found):
        own = {key.partition(":")[0]: value for key, value in found.items() if key.partition(":")[2] == name}
        said += [f"{name}: {sentence}" if name else sentence for sentence in _warnings(own, learned)]
    return said


def _warnings(found: Mapping[str, float], learned: bool) -> list[str]:
    sample, mean = found.get("label_entropy.sample"), found.get("label_entropy.mean")
    said = []
    if (spread := found.get("label_spread")) is not None and spread < NARROW:
        said.append(_NARROW.format(spread))
    if sample is not None and sample > HIGH:
        said.append(_UNIFORM.format(sample))
    if mean is not None and mean < LOW:
        said.append(_COLLAPSED.format(mean))
    elif learned and sample is not None and sample < LOW:
        said.append(_ONE_HOT.format(sample))
    return said


def agreement(a: Tensor, b: Tensor, main: Tensor) -> Agreement:
    """How much two labellings of the same rows say about each other within the primary classes.

    Between two runs' labels, or of labels with true sub-classes. Labels of different primary classes differ
    by construction, so the unconditional information would be high for any labels at all. Soft labels are
    read as drawn at random, so a soft labelling agrees less than fully even with itself.

    Args:
        a: Labels [N, J], rows of NaN where missing.
        b: Labels [N, K], rows of NaN where missing.
        main: The main labels, int64 [N], -1 where missing.

    Raises:
        ConfigError: The lengths do not match.

    >>> a = torch.eye(2).repeat(3, 1)
    >>> agreement(a, a.flip(1), torch.zeros(6).long()).normalised
    1.0
    """
    _check_rows(a, b, main)
    kept = has_label(a) & has_label(b) & (main >= 0)
    a, b, primary = a.detach()[kept], b.detach()[kept], main[kept]
    information = entropies = 0.0
    for label in primary.unique():
        rows = primary == label
        p, share = joint(a[rows], b[rows]), rows.double().mean().item()
        information += share * mutual_information(p).item()
        entropies += share * (entropy(p.sum(dim=1)) + entropy(p.sum(dim=0))).item() / 2
    normalised = min(information / entropies, 1.0) if entropies > 1e-12 else None
    return Agreement(information, normalised, int(kept.sum()))


def _scale(own: Tensor, primary: Tensor, hierarchy: Hierarchy) -> Tensor:
    """log psi of each primary class, [P]; log K where a row spreads over more classes than its psi."""
    sizes = torch.tensor(hierarchy.sizes, device=own.device)
    if bool(((own > 0).sum(dim=1) > sizes[primary]).any()):
        sizes = torch.full_like(sizes, own.shape[1])
    return sizes.double().log()


def _sample_entropy(own: Tensor, scale: Tensor) -> float | None:
    """The mean of H(y_i) / log psi over rows with psi > 1."""
    several = scale > 0
    if not bool(several.any()):
        return None
    each = -torch.special.xlogy(own, own).sum(dim=1)
    return (each[several] / scale[several]).mean().item()


def _class_entropy(own: Tensor, primary: Tensor, scale: Tensor) -> float | None:
    """The mean of H(mean label) / log psi over primary classes with psi > 1 that have rows."""
    present = [c for c in primary.unique().tolist() if scale[c] > 0]
    if not present:
        return None
    each = [entropy(own[primary == c].mean(dim=0)) / scale[c] for c in present]
    return torch.stack(each).mean().item()


def _one_hot(labels: Tensor) -> Tensor:
    """Class numbers as one-hot rows, NaN where missing."""
    return one_hot_or_nan(labels, max(int(labels.max()) + 1, 1) if labels.numel() else 1, torch.float64)


def _check_rows(*parts: Tensor) -> None:
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        raise ConfigError(
            "The labels to be measured do not belong to the same rows",
            expected="as many rows in each",
            found=", ".join(str(n) for n in lengths),
        )
