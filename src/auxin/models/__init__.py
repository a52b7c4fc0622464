"""Primary networks: a trunk of shared parameters and one head per task."""

from auxin.models._named import adopt, builder
from auxin.models._network import build_network
from auxin.models.base import PrimaryNetwork, Trunk

__all__ = ["PrimaryNetwork", "Trunk", "adopt", "build_network", "builder"]
