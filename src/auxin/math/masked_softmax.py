"""The masked softmax of a label hierarchy, hard labels, and rows that carry no label (NaN).

Liu, Davison, Johns 2019, section 3.3. As printed, equation 6 multiplies the logits by the mask, which gives
an excluded class exp(0) instead of nothing; the authors' code multiplies exp(logit) by 1e-8 there, overflows
at a logit of 89, and lets an excluded class take over when its logit leads by more than 18. Here an excluded
logit is -inf before a stable softmax, so an excluded class has probability exactly 0 and any finite logit is
fine.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from auxin.errors import ConfigError


def masked_softmax(logits: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
    """softmax(logits / temperature) over the allowed classes of each row; exactly 0 elsewhere.

        p_k = m_k exp(z_k / T) / sum_j m_j exp(z_j / T)

    A row with no allowed class is a row of NaN: a sample without a label. No gradient, and no NaN, flows
    back from it.

    Args:
        logits: Logits z, [B, K].
        mask: Mask m, bool [B, K].
        temperature: T > 0; below 1 sharpens, above 1 flattens.

    Raises:
        ConfigError: The temperature is not positive.

    >>> masked_softmax(torch.tensor([[1000.0, 1000.0, 2000.0]]), torch.tensor([[True, True, False]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    check_temperature(temperature)
    labelled = mask.any(dim=1, keepdim=True)
    finite = logits.masked_fill(~labelled, 0.0)
    soft = (finite / temperature).masked_fill(~mask & labelled, -torch.inf).softmax(dim=1)
    return torch.where(labelled, soft, torch.nan)


def shared_softmax(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """softmax(logits / temperature) over all classes: what the paper tried first and rejects (equation 5).

    >>> shared_softmax(torch.tensor([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    check_temperature(temperature)
    return (logits / temperature).softmax(dim=1)


def straight_through(soft: Tensor) -> Tensor:
    """The most probable class as a one-hot row, with the gradient of the soft row (NaN rows stay NaN).

    The forward value is exactly one-hot; backward pretends that it was `soft`. The derivative of the true
    function is zero almost everywhere, so this gradient is biased: it is what makes hard labels trainable at
    all.

    >>> straight_through(torch.tensor([[0.4, 0.6]])).tolist()
    [[0.0, 1.0]]
    """
    hard = F.one_hot(soft.detach().argmax(dim=1), soft.shape[1]).to(soft.dtype)
    return hard + (soft - soft.detach())


def one_hot_or_nan(labels: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """Class numbers [B] as one-hot rows [B, K]; a missing label (negative) is a row of NaN.

    >>> one_hot_or_nan(torch.tensor([1, -1]), 2, torch.float32).tolist()
    [[0.0, 1.0], [nan, nan]]
    """
    hot = F.one_hot(labels.clamp_min(0), classes).to(dtype)
    return torch.where((labels >= 0).unsqueeze(1), hot, torch.nan)


def has_label(targets: Tensor) -> Tensor:
    """Which rows of soft targets carry a label, bool [B].

    >>> has_label(torch.tensor([[0.5, 0.5], [torch.nan, torch.nan]])).tolist()
    [True, False]
    """
    return ~targets.isnan().any(dim=1)


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that is not positive."""
    if not temperature > 0:
        raise ConfigError(
            "The temperature is not usable", expected="a number above 0", found=repr(temperature)
        )
