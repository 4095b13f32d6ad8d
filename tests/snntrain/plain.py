"""The neurons of the training side once more, as plain loops over NumPy arrays."""

import numpy as np


def leaky(currents, decay_u, decay_v, bias=0.0, threshold=np.inf, recurrent=None):
    """Return spikes and voltages before reset, both (T, B, ...), of currents (T, B, ...)."""
    u = v = s = np.zeros(currents.shape[1:])
    spikes, voltages = [], []
    for current in currents:
        entering = current if recurrent is None else current + recurrent(s)
        u = u * (1 - decay_u) + entering
        v = v * (1 - decay_v) + u + bias
        s = np.where(v > threshold, 1.0, 0.0)
        spikes.append(s)
        voltages.append(v)
        v = np.where(s == 1, 0.0, v)
    return np.stack(spikes), np.stack(voltages)
