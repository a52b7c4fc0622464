"""Arrays in memory or in an `.npz` file as inputs: of the training inputs' shape and type."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from auxin.data.encoders.checked import checked_as, state_of
from auxin.data.encoders.contract import Encoded, Encoder, Notify, warn
from auxin.data.reading import check
from auxin.data.reading.files import pick
from auxin.data.reading.npz import read_npz
from auxin.errors import DataError, naming

INPUTS = ("x", "X", "images", "inputs", "data")
"""The names that the array of inputs in an `.npz` file may have."""


@dataclass(eq=False)
class Arrays(Encoder):
    """Arrays of one shape and type, in memory or in an `.npz` file.

    Attributes:
        shape: Shape of one input, (C, H, W) or (D,).
        dtype: "uint8" or "float32", as the training inputs were.
        array: The array's name in an `.npz` file; None: the one called x, X, images, inputs or data.

    >>> x, _ = Arrays((2,), "float32").encode([[1, 2], [3, 4]])
    >>> x.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """

    kind: ClassVar[str] = "arrays"
    shape: tuple[int, ...]
    dtype: Literal["uint8", "float32", "float64"]
    array: str | None = None

    @classmethod
    def like(cls, x: Tensor, array: str | None = None) -> "Arrays":
        """The encoder of such inputs."""
        dtype: Any = str(x.dtype).removeprefix("torch.")
        return cls(tuple(x.shape[1:]), dtype, array)

    def encode(self, source: Any, notify: Notify = warn) -> Encoded:
        """The inputs of an `.npz` file, an array or a tensor."""
        del notify
        if isinstance(source, str | Path):
            with naming(source):
                arrays = read_npz(Path(source))
                return self.encode(pick(arrays, self.array or input_name(arrays)))
        values = np.asarray(source.detach().cpu() if isinstance(source, Tensor) else source)
        if values.dtype.kind not in "biuf" or (self.dtype == "uint8" and values.dtype != np.uint8):
            expected = "uint8, as the training images" if self.dtype == "uint8" else "numbers"
            raise DataError("The inputs have the wrong type", expected=expected, found=f"{values.dtype}")
        if len(self.shape) == 3 and self.dtype == "float32" and values.dtype == np.uint8:
            found = "uint8, whose values mostly mean something else"
            raise DataError(
                "The inputs have the wrong type", expected="floats in the training units", found=found
            )
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, which is refused below
            tensor = torch.from_numpy(np.ascontiguousarray(values.astype(self.dtype)))
        x = self._as_trained(tensor)
        check.inputs("the given rows", x)
        return x, None

    def _as_trained(self, x: Tensor) -> Tensor:
        """[N, D], or images [N, H, W], [N, H, W, C] or [N, C, H, W] with the channels first."""
        found = tuple(x.shape[1:])
        if len(self.shape) == 3:
            channels, *side = self.shape
            if found == (*side, channels):
                return x.permute(0, 3, 1, 2).contiguous()
            if channels == 1 and found == tuple(side):
                return x.unsqueeze(1)
        if found != self.shape:
            raise DataError(
                "The inputs differ in shape from the training inputs",
                expected=f"[rows, {', '.join(map(str, self.shape))}]",
                found=f"{list(x.shape)}",
            )
        return x

    def state(self) -> dict[str, Any]:
        """Shape, type and name."""
        return state_of(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Arrays":
        """The encoder that gave this state."""
        return checked_as(cls, state)


def input_name(arrays: Mapping[str, np.ndarray]) -> str:
    """The name of the one array that can only be the inputs.

    Raises:
        DataError: There is none, or more than one.
    """
    names = [known for known in INPUTS if known in arrays]
    if len(names) != 1:
        raise DataError(
            "Which array holds the inputs is ambiguous",
            expected=f"one called {', '.join(INPUTS)}, or --inputs NAME",
            found=", ".join(f"{k} {list(v.shape)}" for k, v in arrays.items()) or "no array",
        )
    return names[0]
