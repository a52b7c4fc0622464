"""Procedural task families: strokes, smooth textures, Gaussian mixtures. They need no data."""

import math

import torch
from torch import Tensor

from auxin.rules.tasks import TaskExamples, TaskFamily, choice, grid, uniform

_POINTS = 7


def strokes(generator: torch.Generator, classes: int, count: int, side: int) -> TaskExamples:
    """Classes of two to five soft curved strokes, moved, turned, bent and noised per example.

    The extra targets are the turn's sine and cosine, so that the features keep them.
    """
    number = 2 + choice(generator, 4)
    jitter = uniform(generator, 0.5, 1.7)
    controls = (torch.rand(classes, number, 3, 2, generator=generator) - 0.5) * 1.5
    if uniform(generator, 0, 1) < 0.6:
        controls[:, 1:, 0] = controls[:, :-1, 2]
    shape = (classes, count)
    bent = controls[:, None] + 0.07 * jitter * torch.randn(*shape, number, 3, 2, generator=generator)
    t = torch.linspace(0, 1, _POINTS)[:, None]
    curve = (
        (1 - t) ** 2 * bent[..., 0:1, :] + 2 * t * (1 - t) * bent[..., 1:2, :] + t**2 * bent[..., 2:3, :]
    ).flatten(2, 3)
    angle = 0.2 * jitter * torch.randn(shape, generator=generator)
    points = _moved(curve, angle, jitter, generator)
    width = uniform(generator, 0.12, 0.32)
    image = _rendered(points, width, side)
    image = _finished(image, generator)
    return TaskExamples(image, torch.stack([angle.sin(), angle.cos()], -1))


def _moved(points: Tensor, angle: Tensor, jitter: float, generator: torch.Generator) -> Tensor:
    shape = angle.shape
    scale = torch.exp(0.1 * jitter * torch.randn(*shape, 1, generator=generator))
    shift = 0.1 * jitter * torch.randn(*shape, 1, 2, generator=generator)
    c, s = (angle.cos()[..., None] * scale), (angle.sin()[..., None] * scale)
    x, y = points[..., 0], points[..., 1]
    return torch.stack([c * x - s * y, s * x + c * y], -1) + shift


def _rendered(points: Tensor, width: float, side: int) -> Tensor:
    flat = points.flatten(0, 1)
    pixels = grid(side)
    # [examples, points, pixels].
    distance = flat.square().sum(-1)[:, :, None] - 2 * flat @ pixels.T + pixels.square().sum(-1)
    nearest = distance.amin(1)
    return torch.exp(-nearest / (2 * width**2)).unflatten(0, points.shape[:2])


def _finished(image: Tensor, generator: torch.Generator) -> Tensor:
    if uniform(generator, 0, 1) < 0.5:
        image = image + uniform(generator, 0.02, 0.2) * torch.randn(image.shape, generator=generator)
    if uniform(generator, 0, 1) < 0.3:
        image = 1 - image
    return image.clamp(0, 1)


def _spectrum(side: int, power: float) -> Tensor:
    f = torch.fft.fftfreq(side) * side
    radius = (f[:, None].square() + f[None, :].square()).sqrt()
    return (1 + radius) ** -power


def fields(generator: torch.Generator, count: int, side: int, power: float) -> Tensor:
    """Smooth random images, [count, side * side], with spectrum (1 + f)^-power, each at mean 0 and variance 1."""
    white = torch.randn(count, side, side, generator=generator)
    smooth = torch.fft.ifft2(torch.fft.fft2(white) * _spectrum(side, power)).real.flatten(1)
    return (smooth - smooth.mean(1, keepdim=True)) / smooth.std(1, keepdim=True).clamp(min=1e-3)


def textures(generator: torch.Generator, classes: int, count: int, side: int) -> TaskExamples:
    """Smooth images: one to three templates per class, a shared subspace of deformations, gain, offset, mask."""
    power = uniform(generator, 1.0, 3.0)
    templates = fields(generator, classes * 3, side, power).unflatten(0, (classes, 3))
    kinds = 1 + choice(generator, 3)
    which = torch.randint(kinds, (classes, count), generator=generator)
    base = templates[torch.arange(classes)[:, None], which]
    subspace = fields(generator, 12, side, uniform(generator, 1.0, 3.0))
    sizes = torch.arange(1, 13) ** -uniform(generator, 0.2, 1.2)
    weights = torch.randn(classes, count, 12, generator=generator) * sizes
    image = base + uniform(generator, 0.3, 1.6) * weights @ subspace
    gain = torch.exp(uniform(generator, 0, 0.5) * torch.randn(classes, count, 1, generator=generator))
    offset = uniform(generator, 0, 1.0) * torch.randn(classes, count, 1, generator=generator)
    image = gain * image + offset
    image = image + uniform(generator, 0, 0.3) * torch.randn(image.shape, generator=generator)
    if uniform(generator, 0, 1) < 0.4:
        image = image * (fields(generator, 1, side, 3.0) > -0.7)
    image = torch.sigmoid(image) if uniform(generator, 0, 1) < 0.5 else (0.5 + 0.2 * image).clamp(0, 1)
    return TaskExamples(image, image.new_zeros(classes, count, 0))


def mixtures(generator: torch.Generator, classes: int, count: int, side: int) -> TaskExamples:
    """Table-like rows: Gaussian clusters in a small latent space, mixed by a power law, bent, of unlike scales."""
    latent = 6 + choice(generator, 15)
    kinds = 1 + choice(generator, 3)
    spread = uniform(generator, 0.4, 1.2)
    centres = torch.randn(classes, kinds, latent, generator=generator)
    which = torch.randint(kinds, (classes, count), generator=generator)
    z = centres[torch.arange(classes)[:, None], which]
    z = z + spread * torch.randn(classes, count, latent, generator=generator)
    z = z * torch.arange(1, latent + 1) ** -uniform(generator, 0.0, 1.0)
    width = side * side
    x = z @ torch.randn(latent, width, generator=generator) / math.sqrt(latent)
    x = x + uniform(generator, 0, 0.5) * torch.randn(x.shape, generator=generator)
    x = _warped(x, generator)
    scales = torch.exp(uniform(generator, 0, 0.7) * torch.randn(width, generator=generator))
    x = x * scales
    return TaskExamples(x / x.std().clamp(min=1e-3), x.new_zeros(classes, count, 0))


def _warped(x: Tensor, generator: torch.Generator) -> Tensor:
    kind = choice(generator, 4)
    if kind == 0:
        return x
    if kind == 1:
        return torch.sigmoid(2 * x)
    if kind == 2:
        return torch.exp(0.7 * x.clamp(max=4))
    return (x > uniform(generator, 0, 0.8)).float()


PROCEDURAL: dict[str, TaskFamily] = {"strokes": strokes, "textures": textures, "mixtures": mixtures}
