"""How finely a graded input is coded: the step that leaves the first currents most exact."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hwsim.errors import CheckError
from snnexport.passes.calibration import Calibration
from snnexport.passes.integers import Task, edge_errors
from snnexport.passes.scales import quantized_layer


def best_step(
    calibration: Calibration, source: str, readers: Callable[[float], Sequence[Task]]
) -> float:
    """Return the power of two that the input should be divided by, 1 for spikes.

    A coarser input leaves more bits to the weights, whose scale the bias, the threshold and the
    proven bound on u limit. Taken is the step whose worst reader has the largest ratio of signal
    to quantization noise: rounded inputs times weights, and inputs times rounded weights.

    Parameters
    ----------
    calibration
        Of the input; its ``inputs`` are what is rounded.
    source
        The name of the input.
    readers
        Returns, for a step, what quantizing each layer that reads the input starts from.
    """
    steps = [1.0]
    while 4 * steps[-1] <= max(-calibration.low, calibration.high):
        steps.append(2 * steps[-1])
    return max(steps, key=lambda step: _worst_ratio(calibration, source, readers(step), step))


def _worst_ratio(
    calibration: Calibration, source: str, tasks: Sequence[Task], step: float
) -> float:
    """Return the smallest ratio of signal to noise of the currents that the input drives."""
    power, lost = (value / step**2 for value in calibration.input_power(step))
    worst = float("inf")
    for task in tasks:
        try:
            integers, _ = quantized_layer(task)
        except CheckError:
            return 0.0
        assert integers.scale is not None
        signal = noise = 0.0
        for edge, error in zip(task.layer.edges, edge_errors(task, integers.scale), strict=True):
            if edge.source == source:
                squares = float((edge.weights.weight**2).sum())
                signal += power * squares
                noise += lost * squares + power * error
        worst = min(worst, signal / noise if noise else float("inf"))
    return worst
