"""The next step of an optimiser whose parameters are spread over processes, on each process's own part."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from auxin.errors import UnsupportedError
from auxin.math.sharding import shard, total
from auxin.optimizers._hooks import refuse_hooks
from auxin.optimizers._step import InnerStep
from auxin.optimizers.base import State, Update

MIXING = ("muon", "adafactor")
"""Members whose step of an entry depends on the other entries of its parameter."""


class ShardedStep(InnerStep):
    """W+ = U(W, clip(g)) and (dU/dg)^T v on shards: elementwise updates need nothing of other processes.

    The norm by which gradients are clipped is that of the whole gradient, and its derivative is followed.

    Args:
        step: The step of the whole parameters.

    Raises:
        UnsupportedError: An optimiser whose step mixes the entries of a parameter, hooks on the parameters, or
            shards that are not spread once over all processes.
    """

    def __init__(self, step: InnerStep) -> None:
        super().__init__(step.optimizers, step.parameters, step.clip_norm, step.clip_value)
        mixing = [u for u in self.updates if type(u).__module__.rpartition(".")[2] in MIXING]
        if mixing:
            raise UnsupportedError(
                f"{mixing[0].title()} mixes the entries of a parameter, which lie on several processes",
                expected="an optimiser that moves each entry by itself, such as SGD or AdamW",
            )
        _refuse_other_layouts(self.parameters)
        refuse_hooks(self.optimizers, self.parameters)
        if any(p._backward_hooks for p in self.parameters):
            raise UnsupportedError(
                "Hooks on sharded parameters cannot be looked through", do="Clip with `clip_norm=` instead."
            )

    def lookahead(self, grads: Sequence[Tensor | None]) -> list[Tensor]:
        """This process's part of W+, as constants, from its part of the gradient."""
        with torch.no_grad():
            rows = self._rows(self._clipped(grads)[0])
            return [
                p.clone() if g is None or u is None else u.step(p, g, group, s) for p, g, group, u, s in rows
            ]

    def pullback(self, grads: Sequence[Tensor | None], v: Sequence[Tensor]) -> list[Tensor]:
        """This process's part of (dU/dg)^T v."""
        known = [torch.zeros_like(x) if g is None else g for g, x in zip(grads, v, strict=True)]
        after, norm = self._clipped(known)
        pulled = self._pulled(after, v)
        if self.clip_value is not None:
            bound = self.clip_value
            return [torch.where(g.abs() <= bound, u, 0) for g, u in zip(known, pulled, strict=True)]
        if norm is None or self.clip_norm is None or float(norm) + 1e-6 <= self.clip_norm:
            return pulled
        factor = self.clip_norm / (norm + 1e-6)
        product = total([(u * g).sum() for u, g in zip(pulled, known, strict=True)], self.parameters)
        slope = product * self.clip_norm / (norm + 1e-6) ** 2 / norm
        return [factor * u - slope * g for u, g in zip(pulled, known, strict=True)]

    def _clipped(self, grads: Sequence[Tensor | None]) -> tuple[list[Tensor | None], Tensor | None]:
        """The clipped gradients, and the norm of the whole gradient where it was clipped by that."""
        if self.clip_value is not None or self.clip_norm is None:
            return self.clip(grads), None
        squares = [
            torch.zeros((), dtype=p.dtype, device=p.device) if g is None else g.square().sum()
            for p, g in zip(self.parameters, grads, strict=True)
        ]
        norm = total(squares, self.parameters).sqrt()
        factor = (self.clip_norm / (norm + 1e-6)).clamp(max=1.0)
        return [None if g is None else g * factor for g in grads], norm

    def _rows(
        self, grads: Sequence[Tensor | None]
    ) -> list[tuple[Tensor, Tensor | None, Any, Update | None, State]]:
        return [
            (shard(p), g, group, update, {key: shard(value) for key, value in state.items()})
            for p, g, group, update, state in super()._rows(grads)
        ]


def _refuse_other_layouts(parameters: Sequence[Any]) -> None:
    """Refuse replicas of shards (HSDP), whose sums would count parts twice, and whole parameters beside shards."""
    world = torch.distributed.get_world_size()
    meshes = [getattr(p, "device_mesh", None) for p in parameters]
    for mesh in filter(None, meshes):
        if mesh.ndim != 1 or mesh.size() != world:
            raise UnsupportedError(
                "The network's shards are not spread once over all processes",
                expected=f"a device mesh of one dimension with {world} processes",
                found=f"a mesh of shape {tuple(mesh.shape)}",
                do="Shard with `fully_shard` over one mesh of all processes, without replicas.",
            )
    whole = [tuple(p.shape) for p, mesh in zip(parameters, meshes, strict=True) if mesh is None]
    if whole and any(meshes):
        raise UnsupportedError(
            "Of the network's trainable parameters some are sharded and others are not, and nothing averages the "
            "gradients of the others over the processes",
            expected="all of them sharded",
            found=f"{len(whole)} that are not, the first of shape {whole[0]}",
            do="Call `fully_shard` on the whole network too, without `ignored_params`; or freeze them.",
        )
