"""The contract of a method: labeler + combiner + estimator + strategy, as data.

A method's file holds one `Method`. A labeler, combiner or pretext without a method file is a method as well,
with default settings (`auxin.methods.resolve`), so a new one needs one file only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auxin.paper import Paper

Setting = bool | int | float | str | None
Settings = Mapping[str, Setting]
"""Flat settings by dotted name: `lr`, `labeler.entropy`, `combiner.scale` ..."""


@dataclass(frozen=True)
class Method:
    """The description of a method: what is trained beside the main task, and how the learning signal is learned.

    Attributes:
        labeler: Name of the labeler that generates auxiliary targets, or None.
        pretexts: Names of the self-made auxiliary tasks; "*" stands for all that the inputs allow.
        consistency: Name of the loss between two views of a row, or None.
        given: Whether each auxiliary task of the data set gets a head.
        combiner: Name of the combiner, which maps the tasks' losses to one training loss.
        estimator: Name of the estimator of the hypergradient that trains phi; None if nothing is learned.
        unlabelled: Whether rows without a main label enter its batches.
        needs_auxiliary: Whether it requires data with auxiliary labels.
        rival: Name of the scikit-learn estimator that is trained in place of a network, or None.
        strategy: Name of the strategy, the order of the training phases; nested names are joined by colons.
        trial: Whether it is judged as a method and not as a control although no phi is learned: its strategy learns
            a part of the learning signal, or it makes labels during training.
        twin: Name of the method that is the same except that nothing is learned, or None.
        settings: Default settings in the `auxin` preset.
        published: Settings that the paper prescribes, for the `paper` preset.
        tuning: Candidate values of its main option for tuning on validation, each a set of settings.
        paper: Paper that introduced it.
    """

    labeler: str | None = None
    pretexts: tuple[str, ...] = ()
    consistency: str | None = None
    given: bool = False
    combiner: str = "equal"
    estimator: str | None = None
    unlabelled: bool = False
    needs_auxiliary: bool = False
    rival: str | None = None
    strategy: str = "joint"
    trial: bool = False
    twin: str | None = None
    settings: Settings = field(default_factory=dict)
    published: Settings = field(default_factory=dict)
    tuning: Sequence[Settings] = ({},)
    paper: Paper | None = None

    @property
    def control(self) -> bool:
        """Whether nothing of the learning signal is learned; learned methods are compared with such controls."""
        return self.estimator is None and not self.trial

    @property
    def auxiliary(self) -> bool:
        """Whether at least one auxiliary loss is trained beside the main task."""
        return bool(self.labeler or self.pretexts or self.consistency or self.given)

    @property
    def needs_unlabelled(self) -> bool:
        """Whether it requires training rows without a main label."""
        return self.consistency is not None or self.labeler == "sources"


CONTRACT = Method
