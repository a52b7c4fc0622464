"""Optimisers' updates as pure functions."""

from auxin.optimizers._eager import spare_compiler as spare_compiler
from auxin.optimizers._known import update_for as update_for
from auxin.optimizers._sharded import ShardedStep as ShardedStep
from auxin.optimizers._step import InnerStep as InnerStep
from auxin.optimizers._step import Optimizers as Optimizers
