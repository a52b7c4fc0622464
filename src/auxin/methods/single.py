"""The main task alone: what everything else has to beat."""

from auxin.methods._base import Method

METHOD = Method()
