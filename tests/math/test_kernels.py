"""Kernels and left-out rows of Gaussian processes against dense computations that leave the rows out."""

import numpy as np
import pytest

from auxin.math.kernels import Columns, Kernel, blocks_of, left_out, median_distance, slopes

N, K = 14, 3


def given(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(N, 2))
    own = draw.normal(size=(N, K))
    y = np.stack([np.sin(x[:, 0]) + own[:, 0], x[:, 1]], 1) + 0.1 * draw.normal(size=(N, 2))
    return x, y, own, own + 0.5 * draw.normal(size=(N, K))


@pytest.mark.parametrize("groups", [np.arange(N), np.array([0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9])])
@pytest.mark.parametrize("trust", [None, 0.3])
def test_left_out_errors_equal_those_of_a_model_without_the_rows(
    groups: np.ndarray, trust: float | None
) -> None:
    x, y, own, hat = given()
    kernel, noise = Kernel(0.8, 0.3, 2.0), 0.05
    columns = None if trust is None else Columns(own, hat, (10.0, trust))
    found = {(n, t): e for n, t, e in left_out(kernel(x, x), (1.0, noise), y, blocks_of(groups), columns)}
    error = found[noise, trust or 0.0]
    for group in np.unique(groups):
        out, rest = groups == group, groups != group
        # y = a r + f + noise with r ~ N(0, trust): the joint covariance of what is left and what is predicted
        joint = kernel(x, x)
        gram, cross = joint[np.ix_(rest, rest)], joint[np.ix_(out, rest)]
        if trust is not None:
            gram = gram + trust * own[rest] @ own[rest].T
            cross = cross + trust * hat[out] @ own[rest].T
        guess = cross @ np.linalg.solve(gram + noise * np.eye(rest.sum()), y[rest])
        np.testing.assert_allclose(error[out], y[out] - guess, rtol=1e-9, atol=1e-9)


def test_slopes_are_the_posterior_mean() -> None:
    x, y, own, _ = given()
    gram = Kernel(1.0, 0.0)(x, x)
    joint = gram + 0.7 * own @ own.T + 0.2 * np.eye(N)
    wanted = 0.7 * own.T @ np.linalg.solve(joint, y)
    np.testing.assert_allclose(slopes(gram, 0.2, y, own, 0.7), wanted, rtol=1e-9)


def test_the_kernel_is_scikit_learns_matern_beside_a_linear_one() -> None:
    from sklearn.gaussian_process.kernels import Matern

    x = given()[0]
    wanted = 0.7 * Matern(1.5 * 2**0.5, nu=1.5)(x) + 0.3 * x @ x.T / 2 + 1
    np.testing.assert_allclose(Kernel(1.5, 0.3, 2.0)(x, x), wanted, atol=1e-7)


def test_the_unit_is_the_median_and_never_zero() -> None:
    assert median_distance(np.array([[0.0], [1.0], [3.0]])) == 4.0
    assert median_distance(np.ones((3, 2))) == median_distance(np.ones((1, 2))) == 1.0
