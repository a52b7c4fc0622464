"""Where a result is obtained: versions, hardware, the commit of the code in a checkout, and the device of --device."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from auxin.errors import ConfigError


@cache
def versions() -> dict[str, str]:
    """Versions of python, auxin and what results depend on."""
    found = {"python": platform.python_version()}
    for package in ("auxin", "torch", "numpy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    commit = _commit()
    return found | ({"commit": commit} if commit else {})


def _commit() -> str | None:
    here = Path(__file__).resolve().parent
    try:
        run = ("git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12")
        found = subprocess.run(run, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


@cache
def hardware(device: str = "cpu") -> dict[str, str | int | float]:
    """The processor, its cores, the threads in use, and the accelerator if there is one."""
    import torch

    found: dict[str, str | int | float] = {
        "cpu": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "device": device,
    }
    if device.startswith("cuda"):
        found["gpu"] = torch.cuda.get_device_name(device)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def pick_device(device: str) -> str:
    """The device to run on; "auto" is a CUDA device where there is one.

    Raises:
        ConfigError: PyTorch has no such device here.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        here = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        wanted = f"auto or one of: {here}"
        raise ConfigError("The device is not available", expected=wanted, found=repr(device)) from error
    return device
