"""Sound as the spikes of a bank of filters, each with an integrating neuron behind it."""

from __future__ import annotations

import numpy as np

from snntrain.events.array import event_array

CHANNELS = 32
LOWEST_HZ = 100
WINDOW_MS, HOP_MS = 32, 5
RANGE_DB = 50
"""A channel that much below the loudest of its recording is silent."""


def sound_events(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the spikes of ``CHANNELS`` neurons that listen to ``samples`` (N,), ``rate`` a second.

    Each integrates, without a leak, its filter's energy in decibels, from 0 at ``RANGE_DB`` below
    the loudest of the recording to 1, every ``HOP_MS``; where the sum reaches 1 it spikes and 1 is
    taken off. So a spike train's rate is loudness, 200 a second at most. The filters are
    triangles, equally wide and spaced in mel, from ``LOWEST_HZ`` to half of ``rate``, over
    Hann-windowed spectra. An event's column is its channel, the lowest pitch first.

    Source: filters as in S. Davis and P. Mermelstein 1980, section II; mel as D. O'Shaughnessy
    1987, 2595 log10(1 + f/700).
    """
    window, hop = rate * WINDOW_MS // 1000, rate * HOP_MS // 1000
    padded = np.pad(samples.astype(np.float64), (window // 2, window // 2))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    power = abs(np.fft.rfft(pieces * np.hanning(window), axis=1)) ** 2
    energy = power @ _filters(rate, window).T
    decibel = 10 * np.log10(np.maximum(energy / max(energy.max(), 1e-9), 1e-9))
    loud = np.clip(1 + decibel / RANGE_DB, 0, 1)
    reached = np.floor(np.cumsum(loud, axis=0) + 1e-9)
    hops, channels = np.nonzero(np.diff(reached, axis=0, prepend=0))
    return event_array(hops * HOP_MS * 1000, channels, 0, True)


def _filters(rate: int, window: int) -> np.ndarray:
    """Return the weight of each frequency in each channel: (CHANNELS, window // 2 + 1)."""
    mel = np.linspace(_mel(LOWEST_HZ), _mel(rate / 2), CHANNELS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    frequency = np.fft.rfftfreq(window, 1 / rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequency - low) / (middle - low), (high - frequency) / (high - middle)
    return np.maximum(0, np.minimum(rising, falling))


def _mel(frequency: float) -> float:
    return 2595 * np.log10(1 + frequency / 700)
