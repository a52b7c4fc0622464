"""The whole data set on one device: batches are normalised, augmented and stripped of hidden labels there."""

import torch
from torch import Tensor

from auxin.data import _augment
from auxin.data.base import Dataset
from auxin.errors import DataError
from auxin.math.sparse import SparseRows, at_once
from auxin.typing import MISSING, Batch

AT_ONCE = 256
"""Columns, or images, whose constants are computed at once."""


class DevicePool:
    """A data set on a device, from which batches are made there.

    Augmentation moves targets that have a value per pixel along with their images.
    Images stay as they are stored (uint8) until a batch is made: (x - mean) / std per channel, or per column
    of vectors. Constants that the data set does not give are computed on the training rows, those
    without a main label among them: a column that varies only there trains the auxiliary tasks. A channel
    that does not vary there is divided by 1; a column that does not vary there (a category that no training
    row has) is 0 in every batch, and so is a missing value, which then stands for the mean.

    Args:
        dataset: Data.
        train_rows: The rows that mean and std are computed on (`Splits.every_training_row`), int64.
        device: Where it all lives.
        augmentation: "none", "crop" or "crop_flip"; None for the data set's own.
        hidden: Rows whose main label reads as missing in every batch (`Splits.unlabelled`), so that no part
            of the program can see it.

    Attributes:
        device: Where it all lives.
        shape: The shape of one input, without the batch dimension.
        mean, std: The constants in use, float32 [C] or [D], in the units of the data set's `x`.

    Raises:
        ConfigError: The augmentation is unknown, or the inputs are not images.
        DataError: No training rows to compute the constants on, or row numbers outside the data set.

    >>> from auxin.data.digits import Digits
    >>> data = Digits.load(None)
    >>> pool = DevicePool(data, torch.arange(100), "cpu", hidden=torch.tensor([3]))
    >>> batch = pool.batch(torch.tensor([2, 3]))
    >>> batch.x.shape, batch.y["digit"].tolist()
    (torch.Size([2, 1, 8, 8]), [2, -1])
    """

    def __init__(
        self,
        dataset: Dataset,
        train_rows: Tensor,
        device: torch.device | str,
        augmentation: str | None = None,
        hidden: Tensor | None = None,
    ) -> None:
        self.augmentation = dataset.augmentation if augmentation is None else augmentation
        _augment.check(self.augmentation, dataset.shape)
        self.device = torch.device(device)
        self.shape = dataset.shape
        self._x = _placed(dataset.x, self.device)
        self._y = {name: target.to(self.device) for name, target in dataset.y.items()}
        self._dense = [name for name, task in dataset.tasks.items() if task.dense]
        if hidden is not None:
            main = self._y[dataset.main].clone()
            main[hidden.to(self.device)] = _missing(main)
            self._y[dataset.main] = main
        mean, std = _constants(dataset, train_rows)
        self.mean, self.std = mean.to(self.device), std.to(self.device)
        self._blank = None if dataset.blank is None else _placed(dataset.blank, self.device)

    def __len__(self) -> int:
        return self._x.shape[0]

    @property
    def background(self) -> Tensor:
        """What an empty pixel (0 in the units of the data set) is in a batch, float [C]; zeros for vectors."""
        return -self.mean / self.std if len(self.shape) == 3 else torch.zeros_like(self.mean)

    def batch(self, rows: Tensor, generator: torch.Generator | None = None) -> Batch:
        """The rows as a batch: float32, normalised; augmented where a generator is given, else exact.

        Args:
            rows: Row numbers, int64 [B], on any device.
            generator: draws the augmentation, on any device.
        """
        rows = rows.to(self.device)
        x = self._x[rows].to(self.device)
        y = self.targets(rows)
        if generator is not None:
            x, y = self._moved(x, y, generator)
        view = (1, -1) + (1,) * (x.dim() - 2)
        x = (x.float() - self.mean.view(view)) / self.std.view(view)
        if self._blank is not None:
            x = x.masked_fill(self._blank[rows].to(self.device), 0.0)
        return Batch(x.contiguous(), y, rows)

    def targets(self, rows: Tensor) -> dict[str, Tensor]:
        """The rows' targets by task."""
        return {name: target[rows.to(self.device)] for name, target in self._y.items()}

    def inputs(self, rows: Tensor) -> Tensor | SparseRows:
        """The inputs of many rows as a batch has them; sparse where the data set keeps them so."""
        if not isinstance(self._x, SparseRows):
            return self.batch(rows).x
        blank = self._blank.take(rows) if isinstance(self._blank, SparseRows) else None
        return self._x.take(rows).standardised(self.mean.cpu(), self.std.cpu(), blank)

    def _moved(
        self, x: Tensor, y: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Augmented images, and the targets that have a value per pixel moved with them; new pixels have none."""
        moves = _augment.draw(tuple(x.shape), self.augmentation, generator)
        if moves is None:
            return x, y
        moves = moves.to(x.device)
        dense = {name: _augment.move(y[name], moves, _missing(y[name])) for name in self._dense}
        return _augment.move(x, moves), {**y, **dense}


def _placed(x: Tensor | SparseRows, device: torch.device) -> Tensor | SparseRows:
    return x if isinstance(x, SparseRows) else x.to(device)


def _missing(target: Tensor) -> float:
    return torch.nan if target.is_floating_point() else MISSING


def _constants(dataset: Dataset, train_rows: Tensor) -> tuple[Tensor, Tensor]:
    if dataset.mean is not None and dataset.std is not None:
        return torch.tensor(dataset.mean), torch.tensor(dataset.std)
    if not len(train_rows):
        raise DataError("Mean and spread cannot be computed", expected="training rows", found="none")
    rows = train_rows.cpu()
    if dataset.x.dim() == 2:
        return _columns(dataset, rows)
    assert isinstance(dataset.x, Tensor)
    return _channels(dataset.x, rows)


def _channels(images: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel, in double precision, some images at a time; 1 where it does not vary."""
    pixels = len(rows) * images.shape[2] * images.shape[3]
    total = sum(images[part].double().sum(dim=(0, 2, 3)) for part in rows.split(AT_ONCE))
    mean = torch.as_tensor(total) / pixels
    away = (
        (images[part].double() - mean[:, None, None]).square().sum(dim=(0, 2, 3))
        for part in rows.split(AT_ONCE)
    )
    std = (torch.as_tensor(sum(away)) / pixels).sqrt()
    return mean.float(), torch.where(std > 0, std, 1.0).float()


def _columns(dataset: Dataset, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each column over its known values; infinite deviation where it does not vary.

    The columns of a block (the words of a text) keep their zero and have one deviation, so that rare words
    are not blown up. Columns that the encoder calls verbatim stay as they are.
    """
    if isinstance(dataset.x, SparseRows):
        blank = dataset.blank.take(rows) if isinstance(dataset.blank, SparseRows) else None
        mean, std, square = dataset.x.take(rows).moments(blank)
    else:
        step = at_once(max(len(rows), 1), AT_ONCE)
        parts = [_moments(dataset, rows, slice(b, b + step)) for b in range(0, dataset.shape[0], step)]
        mean, std, square = (torch.cat(values) for values in zip(*parts, strict=True))
    varies = std > 1e-9 * mean.abs().clamp_min(1e-30)
    for begin, end in dataset.encoder.blocks:
        mean[begin:end] = 0
        std[begin:end] = square[begin:end].mean().sqrt()
    std = torch.where(varies, std, torch.inf)
    if verbatim := dataset.encoder.verbatim:
        mean[-verbatim:], std[-verbatim:] = 0, 1
    return mean.float(), std.float()


def _moments(dataset: Dataset, rows: Tensor, part: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, deviation and mean square of some columns, in double precision: few at once, for texts have thousands."""
    assert isinstance(dataset.x, Tensor)
    x = dataset.x[:, part][rows].double()
    known = (
        torch.ones_like(x)
        if not isinstance(dataset.blank, Tensor)
        else (~dataset.blank[:, part][rows]).double()
    )
    count = known.sum(0).clamp_min(1)
    mean = (x * known).sum(0) / count
    return mean, (((x - mean) * known).square().sum(0) / count).sqrt(), x.square().mean(0)
