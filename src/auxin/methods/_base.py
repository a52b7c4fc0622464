"""The contract of a method: labeler + combiner + estimator + strategy, as data.

A method's file holds one `Method`. Labelers, combiners and pretexts that have no method file of their own are methods
too, in the plainest way (`auxin.methods.resolve`), so that adding one of those is still adding one file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auxin.paper import Paper

Setting = bool | int | float | str | None
Settings = Mapping[str, Setting]
"""Flat settings by dotted name: `lr`, `labeler.entropy`, `combiner.scale` ..."""


@dataclass(frozen=True)
class Method:
    """What is trained beside the primary task, and how it is learned.

    Attributes:
        labeler: generates auxiliary targets, or None.
        pretexts: self-made auxiliary tasks; "*" stands for every one that the inputs allow.
        consistency: asks for the same answer to two views of a row, or None.
        given: whether the data set's own auxiliary tasks get a head each.
        combiner: many losses to one.
        estimator: estimates the hypergradient that trains phi; None: nothing is learned (a control).
        unlabelled: whether rows without a main label enter its batches.
        needs_auxiliary: whether it cannot run where the data give no auxiliary labels.
        rival: the scikit-learn estimator that is trained in place of a network, or None.
        strategy: how phases of training follow one another: a name of the family, or several with colons.
        trial: whether it is judged as a method and not as a control although no phi is learned: its strategy learns
            something of the learning signal, or it makes labels while it trains.
        twin: the method that differs only in that nothing is learned.
        settings: its own defaults in the `auxin` preset.
        published: what its paper prescribes, in the `paper` preset.
        knob: the values of its own knob to be tried on validation, each a set of settings.
        paper: where it is from.
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
    knob: Sequence[Settings] = ({},)
    paper: Paper | None = None

    @property
    def control(self) -> bool:
        """Whether nothing of the learning signal is learned: such methods are what a learned one has to beat."""
        return self.estimator is None and not self.trial

    @property
    def auxiliary(self) -> bool:
        """Whether anything is trained beside the main task."""
        return bool(self.labeler or self.pretexts or self.consistency or self.given)

    @property
    def needs_unlabelled(self) -> bool:
        """Whether it has nothing to learn from where every training row carries a main label."""
        return self.consistency is not None or self.labeler == "sources"


CONTRACT = Method
