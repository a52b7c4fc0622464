"""Kinds of task: loss, head width, metric, missing labels."""

from auxin.tasks.base import Task

__all__ = ["Task"]
