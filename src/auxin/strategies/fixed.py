"""A trained combiner or labeler is frozen and trains a new network: separates the schedule from the end point."""

from dataclasses import replace

from auxin.paper import AUXILEARN, Paper
from auxin.strategies.base import Job, Outcome, Strategy, then_fixed


class Fixed(Strategy):
    """Two phases: the method as it is; then a fresh network, on the same rows, with phi held constant.

    Navon et al. 2021, appendix C.6, ask whether the auxiliary network may be trained first and then frozen, and find
    that training it together with the primary network does better. `refit` differs in the rows of the second phase.
    """

    paper: "Paper | None" = replace(AUXILEARN, place="appendix C.6")

    @classmethod
    def twin(cls, name: str, inner: str) -> str:
        """The untrained twin itself: a phi that was never trained is fixed from the start."""
        del name
        return inner

    def follow(self, job: Job) -> Outcome:
        """Learn, then train a new network."""
        note = "Nothing is learned, so there is nothing to freeze: one phase."
        return then_fixed(job, "fixed", note)
