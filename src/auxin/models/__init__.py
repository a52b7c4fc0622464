"""Primary networks: a trunk of shared parameters and one head per task."""

from auxin.models._adopted import adopt
from auxin.models._base import PrimaryNetwork, Trunk
from auxin.models._named import builder
from auxin.models._network import build_network

__all__ = ["PrimaryNetwork", "Trunk", "adopt", "build_network", "builder"]
