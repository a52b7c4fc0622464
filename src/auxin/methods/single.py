"""The main task alone: the baseline of every comparison."""

from auxin.methods.base import Method

METHOD = Method()
