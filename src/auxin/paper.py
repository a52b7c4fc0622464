"""Where a method comes from: cited alike by classes, `auxin ls`, documentation and table rows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """A publication, and the place in it.

    >>> str(Paper("Self-Supervised Generalisation with Meta Auxiliary Learning", "Liu, Davison, Johns", 2019,
    ...           "https://arxiv.org/abs/1901.08933", "equation 3"))
    'Liu, Davison, Johns 2019, equation 3'
    """

    title: str
    authors: str
    year: int
    url: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.authors} {self.year}" + (f", {self.place}" if self.place else "")


MAXL = Paper(
    "Self-Supervised Generalisation with Meta Auxiliary Learning",
    "Liu, Davison, Johns",
    2019,
    "https://arxiv.org/abs/1901.08933",
)
AUXILEARN = Paper(
    "Auxiliary Learning by Implicit Differentiation",
    "Navon, Achituve, Maron, Chechik, Fetaya",
    2021,
    "https://arxiv.org/abs/2007.02693",
)
UPDATE_RULES = Paper(
    "Meta-Learning Update Rules for Unsupervised Representation Learning",
    "Metz, Maheswaranathan, Cheung, Sohl-Dickstein",
    2019,
    "https://arxiv.org/abs/1804.00222",
)
