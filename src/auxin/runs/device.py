"""The device that a user's --device means."""

import torch

from auxin.errors import ConfigError


def pick_device(device: str) -> str:
    """The device to run on; "auto" is a CUDA device where there is one.

    Raises:
        ConfigError: PyTorch has no such device here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        here = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        raise ConfigError(
            "The device is not available", expected=f"auto or one of: {here}", found=repr(device)
        ) from error
    return device
