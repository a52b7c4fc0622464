"""Pretrain on all tasks, then fine-tune on the main task alone."""

from auxin.errors import ConfigError
from auxin.methods.base import Method
from auxin.strategies.base import SINGLE, Job, Outcome, Strategy


class PostTrain(Strategy):
    """Two phases that share the run's number of epochs, so that it takes as many steps as joint training.

    The baseline "Post-train" of the ForkMerge paper (Jiang et al. 2023), second best there on DomainNet. The second
    phase starts from the first one's trunk and main head, with a fresh optimiser and a schedule of its own.

    Args:
        share: Share of the epochs that goes to pretraining.
        rate: The learning rate of fine-tuning, as a multiple of the run's (ours: a cosine schedule that began again at
            the full rate would undo much of the pretraining).

    Raises:
        ConfigError: The share is not between 0 and 1, or the rate is not positive.
    """

    default = ("equal", "maxl")

    def __init__(self, share: float = 0.5, rate: float = 0.3) -> None:
        if not 0 < share < 1 or not rate > 0:
            expected = "a share between 0 and 1, and a rate above 0"
            found = f"share={share}, rate={rate}"
            raise ConfigError("The options of post_train are out of range", expected=expected, found=found)
        self.share, self.rate = share, rate

    @classmethod
    def why_not(cls, method: Method) -> str | None:
        """Refuse a method without an auxiliary."""
        return None if method.auxiliary else "there is nothing beside the main task to pretrain on"

    def follow(self, job: Job) -> Outcome:
        """Pretrain, then fine-tune."""
        total, lr = job.epochs(), job.settings["lr"]
        assert isinstance(lr, float)
        first = max(1, round(total * self.share))
        pretrained = job.fresh(job.phase("pretraining", settings={"epochs": first}))
        phase = job.phase(
            "fine-tuning",
            method=SINGLE,
            settings={"epochs": max(1, total - first), "lr": lr * self.rate},
            weights=pretrained.network.state_dict(),
        )
        return Outcome(job.fresh(phase))
