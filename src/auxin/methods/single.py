"""The main task alone: the baseline of every comparison."""

from auxin.methods._base import Method

METHOD = Method()
