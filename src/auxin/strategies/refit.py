"""Learn weights or labels first, then train a new network on all rows with them held constant."""

from auxin.strategies.base import Job, Outcome, Strategy, then_fixed


class Refit(Strategy):
    """Two phases: the method as it is; then a fresh network on all rows, with phi held constant.

    Rows held out for the meta step train nothing while phi is learned; here they train in the end. In a final run
    the validation rows are among them, as in every method's final run. The second network starts where the first
    one started. A method that learns nothing needs one phase only, on the same rows.
    """

    def follow(self, job: Job) -> Outcome:
        """Learn, then train a new network."""
        note = "Nothing is learned, so there is nothing to carry over: one phase on all rows."
        return then_fixed(job, "refit", note, rows="all")
