"""This module fits a penalised logistic regression with the method L-BFGS."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float32]
Loss = Callable[[Vector], tuple[float, Vector]]

STEPS, MEMORY, ENOUGH = 300, 10, 1e-6


def fit_logistic(matrix: Matrix, labels: NDArray[np.bool_], importance: Vector, penalty: Vector) -> Vector:
    """Return a weight for each column, and the bias behind them. `importance` weighs rows, `penalty` columns."""
    columns = np.c_[matrix, np.ones(len(matrix))].astype(np.float32)
    signs = np.where(labels, 1.0, -1.0)
    penalties = np.r_[penalty, 1e-6]

    def loss(weights: Vector) -> tuple[float, Vector]:
        margins = signs * (columns @ weights.astype(np.float32))
        slopes = -signs * importance / (1 + np.exp(np.clip(margins, -50, 50)))
        value = importance @ np.logaddexp(0, -margins) + 0.5 * penalties @ weights**2
        return float(value), np.asarray(columns.T @ slopes.astype(np.float32), np.float64) + penalties * weights

    return minimize(loss, np.zeros(columns.shape[1]))


def minimize(loss: Loss, start: Vector) -> Vector:
    """Find where a smooth loss is least. `loss` returns its value and its slope."""
    place, memory = start, list[tuple[Vector, Vector]]()
    value, slope = loss(place)
    for _ in range(STEPS):
        direction = -_scale_slope(slope, memory)
        step = _search_line(loss, place, value, direction, float(slope @ direction))
        new_value, new_slope = loss(place + step)
        if step @ (new_slope - slope) > 1e-10:
            memory = [*memory[1 - MEMORY :], (step, new_slope - slope)]
        place, gain = place + step, value - new_value
        value, slope = new_value, new_slope
        if abs(gain) < ENOUGH * max(abs(value), 1):
            break
    return place


def _scale_slope(slope: Vector, memory: list[tuple[Vector, Vector]]) -> Vector:
    """Multiply the slope by what the last steps tell of the inverse curvature."""
    scaled, shares = slope.copy(), list[float]()
    for step, change in reversed(memory):
        shares.append(float(step @ scaled / (change @ step)))
        scaled -= shares[-1] * change
    if memory:
        step, change = memory[-1]
        scaled *= step @ change / (change @ change)
    else:
        scaled /= np.linalg.norm(slope) + 1e-9
    for (step, change), share in zip(memory, reversed(shares), strict=True):
        scaled += step * (share - change @ scaled / (change @ step))
    return scaled


def _search_line(loss: Loss, place: Vector, value: float, direction: Vector, slope: float) -> Vector:
    length = 1.0
    while length > 1e-6 and loss(place + length * direction)[0] > value + 1e-4 * length * slope:
        length /= 2
    return length * direction
