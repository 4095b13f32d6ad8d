"""Spike-train level post-synaptic potentials (S-PSP): what one train adds to the spikes of another.

Between two spikes of a neuron its voltage is linear in its inputs. So the S-PSP ``e_{i|j}``, the
voltage from the train of ``j`` at weight 1 that the spikes of ``i`` remove, is a product over
time of two sequences, each of one neuron alone: :func:`potentials` of ``j``, which nothing
resets, and :func:`windows` of ``i``, which cut them at its spikes.

Source: Zhang and Li 2019, arXiv 1908.06378, section 3.1, and ``eij_step.m`` of its code, which
adds up the same numbers neuron pair by neuron pair.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from hwsim.neurons import CubaRefractory
from snntrain.layers import Readout, Spiking, unroll

DRAWS, DEGREE, SEED = 1000, 4, 0
"""Random trains for each count, and degree of the polynomial through their means.

Source: ``eij_function.m`` of the paper's code.
"""


def rest(layer: Spiking) -> int:
    """Return for how many steps the voltage of ``layer`` rests after a spike."""
    return layer.period if layer.kind is CubaRefractory else 0


def potentials(layer: Spiking, trains: Tensor) -> Tensor:
    """Return the voltage (T, B, m) that each of ``trains`` (T, B, m) would leave alone.

    The neuron has the decays of ``layer``, a weight of 1, and never fires.
    """
    silent = Readout(trains.shape[2], decay_u=layer.decay_u, decay_v=layer.decay_v)
    return unroll(silent, trains)


def windows(layer: Spiking, spikes: Tensor) -> Tensor:
    """Return what a potential counts for in each step (T, B, n), given ``spikes`` (T, B, n).

    It counts once at each spike, less what has not leaked of it since the voltage was last held
    at 0, at the end of the rest after the spike before.
    """
    period, keep = rest(layer), 1 - layer.decay_v
    found, left = spikes.clone(), torch.zeros_like(spikes[0])
    for step in range(len(spikes) - 2, period - 1, -1):
        after = spikes[step + 1]
        left = keep * (after + (1 - after) * left)  # of a potential in this step, at the next spike
        found[step] -= spikes[step - period] * left
    return found


def delayed(spikes: Tensor) -> Tensor:
    """Return ``spikes`` (T, ...) one step later, as a recurrent connection hands them on."""
    return torch.cat([torch.zeros_like(spikes[:1]), spikes[:-1]])


@cache
def count_slopes(steps: int, decay_u: float, decay_v: float, refractory: int) -> Tensor:
    """Return how the S-PSP of one input spike changes with the count of output spikes.

    Entry ``n`` (1 per spike) belongs to ``n`` output spikes, entry 0 is 0. The first spikes add
    windows, so more of the input is removed; many make windows too short to fill. As in the
    paper's code it is the derivative of a polynomial through means over random trains, here of
    ``steps`` steps and every count that fits. Since an S-PSP is linear in its input, a spike at a
    random time is a constant input of ``1 / steps``, and one row serves all counts of inputs.
    """
    layer = Spiking(1, decay_u=decay_u, decay_v=decay_v, norm=False, refractory=refractory)
    random = np.random.default_rng(SEED)
    counts = range(1, (steps - 1) // (refractory + 1) + 2)
    trains = np.stack([_random_trains(random, steps, n, refractory) for n in counts], axis=2)
    drive = torch.full((steps, 1, 1), 1 / steps, dtype=torch.float64)
    driven = potentials(layer, drive) * windows(layer, torch.from_numpy(trains))
    means = driven.sum(dim=0).mean(dim=0).numpy()
    curve = np.polynomial.Polynomial.fit(counts, means, min(DEGREE, len(counts) - 1))
    return torch.tensor([0.0, *curve.deriv()(np.array(counts))])


def _random_trains(
    random: np.random.Generator, steps: int, count: int, refractory: int
) -> np.ndarray:
    """Draw trains (steps, DRAWS) of ``count`` spikes with ``refractory`` rests between them.

    All such trains are equally likely: their gaps are what is left when the rests are taken out.
    """
    free = steps - (count - 1) * refractory
    chosen = random.random((DRAWS, free)).argsort(axis=1)[:, :count]
    times = np.sort(chosen, axis=1) + refractory * np.arange(count)
    trains = np.zeros((steps, DRAWS))
    trains[times.T, np.arange(DRAWS)] = 1
    return trains
